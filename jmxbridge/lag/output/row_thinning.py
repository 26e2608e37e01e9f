"""Which rows of a poll are worth a point.

Rule: a partition row whose offset, end and status are those of the point before it says nothing
new. It is left out, but for one a minute, so that a graph of any range has it. Roll-ups are written
at every poll, and where they are silent the poll was.

Fifty thousand partitions at 10 s are 432 million points a day; of those most do not move. Who wants
still fewer has topics only, or groups only, of the groups that a pattern names.

More rows than `max_rows` are not cut off at some row: the largest groups have topics only, as many
of them as it takes, and how many rows that leaves out is told.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from jmxbridge.kafka.facts.members import GroupPartition
from jmxbridge.lag.history.lag_history import RowStatus
from jmxbridge.lag.rows import GroupLag, PartitionLag
from jmxbridge.times import NS

HEARTBEAT_S = 60.0

MAX_ROWS = 50_000
"""Partition rows of one poll, by default: a series each, and 432 million points a day at 10 s if
all of them move. Who wants more says so, knowing what it is."""


class Granularity(StrEnum):
    """The finest rows of a group."""

    PARTITION = "partition"
    TOPIC = "topic"
    GROUP = "group"


class RowThinning:
    """Decides about rows, and remembers what was last written of each partition.

    `granularity` is by pattern of whole group names; the first that matches counts. `max_rows` is
    the most partition rows of one poll. `rolled_up` names the groups that had none at the last poll
    because of it, with their partitions.
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
        self._rules = [(re.compile(key), finest) for key, finest in (granularity or {}).items()]
        self._heartbeat_ns = round(heartbeat_s * NS)
        self._written: dict[tuple[str, str], dict[int, tuple[int, int, int, int]]] = {}
        self._sweep_ns = 0

    def finest(self, group: str) -> Granularity:
        """The finest rows that a group has."""
        found = (finest for pattern, finest in self._rules if pattern.fullmatch(group))
        return next(found, Granularity.PARTITION)

    def fit(self, groups: Iterable[GroupLag]) -> dict[str, Granularity]:
        """The finest rows of each group of a poll, so that partition rows are not too many."""
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
        judged: Sequence[RowStatus],
        time_ns: int,
        anyway: Container[GroupPartition],
    ) -> Iterator[tuple[PartitionLag, RowStatus]]:
        """Yield the rows to write now, of those of one group on one topic; taken as written then.

        `judged` stands beside `rows`. Of rows in `anyway` something else than offset, end and
        status is to be told.
        """
        if not rows:
            return
        written = self._written.setdefault(rows[0][:2], {})
        for row, each in zip(rows, judged, strict=True):
            last = written.get(row.partition)
            if (
                last is not None
                and last[1:] == (row.offset, row.end_offset, each.status)
                and 0 <= time_ns - last[0] < self._heartbeat_ns
                and row[:3] not in anyway
            ):
                continue
            written[row.partition] = (time_ns, row.offset, row.end_offset, each.status)
            yield row, each

    def sweep(self, time_ns: int) -> None:
        """Forget rows that were not written for two heartbeats: they are gone."""
        if 0 <= time_ns - self._sweep_ns < self._heartbeat_ns:
            return
        self._sweep_ns = time_ns
        oldest = time_ns - 2 * self._heartbeat_ns
        self._written = {
            at: kept
            for at, written in self._written.items()
            if (kept := {key: last for key, last in written.items() if last[0] > oldest})
        }
