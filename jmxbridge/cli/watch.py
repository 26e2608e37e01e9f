"""What --watch does: the same again and again, until Ctrl-C or SIGTERM, its ordinary end."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

_CLEAR = "\x1b[H\x1b[2J"

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Again and again.")]
Every = Annotated[
    float, typer.Option("--every", min=0.5, metavar="SECONDS", help="With --watch: how often.")
]
EVERY_S = 2.0


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run what never ends by itself until a signal; an error of it ends it too, and is raised."""
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


def clear() -> str:
    """Return what empties a terminal; nothing where stdout is none."""
    return _CLEAR if sys.stdout.isatty() else ""
