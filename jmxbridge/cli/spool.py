"""`jmxbridge spool`: status, verification and sending of the lines that wait for InfluxDB."""

import asyncio
import os
from dataclasses import asdict
from typing import Annotated

import typer

from jmxbridge.cli.arguments import Json, load_settings
from jmxbridge.cli.exit import FINDINGS, USAGE, echo_json, fail, reported
from jmxbridge.cli.spool_options import MBEANS_YAML, StoreFileOption, reader_of, when

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show, verify and send the lines that wait for InfluxDB.\n\n"
    "Example: jmxbridge spool status",
)

MEANINGS = {
    "sampled": "all lines ever polled",
    "stored": "accepted by InfluxDB",
    "pending": "waiting to be sent",
    "dead_lettered": "refused by InfluxDB: see jmxbridge dlq ls",
    "dropped": "removed by a size limit, damage or a purge",
    "expired": "older than store.retain",
}


@app.command("status")
def status(file: StoreFileOption = MBEANS_YAML, as_json: Json = False) -> None:
    """Print the number of lines ever polled, by where they are; works while `run` is active.

    sampled = stored + pending + dead_lettered + dropped + expired, at every instant.

    Example: jmxbridge spool status -f mbeans.yaml
    """
    with reported():
        store = reader_of(file)
        usage = store.usage()
    counts = usage.counts
    if as_json:
        content = {**asdict(counts), "file_bytes": usage.file_bytes, "process": usage.owner}
        echo_json("spool", {"path": str(store.path), **content})
        return
    typer.echo(f"{store.path}, {usage.file_bytes:,} bytes")
    typer.echo(f"in use by process {usage.owner}" if usage.owner else "not in use")
    for name, meaning in MEANINGS.items():
        typer.echo(f"{name:14}{getattr(counts, name):>16,}  {meaning}")
    if counts.oldest_pending_ns is not None:
        typer.echo(f"{'oldest':14}{when(counts.oldest_pending_ns):>20}")


@app.command("verify")
def verify(file: StoreFileOption = MBEANS_YAML, as_json: Json = False) -> None:
    """Read every page and every pending line, and recount the account; changes nothing.

    Exit status 1: the store is damaged. The next command that opens it for writing sets the damaged
    file aside and keeps everything that can still be read.

    Example: jmxbridge spool verify -f mbeans.yaml
    """
    with reported():
        store = reader_of(file)
        audit = store.verify()
    if as_json:
        echo_json("spool_verify", {"path": str(store.path), **asdict(audit)})
    else:
        for problem in audit.problems:
            typer.echo(problem)
        verdict = f"{len(audit.problems)} problems" if audit.problems else "sound"
        typer.echo(
            f"{store.path}: {verdict}; {audit.lines:,} lines pending,"
            f" {audit.dead_letters:,} dead letters",
            err=True,
        )
    if audit.problems:
        raise typer.Exit(FINDINGS)


@app.command("drain")
def drain(
    file: StoreFileOption = MBEANS_YAML,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1.0, metavar="SECONDS", help="Stop after this time.")
    ] = 600.0,
    as_json: Json = False,
) -> None:
    """Send the pending lines to InfluxDB without polling.

    It is for a store that no `run` uses any more: a running one sends by itself, and locks it.

    Exit status 1: some lines are still pending, or were refused; 69: `run` holds the store.

    Example: jmxbridge spool drain -f mbeans.yaml
    """
    from jmxbridge.once import drain as send

    with reported():
        settings = load_settings(file)
        if settings.influxdb is None:
            fail(f"{file}: no influxdb section: there is no server to send to", USAGE)
        drained = asyncio.run(send(settings, os.environ, timeout_s=timeout_s))
    if as_json:
        echo_json("spool_drain", asdict(drained))
    else:
        typer.echo(
            f"{drained.stored:,} lines stored, {drained.dead_lettered:,} refused,"
            f" {drained.pending:,} still pending"
        )
    if drained.pending:
        fail(drained.sentence, FINDINGS)
    if drained.dead_lettered:
        raise typer.Exit(FINDINGS)
