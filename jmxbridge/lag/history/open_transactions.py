"""Open transactions: since when the last stable offset of a partition has not moved.

Theory. The last stable offset is where the oldest open transaction begins, and consumers of
committed records read no further. While transactions begin and end, it moves. If it stays at one
offset below the high watermark, the transaction that begins there has been open all the time.

Rules:

1. No offset is used twice, so the same last stable offset is the same transaction, also after time
   without polls and after a restart.
2. The age counts from the first poll that saw the last stable offset there. It is too small by one
   interval at most, or by the time before jmxbridge first ran.
3. A partition that a poll could not read keeps what earlier polls saw.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from jmxbridge.kafka.facts.snapshot import Partition, Snapshot
from jmxbridge.lag.rows import PartitionLag
from jmxbridge.times import NS

HANGING_S = 300.0
"""Age from which a transaction is reported. Transactions of ordinary applications take seconds;
brokers abort one after its producer's `transaction.timeout.ms`, 15 min at most by default."""


class UnmovedEnd(NamedTuple):
    """A last stable offset below the high watermark, and the first poll that saw it there."""

    stable_end: int
    since_ns: int


class OpenTransaction(NamedTuple):
    """The oldest open transaction of one partition.

    It begins at `offset`; `records` wait from there to the high watermark.
    """

    partition: int
    offset: int
    records: int
    since_ns: int
    age_s: float


def is_settled(partition: Partition, snapshot: Snapshot) -> bool:
    """Tell whether a poll leaves no doubt about a partition: it was read, or nothing is missing."""
    topic, index = partition
    both = (snapshot.end_offsets, snapshot.stable_ends)
    return snapshot.complete or all(index in offsets.get(topic, {}) for offsets in both)


class OpenTransactions:
    """Last stable offsets below the high watermark; `unmoved` is what an earlier run saved."""

    def __init__(self, unmoved: Mapping[Partition, UnmovedEnd] | None = None) -> None:
        self.unmoved = dict(unmoved or {})

    def observe(self, snapshot: Snapshot, time_ns: int) -> None:
        """Take the last stable offsets of one poll."""
        unmoved = {
            partition: end
            for partition, end in self.unmoved.items()
            if not is_settled(partition, snapshot)
        }
        for topic, stable_ends in snapshot.stable_ends.items():
            ends = snapshot.end_offsets.get(topic, {})
            for index in stable_ends.keys() & ends.keys():
                partition, stable_end = (topic, index), stable_ends[index]
                if stable_end < ends[index]:
                    unmoved[partition] = self._unmoved(partition, stable_end, time_ns)
        self.unmoved = unmoved

    def of_rows(self, rows: Iterable[PartitionLag], time_ns: int) -> tuple[OpenTransaction, ...]:
        """Return the open transactions of the poll that was observed, for rows of one topic."""
        return tuple(
            OpenTransaction(
                row.partition,
                row.stable_end_offset,
                row.end_offset - row.stable_end_offset,
                end.since_ns,
                (time_ns - end.since_ns) / NS,
            )
            for row in rows
            if row.stable_end_offset is not None
            and (end := self.unmoved.get((row.topic, row.partition))) is not None
        )

    def forget(self, topics: Collection[str]) -> None:
        """Forget topics that were deleted and created again."""
        self.unmoved = {
            partition: end for partition, end in self.unmoved.items() if partition[0] not in topics
        }

    def _unmoved(self, partition: Partition, stable_end: int, time_ns: int) -> UnmovedEnd:
        """Return since when this end has not moved; never after now, if the clock was set back."""
        last = self.unmoved.get(partition)
        if last is None or last.stable_end != stable_end:
            return UnmovedEnd(stable_end, time_ns)
        return UnmovedEnd(stable_end, min(last.since_ns, time_ns))
