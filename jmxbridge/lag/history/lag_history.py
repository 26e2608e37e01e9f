"""History of lag: time lag and status of each row, from one poll and those before it.

Groups at the same offset of a partition have the same time lag, so each poll works it out once for
all of them: most often many have read everything, or stand still together.
"""

import re
from collections.abc import Mapping, Sequence

from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.kafka.facts.snapshot import Partition, Snapshot
from jmxbridge.lag.history.assessment import Assessment, RowStatus
from jmxbridge.lag.history.end_offset_history import EndOffsetHistory, TimeLag
from jmxbridge.lag.history.expiry import retention_risk_s
from jmxbridge.lag.history.open_transactions import OpenTransaction, OpenTransactions
from jmxbridge.lag.history.rates import Rates
from jmxbridge.lag.history.status import Presence, RowTrack, Status, worst_status
from jmxbridge.lag.history.timestamp_search import TimestampSearch
from jmxbridge.lag.rows import Lags, PartitionLag
from jmxbridge.times import NS

_WITHOUT_MEMBERS = frozenset({"empty", "dead"})

FORGET_TRACK_NS = 30 * 60 * NS
"""A row not seen for as long as the longest window has nothing left to be judged by."""

_CAUGHT_UP = TimeLag(0.0)
_FINE = RowStatus(_CAUGHT_UP, Status.OK)

_SharedStatuses = dict[tuple[str, int, int, Status], RowStatus]
"""One RowStatus for all rows of a topic, partition, offset and status."""


class AllowedLag:
    """Lag that counts as none, in records: that of the first pattern matching a group, else 0."""

    def __init__(self, by_pattern: Mapping[str, int]) -> None:
        self._rules = [(re.compile(pattern), lag) for pattern, lag in by_pattern.items()]

    def __call__(self, group: str) -> int:
        return next((lag for pattern, lag in self._rules if pattern.fullmatch(group)), 0)


