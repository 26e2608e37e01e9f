"""Cross-check of each consumer: its JMX metrics against its group's offsets.

Theory. Offsets show what was committed, not what was read. A consumer's own records-lag-max shows
what it has not fetched yet, and disappears with the consumer. So where the offsets say that a group
makes no progress, JMX says why: the consumer reads and does not commit, it is dead, or it is slow.

Rules:

1. Without both sides there is no verdict. The offsets' side is the status of the partitions that
   the consumer was last assigned, which is judged over a window; the JMX side is the last poll of
   its target, with its age.
2. A consumer is matched to a member by client id, and by host too where client ids repeat. Two that
   cannot be told apart match nothing.
3. A group without members keeps the ones it had last: a dead consumer is not in the group any more.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jmxbridge.kafka.facts.members import GroupPartition, Member, Membership, uncommitted
from jmxbridge.kafka.facts.snapshot import Commits, Snapshot
from jmxbridge.lag.consumers.client_verdict import NEAR_SHARE, ClientFacts, ClientFinding, decide
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.assessment import RowStatus
from jmxbridge.lag.history.status import POLLS_PER_WINDOW, Status
from jmxbridge.lag.rows import Lags, PartitionLag
from jmxbridge.times import NS

GONE_AFTER = 2
"""Polls in a row: a single one may have met a pause of the JVM."""

GREW_AFTER = 2
"""Polls at which the count of records rose: a single one may be the first batch, still being
processed."""

GroupMember = tuple[str, Member]
"""A group's name and one of its members."""


@dataclass(frozen=True, slots=True)
class OffsetEvidence:
    """What offsets say of one consumer: lag, commits and statuses of its partitions."""

    lag: int | None = None
    uncommitted: int = 0
    statuses: frozenset[Status] = frozenset()


class Crosscheck:
    """Checks every consumer at each lag poll; `interval_ns` is the time between two polls."""

    def __init__(self, *, interval_ns: int) -> None:
        self._window_ns = POLLS_PER_WINDOW * interval_ns
        self._members: dict[str, tuple[Member, ...]] = {}
        self._tracks: dict[tuple[str, str, str, str], ConsumerTrack] = {}

    def take(
        self,
        lags: Lags,
        row_statuses: Sequence[RowStatus],
        snapshot: Snapshot,
        consumers: Iterable[Consumer],
        time_ns: int,
    ) -> dict[str, tuple[ClientFinding, ...]]:
        """Return the findings by group, for groups with a consumer known from both sides.

        `row_statuses` pairs with `lags.partitions`.
        """
        self._learn_members(snapshot)
        matches = list(match_members(self._members, consumers))
        rows = _rows_of(lags, row_statuses, {group for group, *_ in matches})
        tracks: dict[tuple[str, str, str, str], ConsumerTrack] = {}
        findings: dict[str, list[ClientFinding]] = {}
        for group, member, consumer in matches:
            commits = snapshot.commits.get(group)
            if commits is None:
                continue  # its coordinator did not answer: one side is missing
            key = (group, member.consumer_id, consumer.target, consumer.client_id)
            track = tracks[key] = self._tracks.get(key) or ConsumerTrack()
            evidence = offset_evidence(group, member, commits, rows)
            track.take(consumer, evidence, time_ns)
            verdict, why = decide(track.facts(consumer, evidence, time_ns, self._window_ns))
            finding = ClientFinding(
                group=group,
                verdict=verdict,
                why=why,
                consumer=consumer,
                age_s=max(0.0, (time_ns - consumer.time_ns) / NS),
                lag=evidence.lag,
                uncommitted=evidence.uncommitted,
            )
            findings.setdefault(group, []).append(finding)
        self._tracks = tracks
        return {group: tuple(of_group) for group, of_group in findings.items()}

    def _learn_members(self, snapshot: Snapshot) -> None:
        for name, membership in (snapshot.memberships or {}).items():
            if any(member.assigned for member in membership.members):
                self._members[name] = membership.members
        existing = snapshot.groups.keys() | snapshot.vanished
        self._members = {
            name: members
            for name, members in self._members.items()
            if name in existing or not (snapshot.complete or name in snapshot.gone)
        }


