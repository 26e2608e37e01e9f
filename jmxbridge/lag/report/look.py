"""Details of a look at a cluster, next to its offsets: time lags, statuses, consumers, losses.

Rule: time lags and statuses come from history. For the first look that is what `jmxbridge run` has
saved for the cluster, and its last assessment while that is fresh; from the second look on there is
a history of our own. The age of an unread record can also be searched in the log (`search`). Where
none of them tells, a detail is left out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.kafka.facts.members import GroupPartition
from jmxbridge.kafka.facts.snapshot import Commits, Description, Partition
from jmxbridge.lag.consumers.client_verdict import at_a_glance
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.lag_history import AllowedLag
from jmxbridge.lag.history.saved_state import SAVE_EVERY_NS, SavedState
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.vanished_groups import FORGET_AFTER_S, without_partitions
from jmxbridge.lag.report.losses import losses
from jmxbridge.lag.report.seen_groups import SeenGroups
from jmxbridge.lag.report.transactions import sentences as transaction_sentences
from jmxbridge.lag.report.trends import Trends
from jmxbridge.lag.rows import PartitionLag
from jmxbridge.lag.tracker import INTERVAL_NS, LagTracker
from jmxbridge.times import NS

FRESH_SAVES = 3
"""`run` saves its assessment once a minute, or at every poll where those are rarer. One that is
older than three times that means that it has stopped."""


@dataclass(frozen=True, slots=True)
class LagDetails:
    """Details next to the rows of one look, where they are known.

    `clients` has sentences about the consumers of a group, `losses` about what it has lost or will
    lose soon. `trends` has the lag of each group on each topic, look by look, the current one last;
    `eta_s` the seconds until it has caught up, where it gains on the topic. `last_seen_ns` says
    when the groups that have vanished were last seen. `transactions` has sentences about records of
    a group that wait behind transactions open for long.

    `status_age_s` is how long ago the statuses were given, None where there are none to show or to
    leave out. With `statuses_too_old` they are left out for their age.
    """

    time_lags: Mapping[GroupPartition, TimeLag] = field(default_factory=dict)
    statuses: Mapping[GroupPartition, Status] = field(default_factory=dict)
    clients: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trends: Mapping[tuple[str, str], Sequence[int]] = field(default_factory=dict)
    losses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    eta_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    last_seen_ns: Mapping[str, int] = field(default_factory=dict)
    status_age_s: float | None = None
    statuses_too_old: bool = False
    transactions: Mapping[str, Sequence[str]] = field(default_factory=dict)


class LagLooks:
    """Assesses one look after another; `state` is what `jmxbridge run` saved for the cluster.

    `interval_ns` is the time between two looks, `run_interval_ns` that between two polls of `run`.
    A group that has vanished since then is shown for `forget_after_s`. A look: `last_commits` says
    what to add for groups that are gone, `without_deleted` removes what was deleted, `take` comes
    at the end.
    """

    def __init__(
        self,
        state: SavedState | None = None,
        *,
        interval_ns: int,
        run_interval_ns: int = INTERVAL_NS,
        allowed_lag: Mapping[str, int] | None = None,
        offsets_retention_s: float | None = None,
        forget_after_s: float = FORGET_AFTER_S,
    ) -> None:
        state = state or SavedState()
        self._seen = SeenGroups(state, forget_after_s=forget_after_s)
        self._tracker = LagTracker(
            state,
            interval_ns=interval_ns,
            allowed_lag=allowed_lag,
            offsets_retention_s=offsets_retention_s,
        )
        fresh_ns = FRESH_SAVES * max(SAVE_EVERY_NS, run_interval_ns)
        self._first_view = _FirstView(state, fresh_ns, AllowedLag(allowed_lag or {}))
        self._view: _View = self._first_view
        self._trends = Trends()

    def last_commits(self, time_ns: int) -> Mapping[str, Commits]:
        """Return the last commits by group, for the groups that are gone now."""
        return self._seen.last_commits(time_ns)

    def without_deleted(self, description: Description, named: Collection[str] = ()) -> Description:
        """Leave out what vanished groups have committed to partitions that were deleted since.

        A group without any commit left is missing, if it is one of those `named`.
        """
        snapshot = description.snapshot
        deleted = self._tracker.deleted(snapshot)
        commits = {
            name: without_partitions(offsets, deleted) if name in snapshot.vanished else offsets
            for name, offsets in snapshot.commits.items()
        }
        vanished = frozenset(name for name in snapshot.vanished if commits[name])
        forgotten = snapshot.vanished - vanished
        kept = {name: offsets for name, offsets in commits.items() if name not in forgotten}
        return replace(
            description,
            snapshot=replace(snapshot, commits=kept, vanished=vanished),
            missing=tuple(sorted({*description.missing, *forgotten.intersection(named)})),
        )

    def search(
        self,
        description: Description,
        answers: Mapping[Partition, TimestampedOffset | None],
        time_ns: int,
    ) -> Mapping[Partition, int]:
        """Take the answers to the last questions; return those that are left, in ms.

        The look itself follows, at the same instant.
        """
        self._first_view.has_history = True
        return self._tracker.search(description.snapshot, answers, time_ns)

    def take(
        self, description: Description, consumers: Iterable[Consumer], time_ns: int
    ) -> LagDetails:
        """Return the details of one look."""
        snapshot = replace(description.snapshot, memberships=description.memberships)
        assessment = self._tracker.take(snapshot, consumers, time_ns)
        last_seen_ns = self._seen.seen_ns(snapshot)
        self._seen.take(snapshot, time_ns)
        view, self._view = self._view, _View()
        statuses = view.statuses(assessment, snapshot.vanished, time_ns)
        takes_history = any(
            row.group not in snapshot.vanished for row in assessment.lags.partitions
        )
        status_age_s = 0.0 if statuses else None
        if takes_history:
            status_age_s = view.status_age_s(time_ns)
        clients = {
            group: [at_a_glance(finding) for finding in findings]
            for group, findings in assessment.clients.items()
        }
        for group, sentences in view.clients(time_ns).items():
            clients.setdefault(group, []).extend(sentences)
        return LagDetails(
            time_lags=view.time_lags(assessment),
            statuses=statuses,
            clients=clients,
            trends=self._trends.take(assessment.lags, snapshot),
            eta_s={key: rate.eta_s for key, rate in assessment.rates.items() if rate.eta_s},
            losses=losses(
                assessment,
                retention_s=snapshot.extras.retention_s,
                offsets_retention_s=self._tracker.offsets_retention_s(snapshot),
            ),
            last_seen_ns=last_seen_ns,
            status_age_s=status_age_s,
            statuses_too_old=takes_history and view.is_too_old(time_ns),
            transactions=transaction_sentences(assessment),
        )


class _View:
    """Details of an assessment, as every look but the first shows them."""

    def time_lags(self, assessment: Assessment) -> dict[GroupPartition, TimeLag]:
        rows = zip(assessment.lags.partitions, assessment.partitions, strict=True)
        return {row[:3]: time_lag for row, (time_lag, _) in rows if time_lag is not None}

    def statuses(
        self, assessment: Assessment, vanished: Collection[str], time_ns: int
    ) -> dict[GroupPartition, Status]:
        rows = zip(assessment.lags.partitions, assessment.partitions, strict=True)
        return {row[:3]: status for row, (_, status) in rows}

    def clients(self, time_ns: int) -> dict[str, list[str]]:
        return {}

    def status_age_s(self, time_ns: int) -> float | None:
        return 0.0

    def is_too_old(self, time_ns: int) -> bool:
        return False


class _FirstView(_View):
    """Details of the first look, which has no history of our own but what `run` has saved."""

    def __init__(self, state: SavedState, fresh_ns: int, allowed: AllowedLag) -> None:
        self.has_history = bool(state.tables or state.searches)
        self._summary = state.summary
        self._fresh_ns = fresh_ns
        self._allowed = allowed

    def time_lags(self, assessment: Assessment) -> dict[GroupPartition, TimeLag]:
        """Leave out the lower bound of 0 seconds that a history of one look gives."""
        if not self.has_history:
            return {}
        rows = zip(assessment.lags.partitions, assessment.partitions, strict=True)
        return {
            row[:3]: time_lag
            for row, (time_lag, _) in rows
            if time_lag is not None and (row.lag == 0 or time_lag.seconds)
        }

    def statuses(
        self, assessment: Assessment, vanished: Collection[str], time_ns: int
    ) -> dict[GroupPartition, Status]:
        """Return the statuses that one look tells, and for the rest those that `run` gave.

        `run` saves those that are not OK. Where it knows nothing of a group that exists, the group
        has no status.
        """
        summary = self._summary if self._is_fresh(time_ns) else None
        groups = {} if summary is None else summary.groups
        statuses = {}
        rows = zip(assessment.lags.partitions, assessment.partitions, strict=True)
        for row, (_, own) in rows:
            is_gone = row.group in vanished
            if not is_gone and row.group not in groups:
                continue
            status = self._judge_now(row, own, is_gone=is_gone)
            if status is None and row.group in groups:
                status = groups[row.group].status_of(row.topic, row.partition)
            if status is not None:
                statuses[row[:3]] = status
        return statuses

    def _judge_now(self, row: PartitionLag, own: Status, *, is_gone: bool) -> Status | None:
        """Return the status that needs no history, None where it does."""
        if own is Status.EXPIRED:
            return own
        if row.ahead:
            return None
        if row.lag <= self._allowed(row.group):
            return Status.OK
        return Status.STOP if is_gone else None

    def clients(self, time_ns: int) -> dict[str, list[str]]:
        """Return the sentences of `run` about consumers: it has watched them for longer."""
        if self._summary is None or not self._is_fresh(time_ns):
            return {}
        age_s = (time_ns - self._summary.time_ns) / NS
        return {
            group: [
                f"{sentence}, according to `jmxbridge run` {age_s:.0f} s ago"
                for sentence in summary.clients
            ]
            for group, summary in self._summary.groups.items()
            if summary.clients
        }

    def status_age_s(self, time_ns: int) -> float | None:
        """Return None for statuses of the future: the clock was set back."""
        if self._summary is None or time_ns < self._summary.time_ns:
            return None
        return (time_ns - self._summary.time_ns) / NS

    def is_too_old(self, time_ns: int) -> bool:
        age_s = self.status_age_s(time_ns)
        return age_s is not None and age_s * NS >= self._fresh_ns

    def _is_fresh(self, time_ns: int) -> bool:
        return self.status_age_s(time_ns) is not None and not self.is_too_old(time_ns)
