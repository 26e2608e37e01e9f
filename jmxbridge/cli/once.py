"""`jmxbridge once`: one poll, to look at what `run` would write."""

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
        bool, typer.Option("--dry-run", help="Print the lines; store and send nothing.")
    ] = False,
) -> None:
    """Poll what FILE names one time and print the points as line protocol.

    Every rule is read, whatever its `every`. Without --dry-run the lines also go the way they go
    in `run`: into the store, and from there to InfluxDB.

    Exit status 0: everything was read, and delivered; 1: something was not.

    Example: jmxbridge once mbeans.yaml --dry-run
    """
    with reported():
        problems = asyncio.run(poll(load_settings(file), dry_run=dry_run))
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(FINDINGS)


@contextmanager
def not_said_twice() -> Iterator[None]:
    """Keep targets from logging that they are down: that is among the problems."""
    import logging

    log = logging.getLogger("jmxbridge.pollers.target")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


async def poll(settings: "Settings", *, dry_run: bool) -> list[str]:
    """Poll once, print the lines, deliver them unless told not to; return what went wrong."""
    from jmxbridge.once import deliver, poll_once

    with not_said_twice():
        polled = await poll_once(settings)
    for line in polled.lines:
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
    if dry_run:
        return list(polled.problems)
    return [*polled.problems, *await deliver(settings, polled, os.environ)]
