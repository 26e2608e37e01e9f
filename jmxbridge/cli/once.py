"""`jmxbridge once`: a single poll, printed and delivered as `run` would."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from jmxbridge.cli.arguments import DEFAULT_FILE, File, load_settings
from jmxbridge.cli.exit import FINDINGS, reported

if TYPE_CHECKING:
    from jmxbridge.config.model.models import Settings


def once(
    file: File = DEFAULT_FILE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the lines without storing or sending them.")
    ] = False,
) -> None:
    """Poll everything in FILE once and print the lines.

    The lines are points in InfluxDB line protocol. Every rule is read, whatever its `every`.
    Without --dry-run the lines are also delivered as in `run`: to the store, and from there to
    InfluxDB.

    Exit status 0: everything was read and delivered; 1: something was not.

    Example: jmxbridge once mbeans.yaml --dry-run
    """
    with reported():
        problems = asyncio.run(poll(load_settings(file), dry_run=dry_run))
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(FINDINGS)


@contextmanager
def without_target_logs() -> Iterator[None]:
    """Suppress the log lines about targets that are down: the problems include them."""
    import logging

    log = logging.getLogger("jmxbridge.pollers.target")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


async def poll(settings: "Settings", *, dry_run: bool) -> list[str]:
    """Poll once, print the lines, deliver them unless `dry_run`; return the problems."""
    from jmxbridge.once import deliver, poll_once

    with without_target_logs():
        polled = await poll_once(settings)
    for line in polled.lines:
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
    if dry_run:
        return list(polled.problems)
    return [*polled.problems, *await deliver(settings, polled, os.environ)]
