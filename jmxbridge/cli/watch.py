"""Option --watch: a command that repeats until Ctrl-C or SIGTERM, and then exits with 0."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

_CLEAR = "\x1b[H\x1b[2J"

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Repeat until Ctrl-C.")]
Every = Annotated[
    float, typer.Option("--every", min=0.5, metavar="SECONDS", help="Interval of --watch.")
]
EVERY_S = 2.0


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run endless work until a signal; an error in it ends it too, and is raised."""
    from jmxbridge.service.signals import stop_requests
    from jmxbridge.service.tasks import cancel

    with stop_requests() as stop:
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            await cancel(working, stopping)


def clear_sequence() -> str:
    """Return the escape sequence that clears a terminal; empty if stdout is no terminal."""
    return _CLEAR if sys.stdout.isatty() else ""
