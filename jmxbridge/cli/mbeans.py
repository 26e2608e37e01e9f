"""`jmxbridge mbeans`: names and values of a JVM's MBeans; a file is not needed."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmxbridge.cli.arguments import FileOption, Json
from jmxbridge.cli.exit import FINDINGS, document, echo_json, fail, reported
from jmxbridge.cli.explain import explain
from jmxbridge.cli.jvm import EVERYTHING, Jvm, TargetName, connect, find, parse_pattern
from jmxbridge.cli.mbean_values import plain, shown
from jmxbridge.cli.suggest import suggest
from jmxbridge.cli.watch import EVERY_S, Every, Watch, clear_sequence, until_stopped

if TYPE_CHECKING:
    from jmxbridge.cli.changes import Change, ValueKey
    from jmxbridge.jmx import ObjectName
    from jmxbridge.jmx.values import Value
    from jmxbridge.transports.transport import MBeans

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Read the MBeans of a JVM.\n\nTARGET is a name from the file, or HOST:PORT.\n\n"
    "Example: jmxbridge mbeans explain 127.0.0.1:9999",
)
app.command("explain")(explain)
app.command("suggest")(suggest)


@app.command("ls")
def ls(
    target: TargetName,
    pattern: Annotated[str, typer.Argument(help="An ObjectName pattern.")] = EVERYTHING,
    tree: Annotated[
        int | None,
        typer.Option(
            "--tree",
            metavar="DEPTH",
            min=1,
            help="Print a tree with this many levels: 1 domains, 2 also their types.",
        ),
    ] = None,
    file: FileOption = None,
    as_json: Json = False,
) -> None:
    """Print the names of the MBeans that match PATTERN, sorted, or as a tree with counts.

    Example: jmxbridge mbeans ls 127.0.0.1:9999 'kafka.server:type=BrokerTopicMetrics,*'
    """
    from jmxbridge.mbeans.tree import lines

    with reported():
        names = asyncio.run(query(find(target, file).jvm, parse_pattern(pattern)))
    if as_json:
        echo_json("mbeans", {"target": target, "mbeans": [name.text for name in names]})
        return
    for line in (name.text for name in names) if tree is None else lines(names, tree):
        typer.echo(line)


@app.command("get")
def get(
    target: TargetName,
    pattern: Annotated[str, typer.Argument(help="An ObjectName or a pattern.")],
    attributes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ATTRIBUTE]...", help="Attributes to read; all if none is given."),
    ] = None,
    file: FileOption = None,
    watch: Watch = False,
    every: Every = EVERY_S,
    as_json: Json = False,
) -> None:
    """Print the attributes of the MBeans that match PATTERN, with their current values.

    With --watch the values are read repeatedly until Ctrl-C. A terminal shows all values, redrawn;
    other outputs get all values once, then each changed value on a line with time and difference.
    If the JVM does not answer, the command keeps trying.

    Exit status 1: no MBean matches.

    Example: jmxbridge mbeans get 127.0.0.1:9999 java.lang:type=Memory HeapMemoryUsage --watch
    """
    with reported():
        jvm, names = find(target, file).jvm, parse_pattern(pattern)
        if watch:
            attribute_watch = AttributeWatch(jvm, names, attributes or (), as_json=as_json)
            asyncio.run(until_stopped(attribute_watch.run(every)))
            return
        readings = asyncio.run(read(jvm, names, attributes or ()))
    if as_json:
        mbeans = [{"name": name.text, "attributes": plain(values)} for name, values in readings]
        echo_json("attributes", {"target": target, "mbeans": mbeans})
    else:
        for name, values in readings:
            typer.echo(name.text)
            for attribute, value in sorted(values.items()):
                typer.echo(f"  {attribute} = {shown(plain(value))}")
    if not readings:
        fail(f"no MBean of {target} matches {pattern}", FINDINGS)


async def query(jvm: Jvm, pattern: "ObjectName") -> "list[ObjectName]":
    """Return the names that match the pattern, sorted."""
    async with await connect(jvm) as mbeans:
        return sorted(await mbeans.query(pattern), key=lambda name: name.text)


async def read(
    jvm: Jvm, pattern: "ObjectName", attributes: Sequence[str]
) -> "list[tuple[ObjectName, Mapping[str, Value]]]":
    """Read attributes of every MBean that matches, over a connection of its own."""
    async with await connect(jvm) as mbeans:
        return await read_on(mbeans, pattern, attributes)


async def read_on(
    mbeans: "MBeans", pattern: "ObjectName", attributes: Sequence[str]
) -> "list[tuple[ObjectName, Mapping[str, Value]]]":
    """Read attributes of every MBean that matches, without those that vanish meanwhile."""
    from jmxbridge.jmx.errors import RemoteException

    names = sorted(await mbeans.query(pattern), key=lambda name: name.text)
    wanted = []
    for name, info in zip(names, await mbeans.get_infos(names), strict=True):
        if isinstance(info, RemoteException):
            continue
        readable = [attribute.name for attribute in info.attributes if attribute.readable]
        chosen = [attribute for attribute in readable if not attributes or attribute in attributes]
        wanted.append((name, chosen))
    replies = await mbeans.get_many(wanted)
    return [
        (name, reply)
        for (name, _), reply in zip(wanted, replies, strict=True)
        if not isinstance(reply, RemoteException)
    ]


class AttributeWatch:
    """Reads the same attributes of a JVM repeatedly, over one connection."""

    def __init__(
        self, jvm: Jvm, pattern: "ObjectName", attributes: Sequence[str], *, as_json: bool
    ) -> None:
        self._jvm = jvm
        self._pattern = pattern
        self._attributes = attributes
        self._as_json = as_json
        self._mbeans: MBeans | None = None
        self._before: dict[ValueKey, Any] = {}

    async def run(self, every_s: float) -> None:
        """Read and print the attributes at every interval, without end."""
        from jmxbridge.jmx.errors import JmxError

        try:
            while True:
                try:
                    await self._read()
                except JmxError as exc:
                    typer.echo(f"error: {exc}", err=True)
                    await self._disconnect()
                await asyncio.sleep(every_s)
        finally:
            await self._disconnect()

    async def _read(self) -> None:
        from jmxbridge.cli.changes import changes, flat

        if self._mbeans is None:
            self._mbeans = await connect(self._jvm)
        now = flat(await read_on(self._mbeans, self._pattern, self._attributes))
        if not now:
            typer.echo(f"no MBean matches {self._pattern.text}", err=True)
        show_changes(now, changes(self._before, now), as_json=self._as_json)
        self._before = now

    async def _disconnect(self) -> None:
        if self._mbeans is not None:
            mbeans, self._mbeans = self._mbeans, None
            await mbeans.close()


def show_changes(
    now: "Mapping[ValueKey, Any]", changed: "Sequence[Change]", *, as_json: bool
) -> None:
    """Print one reading: on a terminal all values, elsewhere the changed ones."""
    time = datetime.now().astimezone()
    if as_json:
        values = [
            {"mbean": change.key[0], "attribute": change.key[1], "value": change.value}
            | ({} if change.delta is None else {"delta": change.delta})
            for change in changed
        ]
        content = {"time": time.isoformat(timespec="milliseconds"), "changes": values}
        typer.echo(json.dumps(document("changes", content)))
        return
    deltas = {change.key: change.delta for change in changed}
    clear = clear_sequence()
    if clear:
        typer.echo(f"{clear}{time:%H:%M:%S}")
    for key, value in now.items():
        if clear or key in deltas:
            delta = deltas.get(key)
            growth = "" if delta is None else f" ({delta:+g})"
            prefix = "" if clear else f"{time:%H:%M:%S} "
            typer.echo(f"{prefix}{' '.join(key)} = {shown(value)}{growth}")
