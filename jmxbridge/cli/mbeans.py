"""`jmxbridge mbeans`: what a JVM has, looked at without a file."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmxbridge.cli.arguments import FileOption, Json
from jmxbridge.cli.explain import explain
from jmxbridge.cli.jvm import EVERYTHING, Jvm, TargetName, connect, find, parse_pattern
from jmxbridge.cli.outcome import FINDINGS, echo_json, fail, reported
from jmxbridge.cli.suggest import suggest

if TYPE_CHECKING:
    from jmxbridge.jmx import ObjectName
    from jmxbridge.jmx.values import Value

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the MBeans of a JVM; TARGET is a name from the file, or HOST:PORT.",
)
app.command("explain")(explain)
app.command("suggest")(suggest)


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
        names = asyncio.run(query(find(target, file).jvm, parse_pattern(pattern)))
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
        found = asyncio.run(read(find(target, file).jvm, parse_pattern(pattern), attributes or ()))
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


async def query(where: Jvm, pattern: "ObjectName") -> "list[ObjectName]":
    """Return the names that match, sorted."""
    async with await connect(where) as mbeans:
        return sorted(await mbeans.query_names(pattern), key=lambda name: name.text)


async def read(
    where: Jvm, pattern: "ObjectName", attributes: Sequence[str]
) -> "list[tuple[ObjectName, Mapping[str, Value]]]":
    """Read attributes of every MBean that matches; those that vanish meanwhile are left out."""
    from jmxbridge.jmx.errors import RemoteException

    async with await connect(where) as mbeans:
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