class LagHistory:
    """History of one cluster; `interval_ns` is the time between two polls.

    `ends`, `searches`, `topic_ids` and `transactions` are what an earlier run saved.
    """

    def __init__(
        self,
        *,
        interval_ns: int,
        allowed_lag: Mapping[str, int] | None = None,
        ends: EndOffsetHistory | None = None,
        searches: TimestampSearch | None = None,
        topic_ids: Mapping[str, str] | None = None,
        transactions: OpenTransactions | None = None,
    ) -> None:
        self.topic_ids = dict(topic_ids or {})
        self.ends = ends or EndOffsetHistory()
        self.searches = searches or TimestampSearch()
        self.transactions = transactions or OpenTransactions()
        self._interval_ns = interval_ns
        self._allowed = AllowedLag(allowed_lag or {})
        self._rates = Rates()
        self._tracks: dict[tuple[str, str], dict[int, RowTrack]] = {}
        self._sweep_ns = 0

    def recreated(self, snapshot: Snapshot) -> set[str]:
        """Return the topics whose id differs from the one seen before under their name."""
        known = self.topic_ids
        return {
            topic
            for topic, topic_id in snapshot.topic_ids.items()
            if known.get(topic, topic_id) != topic_id
        }

    def search(
        self,
        lags: Lags,
        snapshot: Snapshot,
        answers: Mapping[Partition, TimestampedOffset | None],
        time_ns: int,
    ) -> Mapping[Partition, int]:
        """Take answers to the last questions between two polls; return the questions left, in ms.

        Assesses nothing: `take` does, at the same instant, when no question is left.
        """
        self._observe(snapshot, answers, time_ns)
        for row in lags.partitions:
            if row.lag > self._allowed(row.group):
                self._time_lag(row, time_ns)
        return self.searches.questions()

    def take(self, lags: Lags, snapshot: Snapshot, time_ns: int) -> Assessment:
        """Assess the rows of one poll."""
        self._observe(snapshot, snapshot.extras.offsets_for_times, time_ns)
        partitions: list[RowStatus] = []
        topics: dict[tuple[str, str], RowStatus] = {}
        topics_by_group: dict[str, list[RowStatus]] = {row.group: [] for row in lags.groups}
        risks_s: dict[tuple[str, str], float] = {}
        transactions: dict[tuple[str, str], tuple[OpenTransaction, ...]] = {}
        self.transactions.observe(snapshot, time_ns)
        shared: _SharedStatuses = {}
        allowed = {row.group: self._allowed(row.group) for row in lags.groups}
        presence = {row.group: _presence(row.group, snapshot) for row in lags.groups}
        for topic, rows in lags.by_topic():
            if not rows:
                continue
            group, key = topic.group, (topic.group, topic.topic)
            tracks = self._tracks.setdefault(key, {})
            row_statuses = [
                self._assess(row, tracks, presence[group], allowed[group], time_ns, shared)
                for row in rows
            ]
            partitions += row_statuses
            topics[key] = _worst_row(row_statuses)
            topics_by_group[group].append(topics[key])
            risk_s = retention_risk_s(
                rows,
                (row_status.time_lag for row_status in row_statuses),
                snapshot.extras.retention_s.get(topic.topic),
            )
            if risk_s is not None:
                risks_s[key] = risk_s
            if group in snapshot.read_committed:
                transactions[key] = self.transactions.of_rows(rows, time_ns)
        self._sweep(time_ns)
        return Assessment(
            lags,
            tuple(partitions),
            topics,
            rates=self._rates.take(lags, time_ns),
            groups={group: _worst_row(of_group) for group, of_group in topics_by_group.items()},
            retention_risk_s=risks_s,
            open_transactions=transactions,
        )

    def _observe(
        self,
        snapshot: Snapshot,
        answers: Mapping[Partition, TimestampedOffset | None],
        time_ns: int,
    ) -> None:
        self._forget_recreated(snapshot)
        self.ends.observe(snapshot.end_offsets, time_ns)
        self.searches.take(answers, snapshot.end_offsets, time_ns)

    def _assess(
        self,
        row: PartitionLag,
        tracks: dict[int, RowTrack],
        presence: Presence,
        allowed: int,
        time_ns: int,
        shared: _SharedStatuses,
    ) -> RowStatus:
        track = tracks.get(row.partition)
        if track is None:
            track = RowTrack(row.offset, row.lag, time_ns, self._interval_ns)
            tracks[row.partition] = track
        status = track.judge(row, presence, allowed, time_ns)
        if row.lag <= allowed:
            return _FINE if status is Status.OK else RowStatus(_CAUGHT_UP, status)
        key = (*row[1:4], status)
        row_status = shared.get(key)
        if row_status is None:
            row_status = shared[key] = RowStatus(self._time_lag(row, time_ns), status)
        return row_status

    def _time_lag(self, row: PartitionLag, time_ns: int) -> TimeLag | None:
        partition = row[1:3]
        time_lag = self.ends.time_lag(partition, row.offset, time_ns)
        if time_lag is not None and time_lag.at_least:
            time_lag = self.searches.time_lag(
                partition, row.offset, row.start_offset, time_lag, time_ns
            )
        return time_lag

    def _forget_recreated(self, snapshot: Snapshot) -> None:
        """Forget the history of topics that were deleted and created again under their name."""
        topics = self.recreated(snapshot)
        self.topic_ids |= snapshot.topic_ids
        if not topics:
            return
        for history in (self.ends, self.searches, self._rates, self.transactions):
            history.forget(topics)
        self._tracks = {
            (group, topic): tracks
            for (group, topic), tracks in self._tracks.items()
            if topic not in topics
        }

    def _sweep(self, time_ns: int) -> None:
        if 0 < self._sweep_ns - time_ns <= FORGET_TRACK_NS:  # else the clock was set back
            return
        self._sweep_ns = time_ns + FORGET_TRACK_NS
        oldest_ns = time_ns - FORGET_TRACK_NS
        self._tracks = {
            key: recent
            for key, tracks in self._tracks.items()
            if (
                recent := {
                    index: track
                    for index, track in tracks.items()
                    if oldest_ns < track.now_ns <= time_ns
                }
            )
        }
        topics = {topic for _, topic in self._tracks} | self.ends.topics() | self.searches.topics()
        topics |= {topic for topic, _ in self.transactions.unmoved}
        self.topic_ids = {
            topic: topic_id for topic, topic_id in self.topic_ids.items() if topic in topics
        }


def _presence(group: str, snapshot: Snapshot) -> Presence:
    if group in snapshot.vanished:
        return Presence.ABSENT
    listed = snapshot.groups.get(group)
    if listed is None or listed.state is None or listed.kind == "simple":
        return Presence.UNSEEN
    return Presence.ABSENT if listed.state.lower() in _WITHOUT_MEMBERS else Presence.PRESENT


def _worst_row(row_statuses: Sequence[RowStatus]) -> RowStatus:
    """Return the worst of all; a lower bound where one of them is one, or is not known."""
    status = worst_status({status for _, status in row_statuses})
    time_lags = [time_lag for time_lag, _ in row_statuses if time_lag is not None]
    if not time_lags:
        return RowStatus(None, status)
    at_least = len(time_lags) < len(row_statuses) or any(
        time_lag.at_least for time_lag in time_lags
    )
    return RowStatus(TimeLag(max(time_lags).seconds, at_least), status)


def lowest_unread(lags: Lags) -> dict[Partition, int]:
    """Return the lowest commit on each partition that some group has not read to its end."""
    lowest: dict[Partition, int] = {}
    for row in lags.partitions:
        if row.lag:
            partition = (row.topic, row.partition)
            lowest[partition] = min(row.offset, lowest.get(partition, row.offset))
    return lowest
