"""Lag over time: seconds behind and status of each row, from this poll and those before it.

Rule: everything here is beside the lag, never instead of it. A row whose past is not known has its
lag and nothing else.

Groups that are at one offset of a partition are equally far behind it, so in each poll that is
worked out once for all of them: most often many have read all, or stand still together.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.kafka.facts.snapshot import Partition, Snapshot
from jmxbridge.lag.consumers.client_verdict import ClientFinding
from jmxbridge.lag.history.end_offset_history import Behind, EndOffsetHistory
from jmxbridge.lag.history.rates import Rate, Rates
from jmxbridge.lag.history.retention import risk_s
from jmxbridge.lag.history.status import Presence, Status, Track, worst
from jmxbridge.lag.history.timestamp_search import TimestampSearch
from jmxbridge.lag.rows import Lags, PartitionLag
from jmxbridge.times import NS

_WITHOUT_MEMBERS = frozenset({"empty", "dead"})

FORGET_TRACK_NS = 30 * 60 * NS
"""A row not seen for as long as the longest window has nothing left to be judged by."""


class RowStatus(NamedTuple):
    """What can be said of one row beside its lag; of a topic or a group, the worst of its rows."""

    behind: Behind | None
    status: Status


_Equals = dict[tuple[str, int, int, Status], RowStatus]
"""What is said of all rows of one topic, partition, offset and status."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """`partitions` stand beside `Lags.partitions`, one for one.

    `expires_in_s` has the empty groups, and the seconds until Kafka forgets them, at the most.
    `retention_risk_s` has by group and topic the seconds until unread records may be deleted.
    `clients` has the groups with a consumer whose JMX is polled.
    """

    partitions: tuple[RowStatus, ...] = ()
    topics: Mapping[tuple[str, str], RowStatus] = field(default_factory=dict)
    rates: Mapping[tuple[str, str], Rate] = field(default_factory=dict)
    groups: Mapping[str, RowStatus] = field(default_factory=dict)
    expires_in_s: Mapping[str, float] = field(default_factory=dict)
    retention_risk_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    clients: Mapping[str, Sequence[ClientFinding]] = field(default_factory=dict)


class AllowedLag:
    """How much lag is none, in records: of the first pattern that matches a group whole, else 0."""

    def __init__(self, by_pattern: Mapping[str, int]) -> None:
        self._rules = [(re.compile(pattern), lag) for pattern, lag in by_pattern.items()]

    def __call__(self, group: str) -> int:
        return next((lag for pattern, lag in self._rules if pattern.fullmatch(group)), 0)


class LagHistory:
    """Remembers what the polls of one cluster saw; `interval_ns` is the time between two.

    `ends`, `trails` and `topic_ids` are what an earlier run saw.
    """

    def __init__(
        self,
        *,
        interval_ns: int,
        allowed_lag: Mapping[str, int] | None = None,
        ends: EndOffsetHistory | None = None,
        trails: TimestampSearch | None = None,
        topic_ids: Mapping[str, str] | None = None,
    ) -> None:
        self.topic_ids = dict(topic_ids or {})
        self.ends = ends or EndOffsetHistory()
        self.trails = trails or TimestampSearch()
        self._interval_ns = interval_ns
        self._allowed = AllowedLag(allowed_lag or {})
        self._rates = Rates()
        self._tracks: dict[tuple[str, str], dict[int, Track]] = {}
        self._sweep_ns = 0

    def questions(self) -> Mapping[Partition, int]:
        """What the next poll is to ask the log: times in ms, see `lag.bisection`."""
        return self.trails.questions()

    def recreated(self, snapshot: Snapshot) -> set[str]:
        """The topics that are others than those seen under their names before."""
        known = self.topic_ids
        return {t for t, id_ in snapshot.topic_ids.items() if known.get(t, id_) != id_}

    def search(
        self,
        lags: Lags,
        snapshot: Snapshot,
        answers: Mapping[Partition, TimestampedOffset | None],
        time_ns: int,
    ) -> Mapping[Partition, int]:
        """Take answers to the last questions between two polls, and return those that are left.

        Judges nothing: `take` does, of the same instant, when nothing is left to ask.
        """
        self._forget_recreated(snapshot)
        self.ends.observe(snapshot.end_offsets, time_ns)
        self.trails.take(answers, snapshot.end_offsets, time_ns)
        for row in lags.partitions:
            if row.lag > self._allowed(row.group):
                self._behind(row, time_ns)
        return self.trails.questions()

    def take(self, lags: Lags, snapshot: Snapshot, time_ns: int) -> Assessment:
        """Judge the rows of one poll, with what it was answered."""
        self._forget_recreated(snapshot)
        self.ends.observe(snapshot.end_offsets, time_ns)
        self.trails.take(snapshot.extras.offsets_for_times, snapshot.end_offsets, time_ns)
        partitions: list[RowStatus] = []
        topics: dict[tuple[str, str], RowStatus] = {}
        by_group: dict[str, list[RowStatus]] = {row.group: [] for row in lags.groups}
        risks_s: dict[tuple[str, str], float] = {}
        equals: _Equals = {}
        allowed = {row.group: self._allowed(row.group) for row in lags.groups}
        presence = {row.group: _presence(row.group, snapshot) for row in lags.groups}
        for topic, rows in lags.by_topic():
            if not rows:
                continue
            group, at = topic.group, (topic.group, topic.topic)
            tracks = self._tracks.setdefault(at, {})
            judged = [
                self._judge(row, tracks, presence[group], allowed[group], time_ns, equals)
                for row in rows
            ]
            partitions += judged
            topics[at] = _sum_up(judged)
            by_group[group].append(topics[at])
            left_s = risk_s(
                rows, (each.behind for each in judged), snapshot.extras.retention_s.get(topic.topic)
            )
            if left_s is not None:
                risks_s[at] = left_s
        self._sweep(time_ns)
        groups = {name: _sum_up(found) for name, found in by_group.items()}
        return Assessment(
            tuple(partitions),
            topics,
            self._rates.take(lags, time_ns),
            groups,
            retention_risk_s=risks_s,
        )

    def _judge(
        self,
        row: PartitionLag,
        tracks: dict[int, Track],
        presence: Presence,
        allowed: int,
        time_ns: int,
        equals: _Equals,
    ) -> RowStatus:
        track = tracks.get(row.partition)
        if track is None:
            track = Track(row.offset, row.lag, time_ns, self._interval_ns)
            tracks[row.partition] = track
        status = track.judge(row, presence, allowed, time_ns)
        if row.lag <= allowed:
            return _FINE if status is Status.OK else RowStatus(_CAUGHT_UP, status)
        at = (*row[1:4], status)
        judged = equals.get(at)
        if judged is None:
            judged = equals[at] = RowStatus(self._behind(row, time_ns), status)
        return judged

    def _behind(self, row: PartitionLag, time_ns: int) -> Behind | None:
        behind = self.ends.behind(row[1:3], row.offset, time_ns)
        if behind is not None and behind.at_least:
            behind = self.trails.behind(row[1:3], row.offset, row.start_offset, behind, time_ns)
        return behind

    def _forget_recreated(self, snapshot: Snapshot) -> None:
        """Forget what was seen of topics that were deleted and created anew under their name."""
        others = self.recreated(snapshot)
        self.topic_ids |= snapshot.topic_ids
        if not others:
            return
        for past in (self.ends, self.trails, self._rates):
            past.forget(others)
        self._tracks = {at: kept for at, kept in self._tracks.items() if at[1] not in others}

    def _sweep(self, time_ns: int) -> None:
        if 0 < self._sweep_ns - time_ns <= FORGET_TRACK_NS:  # else the clock was set back
            return
        self._sweep_ns = time_ns + FORGET_TRACK_NS
        oldest_ns = time_ns - FORGET_TRACK_NS
        self._tracks = {
            at: kept
            for at, tracks in self._tracks.items()
            if (
                kept := {
                    k: each for k, each in tracks.items() if oldest_ns < each.now_ns <= time_ns
                }
            )
        }
        known = {topic for _, topic in self._tracks} | self.ends.topics() | self.trails.topics()
        self.topic_ids = {topic: id_ for topic, id_ in self.topic_ids.items() if topic in known}


_CAUGHT_UP = Behind(0.0)
_FINE = RowStatus(_CAUGHT_UP, Status.OK)


def _presence(group: str, snapshot: Snapshot) -> Presence:
    if group in snapshot.vanished:
        return Presence.ABSENT
    found = snapshot.groups.get(group)
    if found is None or found.state is None or found.kind == "simple":
        return Presence.UNSEEN
    return Presence.ABSENT if found.state.lower() in _WITHOUT_MEMBERS else Presence.PRESENT


def _sum_up(found: Sequence[RowStatus]) -> RowStatus:
    """The worst of all; at least that, where of one of them no more is known, or nothing."""
    status = worst({status for _, status in found})
    delays = [behind for behind, _ in found if behind is not None]
    if not delays:
        return RowStatus(None, status)
    at_least = len(delays) < len(found) or any(behind.at_least for behind in delays)
    return RowStatus(Behind(max(delays).seconds, at_least), status)


def lowest_unread(lags: Lags) -> dict[Partition, int]:
    """The lowest commit on each partition that some group has not read to its end."""
    lowest: dict[Partition, int] = {}
    for row in lags.partitions:
        if row.lag:
            at = (row.topic, row.partition)
            lowest[at] = min(row.offset, lowest.get(at, row.offset))
    return lowest
