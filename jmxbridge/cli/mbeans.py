"""`jmxbridge mbeans`: what a JVM has, looked at without a file."""

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
from jmxbridge.cli.watch import EVERY_S, Every, Watch, clear, until_stopped

if TYPE_CHECKING:
    from jmxbridge.cli.changes import Change, Place
    from jmxbridge.jmx import ObjectName
    from jmxbridge.jmx.values import Value
    from jmxbridge.transports.transport import MBeans

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the MBeans of a JVM; TARGET is a name from the file, or HOST:PORT.\n\n"
    "Example: jmxbridge mbeans explain 127.0.0.1:9999",
)
app.command("explain")(explain)
app.command("suggest")(suggest)


@app.command("ls")
def ls(
    target: TargetName,
    pattern: Annotated[str, typer.Argument(help="ObjectName pattern.")] = EVERYTHING,
    tree: Annotated[
        int | None,
        typer.Option(
            "--tree",
            metavar="DEPTH",
            min=1,
            help="As a tree of so many levels: 1 is domains, 2 their types.",
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
    pattern: Annotated[str, typer.Argument(help="ObjectName, or a pattern.")],
    attributes: Annotated[
        list[str] | None, typer.Argument(metavar="[ATTRIBUTE]...", help="All, if none is named.")
    ] = None,
    file: FileOption = None,
    watch: Watch = False,
    every: Every = EVERY_S,
    as_json: Json = False,
) -> None:
    """Print the attributes of the MBeans that match PATTERN, with their values now.

    With --watch it goes on until Ctrl-C: on a terminal all values, drawn again; elsewhere all of
    them once and then those that change, one a line, with the time and the difference. A JVM that
    is away for a while is waited for.

    Exit status 1: no MBean matches.

    Example: jmxbridge mbeans get 127.0.0.1:9999 java.lang:type=Memory HeapMemoryUsage --watch
    """
    with reported():
        jvm, names = find(target, file).jvm, parse_pattern(pattern)
        if watch:
            watching = Watching(jvm, names, attributes or (), as_json=as_json)
            asyncio.run(until_stopped(watching.run(every)))
            return
        found = asyncio.run(read(jvm, names, attributes or ()))
    if as_json:
        mbeans = [{"name": name.text, "attributes": plain(values)} for name, values in found]
        echo_json("attributes", {"target": target, "mbeans": mbeans})
    else:
        for name, values in found:
            typer.echo(name.text)
            for attribute, value in sorted(values.items()):
                typer.echo(f"  {attribute} = {shown(plain(value))}")
    if not found:
        fail(f"no MBean of {target} matches {pattern}", FINDINGS)


async def query(where: Jvm, pattern: "ObjectName") -> "list[ObjectName]":
    """Return the names that match, sorted."""
    async with await connect(where) as mbeans:
        return sorted(await mbeans.query(pattern), key=lambda name: name.text)


async def read(
    where: Jvm, pattern: "ObjectName", attributes: Sequence[str]
) -> "list[tuple[ObjectName, Mapping[str, Value]]]":
    """Read attributes of every MBean that matches, on a connection for that alone."""
    async with await connect(where) as mbeans:
        return await read_on(mbeans, pattern, attributes)


async def read_on(
    mbeans: "MBeans", pattern: "ObjectName", attributes: Sequence[str]
) -> "list[tuple[ObjectName, Mapping[str, Value]]]":
    """Read attributes of every MBean that matches; those that vanish meanwhile are left out."""
    from jmxbridge.jmx.errors import RemoteException

    names = sorted(await mbeans.query(pattern), key=lambda name: name.text)
    wanted = []
    for name, info in zip(names, await mbeans.get_infos(names), strict=True):
        if isinstance(info, RemoteException):
            continue
        readable = [each.name for each in info.attributes if each.readable]
        wanted.append((name, [each for each in readable if not attributes or each in attributes]))
    replies = await mbeans.get_many(wanted)
    return [
        (name, reply)
        for (name, _), reply in zip(wanted, replies, strict=True)
        if not isinstance(reply, RemoteException)
    ]


class Watching:
    """Reads the same attributes of a JVM again and again, on a connection that it keeps."""

    def __init__(
        self, jvm: Jvm, pattern: "ObjectName", attributes: Sequence[str], *, as_json: bool
    ) -> None:
        self._jvm = jvm
        self._pattern = pattern
        self._attributes = attributes
        self._as_json = as_json
        self._mbeans: MBeans | None = None
        self._before: dict[Place, Any] = {}

    async def run(self, every_s: float) -> None:
        """Print what is read, for ever."""
        from jmxbridge.jmx.errors import JmxError

        try:
            while True:
                try:
                    await self._look()
                except JmxError as exc:
                    typer.echo(f"error: {exc}", err=True)
                    await self._leave()
                await asyncio.sleep(every_s)
        finally:
            await self._leave()

    async def _look(self) -> None:
        from jmxbridge.cli.changes import changes, flat

        if self._mbeans is None:
            self._mbeans = await connect(self._jvm)
        now = flat(await read_on(self._mbeans, self._pattern, self._attributes))
        if not now:
            typer.echo(f"no MBean matches {self._pattern.text}", err=True)
        show_changes(now, changes(self._before, now), as_json=self._as_json)
        self._before = now

    async def _leave(self) -> None:
        if self._mbeans is not None:
            mbeans, self._mbeans = self._mbeans, None
            await mbeans.close()


def show_changes(now: "Mapping[Place, Any]", changed: "Sequence[Change]", *, as_json: bool) -> None:
    """Print one reading: on a terminal all of it, elsewhere what is not as it was."""
    time = datetime.now().astimezone()
    if as_json:
        values = [
            {"mbean": each.place[0], "attribute": each.place[1], "value": each.value}
            | ({} if each.delta is None else {"delta": each.delta})
            for each in changed
        ]
        content = {"time": time.isoformat(timespec="milliseconds"), "changes": values}
        typer.echo(json.dumps(document("changes", content)))
        return
    said = {each.place: each.delta for each in changed}
    emptied = clear()
    if emptied:
        typer.echo(f"{emptied}{time:%H:%M:%S}")
    for place, value in now.items():
        if emptied or place in said:
            delta = said.get(place)
            grown = "" if delta is None else f" ({delta:+g})"
            begin = "" if emptied else f"{time:%H:%M:%S} "
            typer.echo(f"{begin}{' '.join(place)} = {shown(value)}{grown}")
