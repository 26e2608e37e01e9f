"""`jmxbridge lag`: how far behind the groups are, read straight from the cluster."""

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli import completion
from jmxbridge.cli.arguments import FileOption, Json, settings_if_any
from jmxbridge.cli.exit import FINDINGS, USAGE, document, fail, reported
from jmxbridge.cli.legacy_options import ZkOfLag
from jmxbridge.cli.watch import EVERY_S, Every, Watch, clear, until_stopped

if TYPE_CHECKING:
    from jmxbridge.cli.lag_look import Looking
    from jmxbridge.config.model.models import KafkaSettings, Settings
    from jmxbridge.kafka.facts.snapshot import Description
    from jmxbridge.lag.report.look import Look

FILTERS = ("groups", "topics")


def lag(
    group: Annotated[
        str | None,
        typer.Argument(help="One group; else all of the file.", autocompletion=completion.groups),
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            "--bootstrap",
            "-b",
            metavar="HOST:PORT[,HOST:PORT]",
            help="Kafka brokers; tls and sasl are the file's.",
        ),
    ] = None,
    file: FileOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every group and topic, whatever the file leaves out.")
    ] = False,
    watch: Watch = False,
    every: Every = EVERY_S,
    as_json: Json = False,
    zk: ZkOfLag = None,
) -> None:
    """Print the lag of consumer groups, in the columns of kafka-consumer-groups.sh --describe.

    The brokers are those of --bootstrap, or of the file. `-` means that nobody knows: no commit,
    no leader, or a topic that is gone. Who is furthest behind comes first, with a sentence on why.
    Seconds (`>75` is at least, `~75` about) and status come from what `jmxbridge run` saw, or with
    --watch from the looks before. It draws the lag of each topic, and says when the group will have
    caught up.

    With GROUP the log is asked for the seconds where nobody saw them, and the group's consumers
    among the file's targets are asked whether they read and do not commit, are slow, or are gone.
    Said is also what retention deleted unread, or soon will.

    Exit status 1: the group does not exist, or something could not be read.

    Example: jmxbridge lag orders --bootstrap 127.0.0.1:9092 --watch
    """
    with reported():
        settings = settings_if_any(file)
        kafka = find(bootstrap, settings)
        if everything:
            kafka = unfiltered(kafka)
        # Another cluster than the file's has nothing to do with its targets, nor with its past.
        settings = settings if bootstrap is None else None
        if watch:
            asyncio.run(follow(kafka, group, settings, every_s=every, as_json=as_json))
            return
        found = asyncio.run(once(kafka, group, settings, every_s=every, as_json=as_json))
    if found.missing or found.snapshot.errors:
        raise typer.Exit(FINDINGS)


def find(bootstrap: str | None, settings: "Settings | None") -> "KafkaSettings":
    """Return the cluster to ask: of --bootstrap, with the file's filters, or the file's own."""
    from jmxbridge.config.model.models import KafkaSettings
    from jmxbridge.config.text.problem import InvalidValue
    from jmxbridge.config.values.address import parse_address

    of_file = None if settings is None else settings.kafka
    if bootstrap is None:
        if of_file is None:
            fail("which Kafka? Give --bootstrap HOST:PORT, or a file with a kafka section", USAGE)
        return of_file
    try:
        addresses = tuple(parse_address(each.strip()) for each in bootstrap.split(","))
    except InvalidValue as exc:
        fail(f"--bootstrap: {exc}", USAGE)
    if of_file is None:
        return KafkaSettings(bootstrap=addresses)
    return of_file.model_copy(update={"bootstrap": addresses})


def unfiltered(kafka: "KafkaSettings") -> "KafkaSettings":
    """Return the cluster with every group and topic: Kafka's own, Streams', console consumers'."""
    nothing = {"allow": (), "deny": ()}
    update = {name: getattr(kafka, name).model_copy(update=nothing) for name in FILTERS}
    return kafka.model_copy(update=update | {"internal_topics": True})


async def once(
    kafka: "KafkaSettings",
    group: str | None,
    settings: "Settings | None",
    *,
    every_s: float,
    as_json: bool,
) -> "Description":
    """Look one time and print it; raises KafkaUnavailable."""
    from jmxbridge.cli.lag_look import Looking

    looking = Looking(kafka, group, settings=settings, every_s=every_s)
    try:
        description, look = await looking.look()
    finally:
        await looking.close()
    show(description, look, looking.problems(), as_json=as_json)
    return description


async def follow(
    kafka: "KafkaSettings",
    group: str | None,
    settings: "Settings | None",
    *,
    every_s: float,
    as_json: bool,
) -> None:
    """Look again and again until Ctrl-C; a cluster that is away for a while is waited for."""
    from jmxbridge.cli.lag_look import Looking

    looking = Looking(kafka, group, settings=settings, every_s=every_s)
    try:
        await until_stopped(keep_looking(looking, every_s, as_json=as_json))
    finally:
        await looking.close()


async def keep_looking(looking: "Looking", every_s: float, *, as_json: bool) -> None:
    """Print what is seen, each time afresh, for ever."""
    from jmxbridge.kafka.wire.errors import KafkaUnavailable

    while True:
        try:
            description, look = await looking.look()
        except KafkaUnavailable as exc:
            typer.echo(f"error: {exc}", err=True)
        else:
            if not as_json:
                typer.echo(f"{clear()}{datetime.now():%H:%M:%S}")
            show(description, look, looking.problems(), as_json=as_json, graph=True)
        await asyncio.sleep(every_s)


def show(
    description: "Description",
    look: "Look",
    problems: list[str],
    *,
    as_json: bool,
    graph: bool = False,
) -> None:
    """Print what was found, who is furthest behind first; data on stdout, remarks on stderr."""
    from jmxbridge.cli.lag_table import bars, entries, is_coloured, printed, remarks
    from jmxbridge.lag.report.diagnosis import total_lag
    from jmxbridge.lag.report.table import tables

    found = sorted(tables(description), key=total_lag, reverse=True)
    errors = [*description.snapshot.errors, *problems]
    if as_json:
        content = {"groups": entries(found, look), "errors": errors}
        typer.echo(json.dumps(document("lag", content)))
        return
    red = is_coloured()
    for each in found:
        lines = printed(each, look, red=red)
        if graph:
            lines += bars(each, look, red=red)
        for line in lines:
            typer.echo(line)
        for said in remarks(each, look):
            typer.echo(said, err=True)
    for error in errors:
        typer.echo(f"warning: {error}", err=True)
