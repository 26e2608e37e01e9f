"""Two sides of one consumer held against each other: what it says over JMX, what it commits.

Theory. Offsets tell what was committed, not what was read; a consumer's own records-lag-max tells
what it has not fetched yet, and is gone when the consumer is. So where the offsets say that a group
does not get on, the other side tells why: it reads and does not commit, it is dead, or it is slow.

Rule: without both sides there is no verdict. The offsets' side is the status of the partitions that
the consumer was last assigned, which is judged over a window; the other is its target's last poll,
with its age. A consumer is a member by its client id, by its host as well where ids repeat; two
that cannot be told apart are nobody's.

A group without members has those that it had last: who died is not in the group any more.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jmxbridge.kafka.facts.members import Member, Membership, uncommitted
from jmxbridge.kafka.facts.snapshot import Commits, Snapshot
from jmxbridge.lag.consumers.client_verdict import NEAR_SHARE, ClientFacts, ClientFinding, decide
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.lag_history import RowStatus
from jmxbridge.lag.history.status import POLLS_PER_WINDOW, Status
from jmxbridge.lag.rows import Lags, PartitionLag
from jmxbridge.times import NS

GONE_AFTER = 2
"""Polls in a row: one alone may have met a pause of the JVM."""

GREW_AFTER = 2
"""Polls at which the count of records rose: one alone may be the first batch, still at work."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """The offsets' side of one consumer, from its partitions."""

    lag: int | None = None
    uncommitted: int = 0
    statuses: frozenset[Status] = frozenset()


class Crosscheck:
    """Holds the two sides against each other at every lag poll; `interval_ns` between two."""

    def __init__(self, *, interval_ns: int) -> None:
        self._window_ns = POLLS_PER_WINDOW * interval_ns
        self._members: dict[str, tuple[Member, ...]] = {}
        self._watches: dict[tuple[str, str, str, str], _Watch] = {}

    def take(
        self,
        lags: Lags,
        judged: Sequence[RowStatus],
        snapshot: Snapshot,
        consumers: Iterable[Consumer],
        time_ns: int,
    ) -> dict[str, tuple[ClientFinding, ...]]:
        """Return what is found of each group that has a consumer known from both sides.

        `judged` stands beside `lags.partitions`.
        """
        self._learn(snapshot)
        joined = list(join(self._members, consumers))
        rows = _by_place(lags, judged, {group for group, *_ in joined})
        watches: dict[tuple[str, str, str, str], _Watch] = {}
        found: dict[str, list[ClientFinding]] = {}
        for group, member, consumer in joined:
            commits = snapshot.commits.get(group)
            if commits is None:
                continue  # its coordinator did not answer: one side is missing
            key = (group, member.consumer_id, consumer.target, consumer.client_id)
            watch = watches[key] = self._watches.get(key) or _Watch(time_ns)
            offsets = offsets_of(group, member, commits, rows)
            watch.take(consumer, offsets, time_ns)
            client, why = decide(watch.facts(consumer, offsets, time_ns, self._window_ns))
            age_s = max(0.0, (time_ns - consumer.time_ns) / NS)
            finding = ClientFinding(
                group, client, why, consumer, age_s, offsets.lag, offsets.uncommitted
            )
            found.setdefault(group, []).append(finding)
        self._watches = watches
        return {group: tuple(findings) for group, findings in found.items()}

    def _learn(self, snapshot: Snapshot) -> None:
        for name, membership in (snapshot.memberships or {}).items():
            if any(member.assigned for member in membership.members):
                self._members[name] = membership.members
        kept = snapshot.groups.keys() | snapshot.vanished
        self._members = {
            name: members
            for name, members in self._members.items()
            if name in kept or not (snapshot.complete or name in snapshot.gone)
        }


