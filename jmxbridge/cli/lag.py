"""`jmxbridge lag`: lag of consumer groups, read from the cluster."""

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli import completion
from jmxbridge.cli.arguments import FileOption, Json, settings_if_any
from jmxbridge.cli.exit import FINDINGS, USAGE, document, fail, reported
from jmxbridge.cli.legacy_options import ZkForLag
from jmxbridge.cli.watch import EVERY_S, Every, Watch, clear_sequence, until_stopped

if TYPE_CHECKING:
    from jmxbridge.cli.lag_look import LagReader
    from jmxbridge.config.model.models import KafkaSettings, Settings
    from jmxbridge.kafka.facts.snapshot import Description
    from jmxbridge.lag.report.look import LagDetails

FILTERS = ("groups", "topics")


def lag(
    group: Annotated[
        str | None,
        typer.Argument(
            help="One group; else all groups that the file selects.",
            autocompletion=completion.groups,
        ),
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            "--bootstrap",
            "-b",
            metavar="HOST:PORT[,HOST:PORT]",
            help="Kafka brokers; tls and sasl come from the file.",
        ),
    ] = None,
    file: FileOption = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Every group and topic, also those that the file excludes."),
    ] = False,
    watch: Watch = False,
    every: Every = EVERY_S,
    as_json: Json = False,
    zk: ZkForLag = None,
) -> None:
    """Print the lag of consumer groups.

    The columns are those of kafka-consumer-groups.sh --describe. The brokers are those of
    --bootstrap, or of the file. `-` means unknown: no commit, no leader, or a deleted topic. The
    group that is furthest behind comes first, with the likely reason. Seconds (`>75` is at least,
    `~75` about) and status come from the state of `jmxbridge run`. With --watch they come from the
    reads so far, each topic's lag is drawn as bars, and the time until the group has caught up is
    estimated.

    With GROUP, missing seconds are searched in the topics by timestamp, and the file's targets are
    queried for the group's consumers: whether they read without committing, are slow, or are gone.
    Records that retention deleted unread, or will delete soon, are reported too.

    A share group has a start offset, and a lag from Kafka 4.2 on.
    A group that Kafka no longer has is shown with the lag that `jmxbridge run` goes on to write.

    Exit status 1: the group does not exist and did not vanish lately, or some data could not be
    read. A bootstrap address that does not answer is a warning, as long as the others lead to every
    broker.

    Example: jmxbridge lag orders --bootstrap 127.0.0.1:9092 --watch
    """
    with reported():
        settings = settings_if_any(file)
        kafka = find(bootstrap, settings)
        if everything:
            kafka = unfiltered(kafka)
        # The targets and saved state of the file belong to the file's own cluster.
        settings = settings if bootstrap is None else None
        if watch:
            asyncio.run(follow(kafka, group, settings, every_s=every, as_json=as_json))
            return
        description = asyncio.run(once(kafka, group, settings, every_s=every, as_json=as_json))
    if description.missing or description.snapshot.failures:
        raise typer.Exit(FINDINGS)


def find(bootstrap: str | None, settings: "Settings | None") -> "KafkaSettings":
    """Return the cluster of --bootstrap, with the filters of the file, or the file's cluster."""
    from jmxbridge.config.model.models import KafkaSettings
    from jmxbridge.config.text.problem import InvalidValue
    from jmxbridge.config.values.address import parse_address

    of_file = None if settings is None else settings.kafka
    if bootstrap is None:
        if of_file is None:
            fail("which Kafka? Give --bootstrap HOST:PORT, or a file with a kafka section", USAGE)
        return of_file
    try:
        addresses = tuple(parse_address(part.strip()) for part in bootstrap.split(","))
    except InvalidValue as exc:
        fail(f"--bootstrap: {exc}", USAGE)
    if of_file is None:
        return KafkaSettings(bootstrap=addresses)
    return of_file.model_copy(update={"bootstrap": addresses})


def unfiltered(kafka: "KafkaSettings") -> "KafkaSettings":
    """Remove all filters: include Kafka's own topics, Streams' topics and console consumers."""
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
    """Read the lag once and print it; raises KafkaUnavailable."""
    from jmxbridge.cli.lag_look import LagReader

    reader = LagReader(kafka, group, settings=settings, every_s=every_s)
    try:
        description, details = await reader.read()
    finally:
        await reader.close()
    show(description, details, reader.problems(), as_json=as_json)
    return description


async def follow(
    kafka: "KafkaSettings",
    group: str | None,
    settings: "Settings | None",
    *,
    every_s: float,
    as_json: bool,
) -> None:
    """Read the lag repeatedly until Ctrl-C; errors of the cluster do not end it."""
    from jmxbridge.cli.lag_look import LagReader

    reader = LagReader(kafka, group, settings=settings, every_s=every_s)
    try:
        await until_stopped(keep_looking(reader, every_s, as_json=as_json))
    finally:
        await reader.close()


async def keep_looking(reader: "LagReader", every_s: float, *, as_json: bool) -> None:
    """Read and print the lag at every interval, without end."""
    from jmxbridge.kafka.wire.errors import KafkaUnavailable

    while True:
        try:
            description, details = await reader.read()
        except KafkaUnavailable as exc:
            typer.echo(f"error: {exc}", err=True)
        else:
            if not as_json:
                typer.echo(f"{clear_sequence()}{datetime.now():%H:%M:%S}")
            show(description, details, reader.problems(), as_json=as_json, graph=True)
        await asyncio.sleep(every_s)


def show(
    description: "Description",
    details: "LagDetails",
    problems: list[str],
    *,
    as_json: bool,
    graph: bool = False,
) -> None:
    """Print the groups, the furthest behind first; data on stdout, remarks on stderr."""
    from jmxbridge.cli.lag_table import (
        bars,
        entries,
        is_colored,
        printed,
        remarks,
        rounded,
        status_origin,
    )
    from jmxbridge.kafka.facts.throttling import delay_sentences
    from jmxbridge.lag.report.diagnosis import total_lag
    from jmxbridge.lag.report.table import tables

    groups = sorted(tables(description, details.last_seen_ns), key=total_lag, reverse=True)
    snapshot = description.snapshot
    errors = [*snapshot.failures, *problems]
    warnings = [*snapshot.warnings, *delay_sentences(snapshot.throttled_ms).values()]
    if as_json:
        content = {
            "groups": entries(groups, details),
            "errors": errors,
            "warnings": warnings,
            "status_age_seconds": rounded(details.status_age_s),
        }
        typer.echo(json.dumps(document("lag", content)))
        return
    red = is_colored()
    for table in groups:
        lines = printed(table, details, red=red)
        if graph:
            lines += bars(table, details, red=red)
        for line in lines:
            typer.echo(line)
        for remark in remarks(table, details):
            typer.echo(remark, err=True)
    origin = status_origin(details)
    if origin is not None and any(table.rows and table.kind != "share" for table in groups):
        typer.echo(origin, err=True)
    for warning in (*warnings, *errors):
        typer.echo(f"warning: {warning}", err=True)
