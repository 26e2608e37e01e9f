"""`jmxbridge mbeans`: what a JVM has, looked at without a file."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmxbridge.cli.arguments import FileOption, Json, settings_if_any
from jmxbridge.cli.outcome import FINDINGS, USAGE, echo_json, fail, reported

if TYPE_CHECKING:
    from jmxbridge.jmx import Connection, ObjectName
    from jmxbridge.jmx.values import Value

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the MBeans of a JVM; TARGET is a name from the file, or HOST:PORT.",
)

TargetName = Annotated[
    str, typer.Argument(metavar="TARGET", help="Name from the file, or HOST:PORT.")
]
EVERYTHING = "*:*"


@app.command("ls")
def ls(
    target: TargetName,
    pattern: Annotated[str, typer.Argument(help="ObjectName pattern.")] = EVERYTHING,
    file: FileOption = None,
    as_json: Json = False,
) -> None:
    """Print the names of the MBeans that match PATTERN, sorted.

    Example: jmxbridge mbeans ls 127.0.0.1:9999 'kafka.server:type=BrokerTopicMetrics,*'
    """
    with reported():
        names = asyncio.run(query(find(target, file), parse_pattern(pattern)))
    if as_json:
        echo_json("mbeans", {"target": target, "mbeans": [name.text for name in names]})
        return
    for name in names:
        typer.echo(name.text)


@app.command("get")
def get(
    target: TargetName,
    pattern: Annotated[str, typer.Argument(help="ObjectName, or a pattern.")],
    attributes: Annotated[
        list[str] | None, typer.Argument(metavar="[ATTRIBUTE]...", help="All, if none is named.")
    ] = None,
    file: FileOption = None,
    as_json: Json = False,
) -> None:
    """Print the attributes of the MBeans that match PATTERN, with their values now.

    Exit status 1: no MBean matches.

    Example: jmxbridge mbeans get 127.0.0.1:9999 java.lang:type=Memory HeapMemoryUsage
    """
    with reported():
        found = asyncio.run(read(find(target, file), parse_pattern(pattern), attributes or ()))
    if as_json:
        mbeans = [{"name": name.text, "attributes": plain(values)} for name, values in found]
        echo_json("attributes", {"target": target, "mbeans": mbeans})
    else:
        for name, values in found:
            typer.echo(name.text)
            for attribute, value in sorted(values.items()):
                typer.echo(f"  {attribute} = {shown(value)}")
    if not found:
        fail(f"no MBean of {target} matches {pattern}", FINDINGS)


@dataclass(frozen=True, slots=True)
class Jvm:
    """Where a JVM's JMX port is; `rmi_host` and `rmi_port` replace what it advertises."""

    host: str
    port: int
    rmi_host: str | None = None
    rmi_port: int | None = None


def find(target: str, file: Path | None) -> Jvm:
    """Return where the file's target of that name is, or HOST:PORT; raises ConfigError."""
    from jmxbridge.config.address import parse_jmx_address
    from jmxbridge.config.malformed import Malformed

    settings = settings_if_any(file)
    known = {} if settings is None else {each.name: each for each in settings.targets}
    if target in known:
        found = known[target]
        return Jvm(found.jmx.host, found.jmx.port, found.rmi_host, found.rmi_port)
    try:
        address = parse_jmx_address(target)
    except Malformed as exc:
        names = f" (the file has {', '.join(known)})" if known else ""
        fail(f"{target} is neither a target of the file{names} nor HOST:PORT: {exc}", USAGE)
    return Jvm(address.host, address.port)


def parse_pattern(text: str) -> "ObjectName":
    """Read an ObjectName or pattern from the command line."""
    from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName

    try:
        return ObjectName.parse(text)
    except MalformedObjectName as exc:
        fail(f"{text}\n{' ' * exc.position}^ {exc}", USAGE)


async def connect(jvm: Jvm) -> "Connection":
    """Connect as `run` does."""
    from jmxbridge import jmx

    return await jmx.connect(jvm.host, jvm.port, rmi_host=jvm.rmi_host, rmi_port=jvm.rmi_port)


async def query(jvm: Jvm, pattern: "ObjectName") -> "list[ObjectName]":
    """Return the names that match, sorted."""
    async with await connect(jvm) as mbeans:
        return sorted(await mbeans.query_names(pattern), key=lambda name: name.text)


async def read(
    jvm: Jvm, pattern: "ObjectName", attributes: Sequence[str]
) -> "list[tuple[ObjectName, Mapping[str, Value]]]":
    """Read attributes of every MBean that matches; those that vanish meanwhile are left out."""
    from jmxbridge.jmx.errors import RemoteException

    async with await connect(jvm) as mbeans:
        names = sorted(await mbeans.query_names(pattern), key=lambda name: name.text)
        wanted = []
        for name, info in zip(names, await mbeans.get_infos(names), strict=True):
            if isinstance(info, RemoteException):
                continue
            readable = [each.name for each in info.attributes if each.readable]
            wanted.append(
                (name, [each for each in readable if not attributes or each in attributes])
            )
        replies = await mbeans.get_many(wanted)
    return [
        (name, reply)
        for (name, _), reply in zip(wanted, replies, strict=True)
        if not isinstance(reply, RemoteException)
    ]


def plain(value: "Value | Mapping[str, Value]") -> Any:
    """Turn a value into what JSON has: composites to objects, arrays to lists, dates to text."""
    from jmxbridge.jmx.object_name import ObjectName

    match value:
        case float() if not math.isfinite(value):
            return str(value)  # JSON has no NaN and no infinities
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat()
        case ObjectName():
            return value.text
        case Mapping():
            return {key: plain(each) for key, each in value.items()}
        case tuple():
            return [plain(each) for each in value]
        case _:
            return repr(value)


def shown(value: "Value") -> str:
    """Write a value for people: text as it is, everything with a structure as JSON."""
    import json

    readable = plain(value)
    return readable if isinstance(readable, str) else json.dumps(readable, ensure_ascii=False)
