"""Status display of `run` on a terminal: lines at the bottom, redrawn in place."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from jmxbridge.pollers.health import Health, StatusLine

REDRAW_S = 0.5  # looks live, and costs almost nothing

STYLES = {
    Health.WAITING: ("·", "dim"),
    Health.FINE: ("●", "green"),
    Health.ALERT: ("▲", "bold red"),
    Health.DOWN: ("✗", "red"),
}


@contextmanager
def shown(lines: Callable[[], Sequence[StatusLine]], *, on: TextIO) -> Iterator[None]:
    """Show the lines at the bottom of a terminal; do nothing if `on` is no terminal.

    While the status is shown, the log prints warnings and errors only.
    """
    if not on.isatty():
        yield
        return
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    def table() -> Table:
        grid = Table.grid(padding=(0, 2), expand=False)
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        for line in lines():
            sign, style = STYLES[line.health]
            grid.add_row(Text(f"{sign} {line.name}", style), Text(line.text))
        return grid

    async def redraw(live: Live) -> None:
        while True:
            live.update(table(), refresh=True)
            await asyncio.sleep(REDRAW_S)

    logging.getLogger("jmxbridge").setLevel(logging.WARNING)
    with Live(console=Console(file=on), auto_refresh=False, redirect_stdout=False) as live:
        drawing = asyncio.get_running_loop().create_task(redraw(live))
        try:
            yield
        finally:
            drawing.cancel()
            live.update(table(), refresh=True)
