"""Which rows of a poll are worth a point.

Rule: a partition row whose offset, end and status are those of the point before it says nothing
new. It is left out, but for one a minute, so that a graph of any range has it. Roll-ups are written
at every poll, and where they are silent the poll was.

Fifty thousand partitions at 10 s are 432 million points a day; of those most do not move. Who wants
still fewer has topics only, or groups only, of the groups that a pattern names.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from jmxbridge.lag.outlook import Judged
from jmxbridge.lag.rows import PartitionLag

NS = 1_000_000_000
HEARTBEAT_S = 60.0


class Granularity(StrEnum):
    """The finest rows of a group."""

    PARTITION = "partition"
    TOPIC = "topic"
    GROUP = "group"


class Volume:
    """Decides about rows, and remembers what was last written of each partition.

    `granularity` is by pattern of whole group names; the first that matches counts.
    """

    def __init__(
        self,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        granularity: Mapping[str, Granularity] | None = None,
    ) -> None:
        self._rules = [(re.compile(key), finest) for key, finest in (granularity or {}).items()]
        self._heartbeat_ns = round(heartbeat_s * NS)
        self._written: dict[tuple[str, str, int], tuple[int, int, int, int]] = {}
        self._sweep_ns = 0

    def finest(self, group: str) -> Granularity:
        """The finest rows that a group has."""
        found = (finest for pattern, finest in self._rules if pattern.fullmatch(group))
        return next(found, Granularity.PARTITION)

    def wants(
        self, row: PartitionLag, judged: Judged, time_ns: int, *, anyway: bool = False
    ) -> bool:
        """Tell whether to write a row now, and take it as written if so.

        `anyway`: something else than offset, end and status is to be told.
        """
        at = row[:3]
        last = self._written.get(at)
        if (
            not anyway
            and last is not None
            and last[1:] == (row.offset, row.end_offset, judged.status)
        ):
            elapsed_ns = time_ns - last[0]
            if 0 <= elapsed_ns < self._heartbeat_ns:
                return False
        self._written[at] = (time_ns, row.offset, row.end_offset, judged.status)
        return True

    def sweep(self, time_ns: int) -> None:
        """Forget rows that were not written for two heartbeats: they are gone."""
        if 0 <= time_ns - self._sweep_ns < self._heartbeat_ns:
            return
        self._sweep_ns = time_ns
        oldest = time_ns - 2 * self._heartbeat_ns
        self._written = {at: last for at, last in self._written.items() if last[0] > oldest}