class _Watch:
    """What was seen of one consumer in one group; it begins anew with every member id."""

    __slots__ = ("gone_polls", "grew", "grew_ns", "never_ns", "total")

    def __init__(self, time_ns: int) -> None:
        self.gone_polls = 0
        self.total: float | None = None
        self.grew = 0
        self.grew_ns: int | None = None
        self.never_ns: int | None = None

    def take(self, consumer: Consumer, offsets: Offsets, time_ns: int) -> None:
        """Take one poll's two sides."""
        if offsets.lag is not None or not offsets.uncommitted:
            self.never_ns = None
        elif self.never_ns is None:
            self.never_ns, self.grew = time_ns, 0
        if consumer.gone is not None:
            self.gone_polls += 1
            return
        if self.gone_polls:  # back, perhaps as another process: what it read before is not its own
            self.gone_polls, self.grew, self.grew_ns, self.total = 0, 0, None, None
        if self._has_read(consumer):
            self.grew += 1
            self.grew_ns = time_ns

    def _has_read(self, consumer: Consumer) -> bool:
        """Whether it read records since the last poll; of the rate, in the half minute before."""
        before, self.total = self.total, consumer.consumed_total
        if self.total is None:
            return (consumer.consumed_rate or 0.0) > 0.0
        return before is not None and self.total > before

    def facts(
        self, consumer: Consumer, offsets: Offsets, time_ns: int, window_ns: int
    ) -> ClientFacts:
        """Return what the rules look at."""
        never_ns = self.never_ns
        never = never_ns is not None and time_ns - never_ns >= window_ns
        reads = self.grew_ns is not None and time_ns - self.grew_ns < window_ns
        lag, own = offsets.lag or 0, consumer.lag_max
        return ClientFacts(
            gone=self.gone_polls >= GONE_AFTER,
            reads=reads and self.grew >= GREW_AFTER,
            has_left=bool(own),
            near=own is not None and own < NEAR_SHARE * lag,
            still=not offsets.statuses.isdisjoint({Status.STALL, Status.STOP}),
            behind=Status.WARN in offsets.statuses,
            never=never,
        )


def join(
    members: Mapping[str, Sequence[Member]], consumers: Iterable[Consumer]
) -> Iterator[tuple[str, Member, Consumer]]:
    """Find the member that each consumer is: group, member, consumer."""
    named: dict[str, list[tuple[str, Member]]] = {}
    for group, each in members.items():
        for member in each:
            named.setdefault(member.client_id, []).append((group, member))
    heard: dict[str, list[Consumer]] = {}
    for consumer in consumers:
        heard.setdefault(consumer.client_id, []).append(consumer)
    for client_id, found in heard.items():
        candidates = named.get(client_id, [])
        if len(candidates) == len(found) == 1:
            yield (*candidates[0], found[0])
        else:
            yield from _by_host(candidates, found)


def _by_host(
    candidates: Sequence[tuple[str, Member]], found: Sequence[Consumer]
) -> Iterator[tuple[str, Member, Consumer]]:
    for consumer in found:
        there = [each for each in candidates if each[1].host.removeprefix("/") == consumer.host]
        rivals = [each for each in found if each.host == consumer.host]
        if len(there) == len(rivals) == 1:
            yield (*there[0], consumer)


Place = tuple[str, str, int]


def _by_place(
    lags: Lags, judged: Sequence[RowStatus], groups: Collection[str]
) -> dict[Place, tuple[PartitionLag, Status]]:
    if not groups:  # tens of thousands of rows, for nobody
        return {}
    pairs = zip(lags.partitions, judged, strict=True)
    return {row[:3]: (row, each.status) for row, each in pairs if row.group in groups}


def offsets_of(
    group: str,
    member: Member,
    commits: Commits,
    rows: Mapping[Place, tuple[PartitionLag, Status]],
) -> Offsets:
    """Return the offsets' side of a member: of the partitions it was assigned."""
    known = [rows[group, *at] for at in member.assigned if (group, *at) in rows]
    membership = Membership(group, "", (member,))
    return Offsets(
        max((row.lag for row, _ in known), default=None),
        len(uncommitted(membership, commits)),
        frozenset(status for _, status in known),
    )
