"""What one connection has learned about its JVM: which MBeans to read, and which attributes.

Rule: getMBeanInfo is never part of a steady poll, and getAttributes never names an attribute that
the MBean lacks (Kafka's clients log a warning for each). So names and attributes are kept, and
looked at again

- when the number of MBeans has changed, or a Jolokia agent says that some came or went, or an MBean
  was gone when it was read: names only, and the attributes of what is new;
- after `INCOMPLETE_S` for MBeans that lack an attribute a rule names: Kafka's clients register a
  partition's MBean first and add its lag attributes later;
- after `EVERYTHING_S` for all of them;

and an MBean whose answer cannot be carried loses the attributes that are to blame (`unreadable`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.discovery import Claim, attributes, is_settled, patterns, take
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.transports.transport import MBeans
from jmxbridge.transports.unreadable import Unreadable

EVERYTHING_S = 300.0
INCOMPLETE_S = 30.0
GONE = "not_found"

Asked: TypeAlias = tuple[tuple[ObjectName, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One getAttributes of a poll."""

    rule: Rule
    name: ObjectName
    attributes: tuple[str, ...]


class Catalog:
    """The MBeans one JVM has for the rules it was asked about. Times are seconds of one clock."""

    def __init__(self) -> None:
        self.series_limited = 0
        self._rules: dict[int, Rule] = {}  # by identity: a rule is an entry of the file
        self._available: dict[ObjectName, frozenset[str]] = {}
        self._sets: dict[frozenset[str], frozenset[str]] = {}  # MBeans of one class share theirs
        self._unreadable = Unreadable()
        self._wanted: tuple[Wanted, ...] = ()
        # By the rules due: they are the same ones at nearly every poll.
        self._due: dict[frozenset[int], tuple[tuple[Wanted, ...], Asked]] = {}
        self._mbean_count: int | None = None
        self._everything_at_s = float("-inf")
        self._incomplete_at_s = float("-inf")
        self._names_stale = True

    async def refresh(self, mbeans: MBeans, rules: Sequence[Rule], now_s: float) -> None:
        """Look at the JVM again, as far as what is kept may no longer be true."""
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
        self._names_stale = True  # also after a question that the JVM throws at
        takes = take(tuple(self._rules.values()), await self._names(mbeans))
        await self._learn_attributes(mbeans, {each.name for each in takes})
        await self._unreadable.tell_apart(mbeans)
        self._wanted = tuple(self._wanted_by(takes))
        self._due.clear()
        self.series_limited = takes.series_limited
        self._names_stale = False

    def wanted(self, rules: Sequence[Rule]) -> tuple[Wanted, ...]:
        """Return what to read for these rules, as far as it was found."""
        return self._due_now(rules)[0]

    def asked(self, rules: Sequence[Rule]) -> Asked:
        """Return the same as `Connection.get_many` wants it; the same object until it changes."""
        return self._due_now(rules)[1]

    def _due_now(self, rules: Sequence[Rule]) -> tuple[tuple[Wanted, ...], Asked]:
        due = frozenset(id(rule) for rule in rules)
        kept = self._due.get(due)
        if kept is None:
            wanted = tuple(each for each in self._wanted if id(each.rule) in due)
            kept = wanted, tuple((each.name, each.attributes) for each in wanted)
            self._due[due] = kept
        return kept

    def note_count(self, mbean_count: int) -> None:
        """Compare the number of MBeans with the last one: a change means other names."""
        if self._mbean_count not in (None, mbean_count):
            self._names_stale = True
        self._mbean_count = mbean_count

    def note_change(self) -> None:
        """Take it that there are other names now."""
        self._names_stale = True

    def readings(
        self,
        wanted: Sequence[Wanted],
        replies: Sequence[Mapping[str, Value] | RemoteException],
    ) -> list[Reading]:
        """Pair replies with what was asked; leave out MBeans that are gone or failed.

        Raises the first failure where no MBean at all could be read, and not for being gone.
        """
        found: list[Reading] = []
        failures: list[RemoteException] = []
        for each, reply in zip(wanted, replies, strict=True):
            if isinstance(reply, RemoteException):
                failures.append(reply)
                if not self._unreadable.suspect(each.name, each.attributes, reply):
                    self._available.pop(each.name, None)
                self._names_stale = True
            else:
                found.append(Reading(each.rule, each.name, reply))
        other_failures = [each for each in failures if each.error_class != GONE]
        if other_failures and not found:
            raise other_failures[0]
        return found

    def _forget_incomplete(self) -> None:
        for each in self._wanted:
            if not is_settled(each.rule, each.attributes):
                self._available.pop(each.name, None)

    async def _names(self, mbeans: MBeans) -> set[ObjectName]:
        answers = await mbeans.query_many(patterns(tuple(self._rules.values())))
        return set().union(*answers)

    async def _learn_attributes(self, mbeans: MBeans, names: set[ObjectName]) -> None:
        for gone in self._available.keys() - names:
            del self._available[gone]
        unknown = sorted(names - self._available.keys(), key=lambda name: name.canonical)
        for name, info in zip(unknown, await mbeans.get_infos(unknown), strict=True):
            if not isinstance(info, RemoteException):  # else it vanished since it was named
                existing = frozenset(each.name for each in info.attributes)
                self._available[name] = self._sets.setdefault(existing, existing)

    def _wanted_by(self, takes: Sequence[Claim]) -> list[Wanted]:
        found: list[Wanted] = []
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}  # most MBeans of a rule have the same
        for each in takes:
            available = self._available.get(each.name, frozenset())
            existing = attributes(each.rule, available - self._unreadable.left_out(each.name))
            if existing:
                existing = shared.setdefault(existing, existing)
                found.append(Wanted(each.rule, each.name, existing))
        return found
