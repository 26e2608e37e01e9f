"""The protocol of everything that is polled on the interval's grid."""

from collections.abc import Collection
from typing import Protocol

from jmxbridge.point import Point
from jmxbridge.pollers.health import StatusLine
from jmxbridge.pollers.schedule import Tick


class Poller(Protocol):
    """A target, the lag of a cluster, or the report of this process about itself."""

    @property
    def name(self) -> str:
        """The source of its points."""

    @property
    def line(self) -> StatusLine:
        """Its status line."""

    @property
    def pausable(self) -> bool:
        """Whether its polls are skipped while polling is paused."""

    @property
    def is_spread(self) -> bool:
        """Whether its polls start at an offset of their own; if not, at the instant itself."""

    @property
    def is_timed(self) -> bool:
        """Whether the duration of its polls is recorded for `check`."""

    async def poll(self, tick: Tick) -> Collection[Point]:
        """Return the points of one poll. Raises nothing for failures of what is polled."""

    async def close(self) -> None:
        """Close its connections."""
