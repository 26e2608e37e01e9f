"""`jmxbridge spool`: what waits for InfluxDB, whether it is sound, and sending it now."""

import asyncio
import os
from dataclasses import asdict
from typing import Annotated

import typer

from jmxbridge.cli.arguments import Json, load_settings
from jmxbridge.cli.exit import FINDINGS, USAGE, echo_json, fail, reported
from jmxbridge.cli.spool_options import MBEANS_YAML, StoreOf, reader_of, when

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the lines that wait for InfluxDB, and send them.\n\n"
    "Example: jmxbridge spool status",
)

WORDS = {
    "sampled": "ever polled",
    "stored": "InfluxDB has them",
    "pending": "wait",
    "dead_lettered": "refused: see jmxbridge dlq ls",
    "dropped": "gave way to the bounds, or were purged",
    "expired": "reached store.retain",
}


@app.command("status")
def status(file: StoreOf = MBEANS_YAML, as_json: Json = False) -> None:
    """Print where every line is that was ever polled; also while `run` is at work.

    sampled = stored + pending + dead_lettered + dropped + expired, at every instant.

    Example: jmxbridge spool status -f mbeans.yaml
    """
    with reported():
        store = reader_of(file)
        usage = store.usage()
    counts = usage.counts
    if as_json:
        found = {**asdict(counts), "file_bytes": usage.file_bytes, "process": usage.owner}
        echo_json("spool", {"path": str(store.path), **found})
        return
    typer.echo(f"{store.path}, {usage.file_bytes:,} bytes")
    typer.echo(f"in use by process {usage.owner}" if usage.owner else "not in use")
    for name, words in WORDS.items():
        typer.echo(f"{name:14}{getattr(counts, name):>16,}  {words}")
    if counts.oldest_pending_ns is not None:
        typer.echo(f"{'oldest':14}{when(counts.oldest_pending_ns):>20}")


@app.command("verify")
def verify(file: StoreOf = MBEANS_YAML, as_json: Json = False) -> None:
    """Read every page and every waiting line, and count the account again; changes nothing.

    Exit status 1: something is wrong. A damaged file is set aside, and what can still be read of
    it kept, when the store is opened the next time.

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
            f"{store.path}: {verdict}; {audit.lines:,} lines wait,"
            f" {audit.dead_letters:,} dead letters",
            err=True,
        )
    if audit.problems:
        raise typer.Exit(FINDINGS)


@app.command("drain")
def drain(
    file: StoreOf = MBEANS_YAML,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1.0, metavar="SECONDS", help="Give up after this.")
    ] = 600.0,
    as_json: Json = False,
) -> None:
    """Send what waits to InfluxDB, and poll nothing.

    For a store that no `run` works on any more; a running one sends by itself, and holds the lock.

    Exit status 1: some lines still wait, or were refused; 69: `run` has the store.

    Example: jmxbridge spool drain -f mbeans.yaml
    """
    from jmxbridge.once import drain as send

    with reported():
        settings = load_settings(file)
        if settings.influxdb is None:
            fail(f"{file}: no influxdb section: there is nowhere to send to", USAGE)
        drained = asyncio.run(send(settings, os.environ, timeout_s=timeout_s))
    if as_json:
        echo_json("spool_drain", asdict(drained))
    else:
        typer.echo(
            f"{drained.stored:,} lines stored, {drained.dead_lettered:,} refused,"
            f" {drained.pending:,} still wait"
        )
    if drained.pending:
        fail(drained.sentence, FINDINGS)
    if drained.dead_lettered:
        raise typer.Exit(FINDINGS)
