"""`jmxbridge lag`: how far behind the groups are, read straight from the cluster."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmxbridge.cli.arguments import FileOption, Json, settings_if_any
from jmxbridge.cli.outcome import FINDINGS, USAGE, document, fail, reported

if TYPE_CHECKING:
    from jmxbridge.config.models import KafkaSettings
    from jmxbridge.kafka.cluster import Cluster
    from jmxbridge.lag.description import Description
    from jmxbridge.lag.table import GroupTable, Row

TIMEOUT_S = 5.0
FILTERS = ("groups", "topics")
CLEAR = "\x1b[H\x1b[2J"
RED, PLAIN = "\x1b[31m", "\x1b[0m"


def lag(
    group: Annotated[str | None, typer.Argument(help="One group; else all of the file.")] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option("--bootstrap", "-b", metavar="HOST:PORT[,HOST:PORT]", help="Kafka brokers."),
    ] = None,
    file: FileOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every group and topic, whatever the file leaves out.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Again and again.")] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.5, metavar="SECONDS", help="With --watch: how often.")
    ] = 2.0,
    as_json: Json = False,
    zk: Annotated[str | None, typer.Option("--zk", hidden=True)] = None,
) -> None:
    """Print the lag of consumer groups, in the columns of kafka-consumer-groups.sh --describe.

    The brokers are those of --bootstrap, or of the file. `-` means that nobody knows: no commit,
    no leader, or a topic that is gone. Who is furthest behind comes first, with a sentence on why.

    Exit status 1: the group does not exist, or something could not be read.

    Example: jmxbridge lag orders --bootstrap 127.0.0.1:9092 --watch
    """
    if zk is not None:
        fail(
            "--zk is KafkaOffsetMonitor's: offsets are in Kafka itself now. Name a broker, not"
            " ZooKeeper: --bootstrap HOST:9092",
            USAGE,
        )
    with reported():
        kafka = find(bootstrap, file)
        if everything:
            nothing = {"allow": (), "deny": ()}
            update = {name: getattr(kafka, name).model_copy(update=nothing) for name in FILTERS}
            kafka = kafka.model_copy(update=update)
        if watch:
            asyncio.run(follow(kafka, group, every_s=every, as_json=as_json))
            return
        description = asyncio.run(look(kafka, group))
    show(description, as_json=as_json)
    if description.missing or description.snapshot.errors:
        raise typer.Exit(FINDINGS)


def find(bootstrap: str | None, file: Path | None) -> "KafkaSettings":
    """Return the cluster to ask: of --bootstrap, with the file's filters, or the file's own."""
    from jmxbridge.config.address import parse_address
    from jmxbridge.config.malformed import Malformed
    from jmxbridge.config.models import KafkaSettings

    settings = settings_if_any(file)
    of_file = None if settings is None else settings.kafka
    if bootstrap is None:
        if of_file is None:
            fail("which Kafka? Give --bootstrap HOST:PORT, or a file with a kafka section", USAGE)
        return of_file
    try:
        addresses = tuple(parse_address(each.strip()) for each in bootstrap.split(","))
    except Malformed as exc:
        fail(f"--bootstrap: {exc}", USAGE)
    if of_file is None:
        return KafkaSettings(bootstrap=addresses)
    return of_file.model_copy(update={"bootstrap": addresses})


async def look(kafka: "KafkaSettings", group: str | None) -> "Description":
    """Ask the cluster one time; raises KafkaUnavailable."""
    from jmxbridge.build import make_cluster

    cluster = make_cluster(kafka, timeout_s=TIMEOUT_S)
    try:
        return await cluster.describe(None if group is None else [group])
    finally:
        await cluster.close()


async def follow(
    kafka: "KafkaSettings", group: str | None, *, every_s: float, as_json: bool
) -> None:
    """Ask again and again until Ctrl-C; a cluster that is away for a while is waited for."""
    from jmxbridge.app import cancel
    from jmxbridge.build import make_cluster
    from jmxbridge.service.signals import stop_requests

    cluster = make_cluster(kafka, timeout_s=TIMEOUT_S)
    with stop_requests() as stop:
        looking = asyncio.create_task(keep_looking(cluster, group, every_s, as_json=as_json))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if looking.done():  # by an error: it never ends by itself
                looking.result()
        finally:
            await cancel(looking, stopping)
            await cluster.close()


async def keep_looking(
    cluster: "Cluster", group: str | None, every_s: float, *, as_json: bool
) -> None:
    """Print what the cluster says, each time afresh, for ever."""
    from jmxbridge.kafka.errors import KafkaUnavailable

    clear = CLEAR if sys.stdout.isatty() else ""
    while True:
        try:
            description = await cluster.describe(None if group is None else [group])
        except KafkaUnavailable as exc:
            typer.echo(f"error: {exc}", err=True)
        else:
            if not as_json:
                typer.echo(f"{clear}{datetime.now():%H:%M:%S}")
            show(description, as_json=as_json)
        await asyncio.sleep(every_s)


def show(description: "Description", *, as_json: bool) -> None:
    """Print what was found, who is furthest behind first; data on stdout, remarks on stderr."""
    from jmxbridge.lag.diagnosis import diagnose, total_lag
    from jmxbridge.lag.table import tables

    found = sorted(tables(description), key=total_lag, reverse=True)
    if as_json:
        errors = list(description.snapshot.errors)
        groups = [entry(each) for each in found]
        typer.echo(json.dumps(document("lag", {"groups": groups, "errors": errors})))
        return
    for each in found:
        if each.remark:
            typer.echo(f"group {each.group} {each.remark}", err=True)
        for line in printed(each.rows, red=sys.stdout.isatty() and "NO_COLOR" not in os.environ):
            typer.echo(line)
        if said := diagnose(each):
            typer.echo(f"group {each.group} {said}", err=True)
    for error in description.snapshot.errors:
        typer.echo(f"warning: {error}", err=True)


def entry(table: "GroupTable") -> dict[str, Any]:
    """One group as JSON; offsets are numbers, null where nobody knows."""
    from jmxbridge.lag.diagnosis import diagnose

    return {
        "group": table.group,
        "exists": table.exists,
        "state": table.state,
        "remark": table.remark,
        "diagnosis": diagnose(table),
        "partitions": [
            {
                "topic": row.topic,
                "partition": int(row.partition),
                "current_offset": number(row.current_offset),
                "log_end_offset": number(row.log_end_offset),
                "lag": number(row.lag),
                "consumer_id": row.consumer_id,
                "host": row.host,
                "client_id": row.client_id,
            }
            for row in table.rows
        ],
    }


def number(text: str | None) -> int | None:
    """Read a column back."""
    return None if text is None else int(text)


def printed(rows: "Sequence[Row]", *, red: bool) -> list[str]:
    """Align a group's rows under their heads; a lag above 0 is red where colours are wanted."""
    from jmxbridge.lag.table import COLUMNS

    if not rows:
        return []
    cells = [COLUMNS, *(tuple(each or "-" for each in columns(row)) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    lag_at = COLUMNS.index("LAG")
    lines = [""]
    for line in cells:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        if red and line[lag_at].isdecimal() and line[lag_at] != "0":
            padded[lag_at] = f"{RED}{padded[lag_at]}{PLAIN}"
        lines.append(" ".join(padded).rstrip())
    return lines


def columns(row: "Row") -> tuple[str | None, ...]:
    """A row's cells in the order of COLUMNS."""
    return (
        row.group,
        row.topic,
        row.partition,
        row.current_offset,
        row.log_end_offset,
        row.lag,
        row.consumer_id,
        row.host,
        row.client_id,
    )