class ConsumerTrack:
    """History of one consumer in one group; a new member id starts a new one."""

    __slots__ = ("gone_polls", "grew", "grew_ns", "never_ns", "total")

    def __init__(self) -> None:
        self.gone_polls = 0
        self.total: float | None = None
        self.grew = 0
        self.grew_ns: int | None = None
        self.never_ns: int | None = None

    def take(self, consumer: Consumer, evidence: OffsetEvidence, time_ns: int) -> None:
        """Take both sides of one poll."""
        if evidence.lag is not None or not evidence.uncommitted:
            self.never_ns = None
        elif self.never_ns is None:
            self.never_ns, self.grew = time_ns, 0
        if consumer.gone is not None:
            self.gone_polls += 1
            return
        if self.gone_polls:  # it may be another process: the earlier one's counts are not its own
            self.gone_polls, self.grew, self.grew_ns, self.total = 0, 0, None, None
        if self._has_read(consumer):
            self.grew += 1
            self.grew_ns = time_ns

    def _has_read(self, consumer: Consumer) -> bool:
        """Tell whether it read records since the last poll; by its rate, in the last 30 s."""
        before, self.total = self.total, consumer.consumed_total
        if self.total is None:
            return (consumer.consumed_rate or 0.0) > 0.0
        return before is not None and self.total > before

    def facts(
        self, consumer: Consumer, evidence: OffsetEvidence, time_ns: int, window_ns: int
    ) -> ClientFacts:
        """Return the input of the rules."""
        never_ns = self.never_ns
        reads = self.grew_ns is not None and time_ns - self.grew_ns < window_ns
        lag, own_lag = evidence.lag or 0, consumer.lag_max
        return ClientFacts(
            gone=self.gone_polls >= GONE_AFTER,
            reads=reads and self.grew >= GREW_AFTER,
            has_left=bool(own_lag),
            near=own_lag is not None and own_lag < NEAR_SHARE * lag,
            still=not evidence.statuses.isdisjoint({Status.STALL, Status.STOP}),
            behind=Status.WARN in evidence.statuses,
            never=never_ns is not None and time_ns - never_ns >= window_ns,
        )


def match_members(
    members: Mapping[str, Sequence[Member]], consumers: Iterable[Consumer]
) -> Iterator[tuple[str, Member, Consumer]]:
    """Yield group, member and consumer for each consumer that is one member."""
    members_by_client: dict[str, list[GroupMember]] = {}
    for group, of_group in members.items():
        for member in of_group:
            members_by_client.setdefault(member.client_id, []).append((group, member))
    consumers_by_client: dict[str, list[Consumer]] = {}
    for consumer in consumers:
        consumers_by_client.setdefault(consumer.client_id, []).append(consumer)
    for client_id, same_client in consumers_by_client.items():
        candidates = members_by_client.get(client_id, [])
        if len(candidates) == len(same_client) == 1:
            yield (*candidates[0], same_client[0])
        else:
            yield from _match_by_host(candidates, same_client)


def _match_by_host(
    candidates: Sequence[GroupMember], consumers: Sequence[Consumer]
) -> Iterator[tuple[str, Member, Consumer]]:
    for consumer in consumers:
        members = [
            (group, member)
            for group, member in candidates
            if member.host.removeprefix("/") == consumer.host
        ]
        same_host = [other for other in consumers if other.host == consumer.host]
        if len(members) == len(same_host) == 1:
            yield (*members[0], consumer)


def _rows_of(
    lags: Lags, row_statuses: Sequence[RowStatus], groups: Collection[str]
) -> dict[GroupPartition, tuple[PartitionLag, Status]]:
    if not groups:  # tens of thousands of rows, and none is needed
        return {}
    pairs = zip(lags.partitions, row_statuses, strict=True)
    return {row[:3]: (row, status) for row, (_, status) in pairs if row.group in groups}


def offset_evidence(
    group: str,
    member: Member,
    commits: Commits,
    rows: Mapping[GroupPartition, tuple[PartitionLag, Status]],
) -> OffsetEvidence:
    """Return the offsets' side of a member, from the partitions it was assigned."""
    known = [rows[group, *assigned] for assigned in member.assigned if (group, *assigned) in rows]
    membership = Membership(group, "", (member,))
    return OffsetEvidence(
        max((row.lag for row, _ in known), default=None),
        len(uncommitted(membership, commits)),
        frozenset(status for _, status in known),
    )
