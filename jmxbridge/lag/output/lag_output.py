"""Output of the lag poll: points of one cluster, thinned, tagged and renamed."""

from collections.abc import Collection, Mapping

from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.output.points import failed_poll, to_points
from jmxbridge.lag.output.renaming import Renaming
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.point import Point


class LagOutput:
    """Makes the points of every poll; `cluster` is a tag of each.

    `thinning` selects the partition rows, `names` replaces names, see `renaming`.
    """

    def __init__(
        self,
        *,
        cluster: str,
        thinning: RowThinning | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.thinning = thinning or RowThinning()
        self._cluster = cluster
        self._renaming = Renaming(names)

    def points(
        self, assessment: Assessment, snapshot: Snapshot, *, time_ns: int, skipped_ticks: int = 0
    ) -> Collection[Point]:
        """Return the points of one poll, due at `time_ns` after so many skipped ticks."""
        points = to_points(
            assessment,
            snapshot,
            self.thinning,
            cluster=self._cluster,
            time_ns=time_ns,
            skipped_ticks=skipped_ticks,
        )
        return self._renaming(points)

    def failed_poll(self, *, time_ns: int, duration_ms: float, skipped_ticks: int = 0) -> Point:
        """Return the only point of a poll in which no broker answered."""
        return failed_poll(
            cluster=self._cluster,
            time_ns=time_ns,
            duration_ms=duration_ms,
            skipped_ticks=skipped_ticks,
        )
