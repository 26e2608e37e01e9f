"""Catalog of the MBeans and attributes that a connection reads of its JVM.

Rule: getMBeanInfo is never part of a steady poll, and getAttributes never names an attribute that
the MBean lacks (Kafka's clients log a warning for each). So names and attributes are kept, and
queried again

- when the number of MBeans changed, or a Jolokia agent reports that some came or went, or an MBean
  was gone when it was read: names only, and the attributes of new MBeans;
- after `INCOMPLETE_S` for MBeans that lack an attribute a rule names: Kafka's clients register a
  partition's MBean first and add its lag attributes later;
- after `EVERYTHING_S` for all MBeans.

If a JVM cannot send the values of an MBean, the attributes at fault are left out (`unreadable.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.discovery import Claim, attributes, find_claims, is_complete, patterns
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.transports.transport import MBeans
from jmxbridge.transports.unreadable import Unreadable

EVERYTHING_S = 300.0
INCOMPLETE_S = 30.0
GONE = "not_found"


@dataclass(frozen=True, slots=True)
class MBeanRead:
    """One getAttributes of a poll."""

    rule: Rule
    name: ObjectName
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DueReads:
    """The reads of one poll; `names` has the same in the form that `MBeans.get_many` takes."""

    reads: tuple[MBeanRead, ...]
    names: tuple[tuple[ObjectName, tuple[str, ...]], ...]


class Catalog:
    """The MBeans of one JVM for all rules seen so far. Times are seconds of one clock."""

    def __init__(self) -> None:
        self.series_limited = 0
        self._rules: dict[int, Rule] = {}  # by identity: a rule is an entry of the file
        self._available: dict[ObjectName, frozenset[str]] = {}
        self._sets: dict[frozenset[str], frozenset[str]] = {}  # MBeans of one class share a set
        self._unreadable = Unreadable()
        self._reads: tuple[MBeanRead, ...] = ()
        # By the identity of the rules due, which are the same at nearly every poll.
        self._due: dict[frozenset[int], DueReads] = {}
        self._mbean_count: int | None = None
        self._everything_at_s = float("-inf")
        self._incomplete_at_s = float("-inf")
        self._names_stale = True

    async def refresh(self, mbeans: MBeans, rules: Sequence[Rule], now_s: float) -> None:
        """Query the JVM again for what may have changed."""
        new_rules = {id(rule): rule for rule in rules if id(rule) not in self._rules}
        self._rules |= new_rules
        if now_s - self._everything_at_s >= EVERYTHING_S:
            self._available.clear()
            self._sets.clear()
            self._unreadable.forget()
            self._everything_at_s = self._incomplete_at_s = now_s
        elif now_s - self._incomplete_at_s >= INCOMPLETE_S:
            self._forget_incomplete()
            self._incomplete_at_s = now_s
        elif not (self._names_stale or new_rules):
            return
        self._names_stale = True  # stays so if the JVM throws at one of the queries
        claims = find_claims(tuple(self._rules.values()), await self._names(mbeans))
        await self._learn_attributes(mbeans, {claim.name for claim in claims})
        await self._unreadable.tell_apart(mbeans)
        self._reads = tuple(self._reads_of(claims))
        self._due.clear()
        self.series_limited = claims.series_limited
        self._names_stale = False

    def due(self, rules: Sequence[Rule]) -> DueReads:
        """Return what to read for these rules; the same object until that changes."""
        identities = frozenset(id(rule) for rule in rules)
        due = self._due.get(identities)
        if due is None:
            reads = tuple(read for read in self._reads if id(read.rule) in identities)
            due = DueReads(reads, tuple((read.name, read.attributes) for read in reads))
            self._due[identities] = due
        return due

    def note_count(self, mbean_count: int) -> None:
        """Compare the number of MBeans with the last one; a change makes the names stale."""
        if self._mbean_count not in (None, mbean_count):
            self._names_stale = True
        self._mbean_count = mbean_count

    def note_change(self) -> None:
        """Make the names stale."""
        self._names_stale = True

    def readings(
        self,
        reads: Sequence[MBeanRead],
        replies: Sequence[Mapping[str, Value] | RemoteException],
    ) -> list[Reading]:
        """Pair reads with their replies; leave out MBeans that are gone or failed.

        If no MBean could be read, raises the first failure other than a vanished MBean.
        """
        readings: list[Reading] = []
        failures: list[RemoteException] = []
        for read, reply in zip(reads, replies, strict=True):
            if isinstance(reply, RemoteException):
                failures.append(reply)
                if not self._unreadable.suspect(read.name, read.attributes, reply):
                    self._available.pop(read.name, None)
                self._names_stale = True
            else:
                readings.append(Reading(read.rule, read.name, reply))
        other_failures = [failure for failure in failures if failure.error_class != GONE]
        if other_failures and not readings:
            raise other_failures[0]
        return readings

    def _forget_incomplete(self) -> None:
        for read in self._reads:
            if not is_complete(read.rule, read.attributes):
                self._available.pop(read.name, None)

    async def _names(self, mbeans: MBeans) -> set[ObjectName]:
        names = await mbeans.query_many(patterns(tuple(self._rules.values())))
        return set().union(*names)

    async def _learn_attributes(self, mbeans: MBeans, names: set[ObjectName]) -> None:
        for gone in self._available.keys() - names:
            del self._available[gone]
        unknown = sorted(names - self._available.keys(), key=lambda name: name.canonical)
        for name, info in zip(unknown, await mbeans.get_infos(unknown), strict=True):
            if not isinstance(info, RemoteException):  # else it vanished after the query
                existing = frozenset(attribute.name for attribute in info.attributes)
                self._available[name] = self._sets.setdefault(existing, existing)

    def _reads_of(self, claims: Sequence[Claim]) -> list[MBeanRead]:
        reads: list[MBeanRead] = []
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}  # most MBeans of a rule have the same
        for claim in claims:
            available = self._available.get(claim.name, frozenset())
            existing = attributes(claim.rule, available - self._unreadable.left_out(claim.name))
            if existing:
                existing = shared.setdefault(existing, existing)
                reads.append(MBeanRead(claim.rule, claim.name, existing))
        return reads
