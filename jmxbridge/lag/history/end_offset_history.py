"""History of end offsets: turns a committed offset into seconds behind.

Theory. Kafka does not tell when a record was written without handing it out, but every poll sees
where each partition ends. The record at offset `o` was written when the end passed `o`. So a table
of (time, end) for each partition, shared by all groups, turns a committed offset into a time,
interpolated between the two polls that saw the end on either side of it.

Rules:

1. Of a run of polls with the same end only the first and the last instant are kept, and an offset
   passed after a run was passed after the run's *last* instant: an idle topic that gets one record
   after an hour is a second behind, not an hour.
2. Nothing is extrapolated. An offset from before the table is at least as old as the table, and is
   reported so: a lower bound.
3. An end that went back is another log (topic recreated, data lost): the table starts again, as it
   does for a topic with another id. When the clock is set back, points in its future are dropped.
4. Older points are thinned: a point is dropped where the gap that remains is at most a tenth of its
   age. So the error is at most a tenth, and a week takes some 200 points.
"""

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from jmxbridge.kafka.facts.snapshot import Offsets, Partition
from jmxbridge.times import NS

AGE_PER_GAP = 10
"""Thinning leaves gaps of at most an old point's age divided by this."""

MAX_AGE_NS = 7 * 86_400 * NS
"""Kafka's own default for keeping records, and for keeping the offsets of an empty group."""

MAX_PARTITIONS = 20_000
"""Tables at 3.5 kB each, so 70 MB when all of them are a week old. Further partitions have none."""

UNSEEN_NS = 86_400 * NS
"""A partition without a commit of any group for a day loses its table."""

SWEEP_NS = UNSEEN_NS // 24

_THIN_EVERY = 64


class TimeLag(NamedTuple):
    """Age of the oldest record not read, in seconds.

    `at_least`: a lower bound. `approximate`: found by the timestamps of records near it, because no
    table goes back far enough, see `timestamp_search`.
    """

    seconds: float
    at_least: bool = False
    approximate: bool = False


class EndTable:
    """Where one partition ended, by time. `times` in ns since the epoch; both never decrease."""

    __slots__ = ("_thin_at", "ends", "times")

    def __init__(self, times: Iterable[int] = (), ends: Iterable[int] = ()) -> None:
        self.times = array("q", times)
        self.ends = array("q", ends)
        self._thin_at = len(self.times) + _THIN_EVERY

    def add(self, end: int, time_ns: int) -> None:
        """Take one poll's end offset."""
        times, ends = self.times, self.ends
        if ends and ends[-1] > end:
            del times[:], ends[:]
        while times and times[-1] >= time_ns:
            times.pop()
            ends.pop()
        if len(ends) > 1 and ends[-1] == ends[-2] == end:
            times[-1] = time_ns
            return
        times.append(time_ns)
        ends.append(end)
        if len(times) >= self._thin_at:
            self._thin(time_ns)

    def time_lag(self, offset: int, time_ns: int) -> TimeLag | None:
        """Return how old the record at `offset` is; None where no poll saw a record there yet."""
        after = bisect_right(self.ends, offset)
        if after == len(self.ends):
            return None
        if after == 0:
            return TimeLag((time_ns - self.times[0]) / NS, at_least=True)
        low, high = self.ends[after - 1], self.ends[after]
        low_ns, high_ns = self.times[after - 1], self.times[after]
        passed_ns = low_ns + (high_ns - low_ns) * (offset - low) // (high - low)
        return TimeLag((time_ns - passed_ns) / NS)

    def since(self, offset: int) -> tuple[list[int], list[int]]:
        """Return times and ends from the last point at or before `offset`: all `time_lag` needs."""
        first = max(0, bisect_right(self.ends, offset) - 1)
        return self.times[first:].tolist(), self.ends[first:].tolist()

    def _thin(self, now_ns: int) -> None:
        times = array("q")
        ends = array("q")
        last = len(self.times) - 1
        for i, (time_ns, end) in enumerate(zip(self.times, self.ends, strict=True)):
            age_ns = now_ns - time_ns
            if age_ns > MAX_AGE_NS:
                continue
            narrow = (
                bool(times)
                and i < last
                and ((self.times[i + 1] - times[-1]) * AGE_PER_GAP <= age_ns)
            )
            if not narrow:
                times.append(time_ns)
                ends.append(end)
        self.times, self.ends = times, ends
        self._thin_at = len(times) + _THIN_EVERY


class EndOffsetHistory:
    """The tables of a cluster; `tables` has the times and ends that an earlier run saved."""

    def __init__(
        self, tables: Mapping[Partition, tuple[Sequence[int], Sequence[int]]] = {}
    ) -> None:
        self._tables = {partition: EndTable(*columns) for partition, columns in tables.items()}
        self._sweep_ns = 0

    def observe(self, offsets: Offsets, time_ns: int) -> None:
        """Take the end offsets of one poll."""
        tables = self._tables
        for topic, ends in offsets.items():
            for partition, end in ends.items():
                table = tables.get((topic, partition))
                if table is None:
                    if len(tables) >= MAX_PARTITIONS:
                        continue
                    table = tables[topic, partition] = EndTable()
                table.add(end, time_ns)
        if not 0 < self._sweep_ns - time_ns <= SWEEP_NS:  # the clock may have been set back
            self._sweep_ns = time_ns + SWEEP_NS
            self._tables = {
                partition: table
                for partition, table in tables.items()
                if time_ns - UNSEEN_NS < table.times[-1] <= time_ns
            }

    def forget(self, topics: Collection[str]) -> None:
        """Forget topics that were deleted and created again."""
        self._tables = {
            partition: table
            for partition, table in self._tables.items()
            if partition[0] not in topics
        }

    def topics(self) -> set[str]:
        """Return the topics that have tables."""
        return {topic for topic, _ in self._tables}

    def time_lag(self, partition: Partition, offset: int, time_ns: int) -> TimeLag | None:
        """Return how old the record at `offset` is; None where no table tells."""
        table = self._tables.get(partition)
        return None if table is None else table.time_lag(offset, time_ns)

    def since(
        self, offsets: Mapping[Partition, int]
    ) -> dict[Partition, tuple[list[int], list[int]]]:
        """Return times and ends that answer for these offsets: the rest can be learnt again."""
        return {
            partition: self._tables[partition].since(offset)
            for partition, offset in offsets.items()
            if partition in self._tables
        }
