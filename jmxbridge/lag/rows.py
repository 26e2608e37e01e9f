"""Lag from commits and end offsets: rows by partition, by topic, by group.

Rules for a partition that a group has a commit for, in this order:

1. The coordinator gave an error for it        → unavailable. Not lag 0, not the last lag.
2. The commit is negative                      → uncommitted: no row, not counted. The broker
   answers so for partitions asked for by name; how many a group has not committed is known only
   from its members.
3. The partition is gone                       → orphaned: counted, no row.
4. No end offset                               → unavailable.
5. Otherwise lag = max(0, end - committed), and ahead = max(0, committed - end): a commit beyond
   the end is information (topic recreated, data lost, offsets translated), so it is kept apart,
   neither clamped away nor subtracted from the sums of others.
6. For a group that reads committed records only, lag = max(0, stable end - committed): it can read
   to the last stable offset, where the oldest open transaction begins. `end_offset` and `ahead`
   are about the high watermark there too. The last stable offset is read after it, so it may be
   the higher one of the two, and is then the end as well. Without both the row is unavailable.

Where the oldest record is known too, expired = max(0, start - committed) records were deleted
before the group read them, and it can still read end - max(committed, start): `consumable`.

Sums are over known partitions and come with the number of partitions they leave out. Where no
partition is known there is no sum: 0 would read as "caught up".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from jmxbridge.kafka.facts.snapshot import Offsets, Snapshot


class PartitionLag(NamedTuple):
    """Lag of one group on one partition; offsets as Kafka counts them, lag in records.

    `end_offset` is the high watermark, as `kafka-consumer-groups.sh` prints it.
    `stable_end_offset` is the last stable offset, for groups that read committed records only. A
    tuple, because a poll makes tens of thousands: a frozen dataclass takes 2.5 times as long to
    make.
    """

    group: str
    topic: str
    partition: int
    offset: int
    end_offset: int
    lag: int
    ahead: int
    start_offset: int | None = None
    stable_end_offset: int | None = None

    @property
    def expired(self) -> int:
        """Return the records that were deleted before the group read them."""
        return 0 if self.start_offset is None else max(0, self.start_offset - self.offset)

    @property
    def consumable(self) -> int:
        """Return the records that the group can still read."""
        return max(0, self.lag - self.expired)


@dataclass(frozen=True, slots=True)
class TopicLag:
    """Sums over the known partitions of one group on one topic."""

    group: str
    topic: str
    partitions: int
    partitions_known: int
    lag_sum: int | None
    lag_max: int | None
    offset_sum: int | None
    end_offset_sum: int | None
    stable_end_offset_sum: int | None = None


@dataclass(frozen=True, slots=True)
class GroupLag:
    """Sums over the known partitions of one group.

    `partitions` counts what the group has commits for: known + orphaned + unavailable. `complete`
    is false where some of them are unavailable.
    """

    group: str
    partitions: int
    partitions_known: int
    partitions_orphaned: int
    partitions_unavailable: int
    lag_sum: int | None
    lag_max: int | None

    @property
    def complete(self) -> bool:
        """Tell whether the sums leave out no partition that exists."""
        return self.partitions_unavailable == 0


@dataclass(frozen=True, slots=True)
class Lags:
    """All rows of one snapshot, in the snapshot's order of groups and topics."""

    partitions: tuple[PartitionLag, ...]
    topics: tuple[TopicLag, ...]
    groups: tuple[GroupLag, ...]

    def by_topic(self) -> Iterator[tuple[TopicLag, tuple[PartitionLag, ...]]]:
        """Yield each topic with the rows it sums up; none where no partition is known."""
        first = 0
        for topic in self.topics:
            after = first + topic.partitions_known
            yield topic, self.partitions[first:after]
            first = after


def compute_lags(snapshot: Snapshot) -> Lags:
    """Compute the lag of every group whose coordinator answered."""
    gone: dict[str, set[int]] = {}
    for topic, partition in snapshot.orphaned:
        gone.setdefault(topic, set()).add(partition)
    latest = _bounds(snapshot.end_offsets, snapshot.start_offsets)
    stable = _committed_bounds(latest, snapshot.stable_ends)
    rows: list[PartitionLag] = []
    topics: list[TopicLag] = []
    groups: list[GroupLag] = []
    for group, commits in snapshot.commits.items():
        tally = _Tally(group, rows, topics)
        bounds = stable if group in snapshot.read_committed else latest
        for topic, offsets in commits.items():
            tally.add(topic, offsets, bounds.get(topic, {}), gone.get(topic, set()))
        groups.append(tally.total())
    return Lags(tuple(rows), tuple(topics), tuple(groups))


