"""Delivery of polled points into the store, with counts of those that do not get there.

Rule: each polled point is counted, wherever it ends. The store counts its own lines. This module
counts the rest, since the start of the process: lines held in memory while the disk is full, lines
lost, points rejected as line protocol, points of series beyond the bound.
"""

import logging
from collections.abc import Collection, Mapping

from jmxbridge.influx.encode import RejectedPoints, encode_points
from jmxbridge.influx.series import SeriesBound
from jmxbridge.point import FieldValue, Point
from jmxbridge.store import Intake, Store

log = logging.getLogger(__name__)


class Delivery:
    """Encodes the points of a poll and stores the lines. `bound` limits the series of a run."""

    def __init__(self, store: Store, bound: SeriesBound) -> None:
        self._intake = Intake(store)
        self._bound = bound
        self._rejected = RejectedPoints()
        self._warned_of_series = False

    @property
    def paused(self) -> bool:
        """Whether polling should pause: the spool is full, and the file says `when_full: pause`."""
        return self._intake.paused

    @property
    def trouble(self) -> str | None:
        """Why polls are not durable, for the status line; None while they are."""
        if self._intake.error is None:
            return None
        effect = "polling is paused" if self.paused else "polls are not durable"
        lines = f"{self._intake.held:,} lines in memory, {self._intake.lost:,} lost"
        return f"{effect} ({lines}): {self._intake.error}"

    @property
    def fields(self) -> Mapping[str, FieldValue]:
        """What never got into the store, by field names of `jmxbridge_store`."""
        return {
            "degraded": self._intake.error is not None,
            "held": self._intake.held,
            "lost_total": self._intake.lost,
            "unwritable_total": self._rejected.count,
            "series": self._bound.count,
            "series_limited_total": self._bound.refused,
        }

    async def put(self, points: Collection[Point], *, time_ns: int, source: str) -> None:
        """Encode and store the points of one poll; durable on return unless `trouble` says no."""
        refused_before = self._bound.refused
        lines = encode_points(points, self._bound, self._rejected)
        if self._bound.refused > refused_before and not self._warned_of_series:
            self._warned_of_series = True
            log.error(
                "%d series are written, most of them of %s: new series are dropped from now on;"
                " set `limit:` on that rule or raise max_series",
                self._bound.count,
                self._bound.largest,
            )
        await self._intake.put(lines, time_ns=time_ns, source=source)

    async def close(self) -> None:
        """Try a last time to store the lines held in memory."""
        await self._intake.close()
