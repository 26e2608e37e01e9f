"""Thinning of partition rows: which of a poll's rows become points.

Rules:

1. A partition row with the offset, ends and status of its last point is left out, except once a
   minute, so that a graph of any range has a point. Topic and group rows are written at every poll;
   where they have a gap, there was no poll.
2. For the groups that a pattern names there are rows by topic only, or by group only.
3. Rows beyond `max_rows` are not cut off at an arbitrary row: the largest groups get rows by topic
   only, as many groups as it takes, and the rows left out are counted.

Fifty thousand partitions at 10 s are 432 million points a day, and most of them do not move.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from jmxbridge.kafka.facts.members import GroupPartition
from jmxbridge.lag.history.assessment import RowStatus
from jmxbridge.lag.rows import GroupLag, PartitionLag
from jmxbridge.times import NS

HEARTBEAT_S = 60.0

MAX_ROWS = 50_000
"""Default limit of partition rows a poll: each is a series, together 432 million points a day at
10 s if all of them move. More must be configured, knowing that cost."""


_Written = tuple[int, int, int, int | None, int]
"""Time of a point; its offset, end, last stable offset and status."""


class Granularity(StrEnum):
    """Finest rows that a group has."""

    PARTITION = "partition"
    TOPIC = "topic"
    GROUP = "group"


class RowThinning:
    """Selects the rows to write, and keeps what was last written for each partition.

    `granularity` is by pattern of whole group names; the first that matches counts. `max_rows`
    limits the partition rows of one poll. `rolled_up` has the groups that lost theirs at the last
    poll because of it, with the number of their partitions.
    """

    def __init__(
        self,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        granularity: Mapping[str, Granularity] | None = None,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self.max_rows = max_rows
        self.rolled_up: dict[str, int] = {}
        self._rules = [
            (re.compile(pattern), finest) for pattern, finest in (granularity or {}).items()
        ]
        self._heartbeat_ns = round(heartbeat_s * NS)
        self._written: dict[tuple[str, str], dict[int, _Written]] = {}
        self._sweep_ns = 0

    def finest(self, group: str) -> Granularity:
        """Return the finest rows that a group is configured to have."""
        matches = (finest for pattern, finest in self._rules if pattern.fullmatch(group))
        return next(matches, Granularity.PARTITION)

    def fit(self, groups: Iterable[GroupLag]) -> dict[str, Granularity]:
        """Return the finest rows of each group of a poll, within `max_rows`."""
        sizes = {row.group: row.partitions_known for row in groups}
        finest = {group: self.finest(group) for group in sizes}
        fine = [group for group, rows in finest.items() if rows is Granularity.PARTITION]
        left = sum(sizes[group] for group in fine)
        self.rolled_up = {}
        for group in sorted(fine, key=lambda group: (-sizes[group], group)):
            if left <= self.max_rows:
                break
            left -= sizes[group]
            finest[group] = Granularity.TOPIC
            self.rolled_up[group] = sizes[group]
        return finest

    def worth_writing(
        self,
        rows: Sequence[PartitionLag],
        row_statuses: Sequence[RowStatus],
        time_ns: int,
        anyway: Container[GroupPartition],
    ) -> Iterator[tuple[PartitionLag, RowStatus]]:
        """Yield the rows of one group on one topic that are to be written now, and keep them.

        `row_statuses` pairs with `rows`. Rows in `anyway` are written even if offset, ends and
        status are unchanged.
        """
        if not rows:
            return
        written = self._written.setdefault(rows[0][:2], {})
        for row, row_status in zip(rows, row_statuses, strict=True):
            last = written.get(row.partition)
            now = (row.offset, row.end_offset, row.stable_end_offset, row_status.status)
            if (
                last is not None
                and last[1:] == now
                and 0 <= time_ns - last[0] < self._heartbeat_ns
                and row[:3] not in anyway
            ):
                continue
            written[row.partition] = (time_ns, *now)
            yield row, row_status

    def sweep(self, time_ns: int) -> None:
        """Forget rows that were not written for two heartbeats: they do not exist any more."""
        if 0 <= time_ns - self._sweep_ns < self._heartbeat_ns:
            return
        self._sweep_ns = time_ns
        oldest_ns = time_ns - 2 * self._heartbeat_ns
        self._written = {
            key: recent
            for key, written in self._written.items()
            if (recent := {index: last for index, last in written.items() if last[0] > oldest_ns})
        }