_row: Callable[[tuple[str, str, int, int, int, int, int, int | None, int | None]], PartitionLag]
_row = partial(tuple.__new__, PartitionLag)
"""PartitionLag(...) without a call into Python: it saves a sixth of `compute_lags`."""

_Bounds = Mapping[int, tuple[int, int | None, int | None]]
"""Partition of one topic → its end; its start if that is known; its last stable offset, for groups
that read committed records only."""

_OFFSET, _END, _LAG, _STABLE_END = (
    itemgetter(PartitionLag._fields.index(name))
    for name in ("offset", "end_offset", "lag", "stable_end_offset")
)


def _bounds(ends: Offsets, starts: Offsets) -> dict[str, _Bounds]:
    """Return the bounds by topic, once for all groups."""
    return {
        topic: {
            # A start beyond the end is from before the topic was recreated.
            partition: (end, None if start is None or start > end else start, None)
            for partition, end in topic_ends.items()
            for start in (starts.get(topic, {}).get(partition),)
        }
        for topic, topic_ends in ends.items()
    }


def _committed_bounds(latest: Mapping[str, _Bounds], stable_ends: Offsets) -> dict[str, _Bounds]:
    """Return the bounds with last stable offsets, of the partitions that have both."""
    return {
        topic: {
            partition: (max(end, stable_end), start, stable_end)
            for partition, stable_end in topic_ends.items()
            if (bound := latest.get(topic, {}).get(partition)) is not None
            for end, start, _ in (bound,)
        }
        for topic, topic_ends in stable_ends.items()
    }


class _Tally:
    """Running sums of one group; appends rows and topic sums to the lists it is given."""

    def __init__(self, group: str, rows: list[PartitionLag], topics: list[TopicLag]) -> None:
        self.group = group
        self.rows = rows
        self.topics = topics
        self.first_topic = len(topics)
        self.orphaned = 0
        self.unavailable = 0

    def add(
        self,
        topic: str,
        commits: Mapping[int, int | None],
        bounds: _Bounds,
        gone: set[int],
    ) -> None:
        """Apply the rules to each partition of one topic and add the topic's sums."""
        group, rows = self.group, self.rows
        first = len(rows)
        missing = 0
        for partition, offset in commits.items():
            if offset is None:
                self.unavailable += 1
            elif offset < 0:
                continue
            elif partition in gone:
                self.orphaned += 1
            elif (bound := bounds.get(partition)) is None:
                self.unavailable += 1
            else:
                end, start, stable = bound
                lag = (end if stable is None else stable) - offset
                behind = lag if lag >= 0 else 0
                ahead = offset - end if offset > end else 0
                rows.append(
                    _row((group, topic, partition, offset, end, behind, ahead, start, stable))
                )
                continue
            missing += 1
        known = rows[first:]
        if known or missing:
            self.topics.append(_topic(group, topic, known, missing))

    def total(self) -> GroupLag:
        """Return the group's row."""
        topics = self.topics[self.first_topic :]
        known = sum(topic.partitions_known for topic in topics)
        sums = [topic.lag_sum for topic in topics if topic.lag_sum is not None]
        maxima = [topic.lag_max for topic in topics if topic.lag_max is not None]
        return GroupLag(
            group=self.group,
            partitions=known + self.orphaned + self.unavailable,
            partitions_known=known,
            partitions_orphaned=self.orphaned,
            partitions_unavailable=self.unavailable,
            lag_sum=sum(sums) if sums else None,
            lag_max=max(maxima, default=None),
        )


def _topic(group: str, topic: str, known: list[PartitionLag], missing: int) -> TopicLag:
    if not known:
        return TopicLag(group, topic, missing, 0, None, None, None, None)
    lags = list(map(_LAG, known))
    return TopicLag(
        group=group,
        topic=topic,
        partitions=len(known) + missing,
        partitions_known=len(known),
        lag_sum=sum(lags),
        lag_max=max(lags),
        offset_sum=sum(map(_OFFSET, known)),
        end_offset_sum=sum(map(_END, known)),
        stable_end_offset_sum=(
            None if known[0].stable_end_offset is None else sum(map(_STABLE_END, known))
        ),
    )
