"""Lag of one cluster, poll by poll: snapshot → rows → history → consumers → assessment.

One pipeline for `jmxbridge run` and for `jmxbridge lag --watch`. No I/O: each instant is an
argument, and the saved state of an earlier run goes in and comes out as a value.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.snapshot import Commits, Partition, Snapshot
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.history.crosscheck import Crosscheck
from jmxbridge.lag.history.end_offset_history import EndOffsetHistory
from jmxbridge.lag.history.expiry import OffsetsExpiry
from jmxbridge.lag.history.known_members import KnownMembers
from jmxbridge.lag.history.lag_history import LagHistory, lowest_unread
from jmxbridge.lag.history.open_transactions import OpenTransactions
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.summary import summarize
from jmxbridge.lag.history.timestamp_search import TimestampSearch
from jmxbridge.lag.history.vanished_groups import FORGET_AFTER_S, VanishedGroups
from jmxbridge.lag.rows import compute_lags
from jmxbridge.lag.uncommitted import Uncommitted, assume
from jmxbridge.times import NS

INTERVAL_NS = 10 * NS


class LagTracker:
    """Assesses the snapshots of one cluster.

    `state` is what an earlier run saved. `interval_ns` is the time between two polls, `allowed_lag`
    has records by pattern of group names, `uncommitted` is the position to assume for assigned
    partitions without a commit. A vanished group is kept for `forget_after_s`.
    `offsets_retention_s` is how long brokers keep the offsets of an empty group, None to take what
    they report.

    A poll: `needs_members`, `questions` and `assigned` say what to read, `merge` comes between
    commits and end offsets, `take` at the end.
    """

    def __init__(
        self,
        state: SavedState | None = None,
        *,
        interval_ns: int = INTERVAL_NS,
        allowed_lag: Mapping[str, int] | None = None,
        uncommitted: Uncommitted = Uncommitted.SKIP,
        forget_after_s: float = FORGET_AFTER_S,
        offsets_retention_s: float | None = None,
    ) -> None:
        state = state or SavedState()
        self._vanished = VanishedGroups(state.groups, forget_after_s=forget_after_s)
        self._history = LagHistory(
            interval_ns=interval_ns,
            allowed_lag=allowed_lag,
            ends=EndOffsetHistory(state.tables),
            searches=TimestampSearch(state.searches),
            topic_ids=state.topic_ids,
            transactions=OpenTransactions(state.transactions),
        )
        self._crosscheck = Crosscheck(interval_ns=interval_ns)
        self._expiry = OffsetsExpiry(state.empty_since, retention_s=offsets_retention_s)
        self._members = KnownMembers()
        self._uncommitted = uncommitted
        self._last: tuple[Assessment, int] | None = None

    @property
    def vanished(self) -> frozenset[str]:
        """Names of the groups that have vanished and are kept."""
        return self._vanished.vanished

    def needs_members(self, time_ns: int) -> bool:
        """Tell whether the poll at this instant is to ask for the members."""
        return self._members.are_due(time_ns)

    def questions(self) -> Mapping[Partition, int]:
        """Return what the next poll is to ask the log: times in ms, see `timestamp_search`."""
        return self._history.searches.questions()

    def assigned(self) -> Mapping[str, Membership]:
        """Return the memberships whose partitions need starts and ends without a commit too."""
        return {} if self._uncommitted is Uncommitted.SKIP else self._members.memberships

    def merge(
        self, commits: Mapping[str, Commits], gone: Collection[str], time_ns: int
    ) -> Mapping[str, Commits]:
        """Take the commits a poll read; return the last commits of vanished groups to add."""
        return self._vanished.merge(commits, gone, time_ns)

    def search(
        self,
        snapshot: Snapshot,
        answers: Mapping[Partition, TimestampedOffset | None],
        time_ns: int,
    ) -> Mapping[Partition, int]:
        """Take answers to the last questions; return those left, in ms.

        For a snapshot that `take` gets at the same instant, when no question is left.
        """
        return self._history.search(compute_lags(snapshot), snapshot, answers, time_ns)

    def take(self, snapshot: Snapshot, consumers: Iterable[Consumer], time_ns: int) -> Assessment:
        """Assess one snapshot, with what JMX says of the consumers."""
        self._members.take(snapshot, time_ns)
        self._vanished.drop(self.deleted(snapshot))
        lags = compute_lags(assume(snapshot, self._members.memberships, self._uncommitted))
        assessment = self._history.take(lags, snapshot, time_ns)
        assessment = replace(
            assessment,
            expires_in_s=self._expiry.take(snapshot, time_ns),
            clients=self._crosscheck.take(
                lags, assessment.partitions, snapshot, consumers, time_ns
            ),
        )
        self._last = (assessment, time_ns)
        return assessment

    def offsets_retention_s(self, snapshot: Snapshot) -> float:
        """Return how long an empty group keeps its offsets."""
        return self._expiry.retention_s(snapshot)

    def state(self) -> SavedState | None:
        """Return what the next run needs; None before the first snapshot."""
        if self._last is None:
            return None
        assessment, time_ns = self._last
        return SavedState(
            groups=dict(self._vanished.groups),
            tables=self._history.ends.since(lowest_unread(assessment.lags)),
            empty_since=dict(self._expiry.empty_since),
            summary=summarize(assessment, time_ns),
            searches=self._history.searches.results(),
            topic_ids=dict(self._history.topic_ids),
            transactions=dict(self._history.transactions.unmoved),
        )

    def deleted(self, snapshot: Snapshot) -> frozenset[Partition]:
        """Return the partitions that were deleted, of those that vanished groups have committed.

        This includes partitions of a topic created again that have no end offset yet.
        """
        recreated = self._history.recreated(snapshot)
        partitions = {
            (topic, index)
            for group in snapshot.vanished
            for topic in recreated & snapshot.commits[group].keys()
            for index in snapshot.commits[group][topic]
        }
        return snapshot.orphaned | partitions
