"""Discovery: the MBeans that each rule claims, and the attributes to read from them.

Rule: claims depend on names alone, and not on the order in which the JVM returned them, so two
discoveries of the same names give the same claims.

Aliases of a rule are tried in the order of the file; the first that matches any name is used for
that target. Several rules may claim one name. A rule's `limit` counts series, that is distinct sets
of tag values; names beyond it are not read, and the number of series lost is reported.

Consumers of Kafka 4.1 and later name a topic with dots twice: with its own name, and with
underscores as before (KIP-1109). The second name is left out if the first exists: one topic, one
series.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import overload

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.rule import Rule

CLIENT_DOMAIN = "kafka.consumer"


@dataclass(frozen=True, slots=True)
class Claim:
    """One MBean that a rule reads."""

    rule: Rule
    name: ObjectName


class LeftOutReason(Enum):
    """Reason why a rule does not read an MBean that its pattern matches."""

    LIMIT = "beyond the rule's limit"
    SAME_TOPIC = "a second name of the same topic"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One MBean that a rule matches but does not read."""

    rule: Rule
    name: ObjectName
    reason: LeftOutReason


@dataclass(frozen=True, slots=True)
class Claims(Sequence[Claim]):
    """The claims of all rules, rule by rule, names in canonical order.

    `series_limited` is the number of series left out by limits, `left_out` has every name that
    matched and is not read.
    """

    claims: tuple[Claim, ...]
    series_limited: int = 0
    left_out: tuple[LeftOut, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Claim: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Claim]: ...
    def __getitem__(self, index: int | slice) -> Claim | Sequence[Claim]:
        return self.claims[index]

    def __len__(self) -> int:
        return len(self.claims)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.claims)


def patterns(rules: Iterable[Rule]) -> tuple[ObjectName, ...]:
    """Return the queries for a target that give `find_claims` every name it may need.

    One query for each pattern, not one for all names: a broker with 4,000 partitions has 36,000
    MBeans that no rule needs. A name that another pattern matches is not queried again.
    """
    beans = dict.fromkeys(bean for rule in rules for bean in rule.beans)
    wide = [bean for bean in beans if bean.is_pattern]
    return tuple(
        bean
        for bean in beans
        if bean.is_pattern or not any(pattern.matches(bean) for pattern in wide)
    )


def find_claims(rules: Iterable[Rule], names: Iterable[ObjectName]) -> Claims:
    """Return the claims of every rule on these names."""
    index = _NameIndex(names)
    claims: list[Claim] = []
    left_out: list[LeftOut] = []
    limited = 0
    for rule in rules:
        matched = _first_match(rule, index)
        copies = _second_names(matched)
        distinct = [name for name in matched if name not in copies] if copies else matched
        within, beyond, series = _limited(rule, distinct)
        claims += [Claim(rule, name) for name in within]
        left_out += [
            LeftOut(rule, name, LeftOutReason.SAME_TOPIC) for name in matched if name in copies
        ]
        left_out += [LeftOut(rule, name, LeftOutReason.LIMIT) for name in beyond]
        limited += series
    return Claims(tuple(claims), limited, tuple(left_out))


def attributes(rule: Rule, available: Collection[str]) -> tuple[str, ...]:
    """Return the attributes of an MBean that the rule reads, each once.

    A JVM with Kafka clients logs a warning for every requested attribute that it does not have.
    """
    wanted = dict.fromkeys(field.attribute for field in rule.fields if field.pattern is None)
    patterns = [field.pattern for field in rule.fields if field.pattern is not None]
    matched = (name for name in available if any(pattern.fullmatch(name) for pattern in patterns))
    return (*(name for name in wanted if name in available), *(matched if patterns else ()))


def is_complete(rule: Rule, existing: Collection[str]) -> bool:
    """Tell whether an MBean has every attribute that the rule could read.

    More attributes that match a pattern may always appear later.
    """
    if any(field.pattern is not None for field in rule.fields):
        return False
    return len(existing) >= len({field.attribute for field in rule.fields})


class _NameIndex:
    """Names in canonical order, and by domain and type, which most patterns contain."""

    def __init__(self, names: Iterable[ObjectName]) -> None:
        self._all = sorted(set(names), key=lambda name: name.canonical)
        self._by_type: dict[tuple[str, str], list[ObjectName]] = {}
        for name in self._all:
            key = (name.domain, name.properties.get("type", ""))
            self._by_type.setdefault(key, []).append(name)

    def candidates(self, pattern: ObjectName) -> list[ObjectName]:
        """Return the names that the pattern could match."""
        kind = pattern.properties.get("type")
        if pattern.is_domain_pattern or kind is None or "type" in pattern.wildcard_keys:
            return self._all
        return self._by_type.get((pattern.domain, kind), [])


def _first_match(rule: Rule, index: _NameIndex) -> list[ObjectName]:
    for bean in rule.beans:
        matched = [name for name in index.candidates(bean) if bean.matches(name)]
        if matched:
            return matched
    return []


def _second_names(names: list[ObjectName]) -> set[ObjectName]:
    """Return the names with underscores in a topic that another name has with dots.

    A broker never has both `a.b` and `a_b`, so no topic is lost.
    """
    dotted = [name for name in names if name.domain == CLIENT_DOMAIN and "." in _topic(name)]
    if not dotted:
        return set()
    mangled = {_with_topic(name, _topic(name).replace(".", "_")) for name in dotted}
    return {name for name in names if _with_topic(name, _topic(name)) in mangled}


def _topic(name: ObjectName) -> str:
    return name.properties.get("topic", "")


def _with_topic(name: ObjectName, topic: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name.domain, frozenset({**name.properties, "topic": topic}.items())


def _limited(rule: Rule, names: list[ObjectName]) -> tuple[list[ObjectName], list[ObjectName], int]:
    """Return the names within the limit, those beyond it, and the number of series lost."""
    if rule.limit is None:
        return names, [], 0
    kept: set[tuple[str | None, ...]] = set()
    lost: set[tuple[str | None, ...]] = set()
    within, beyond = [], []
    for name in names:
        series = tuple(name.value(key) for key in rule.tags.values())
        if series in kept or len(kept) < rule.limit:
            kept.add(series)
            within.append(name)
        else:
            lost.add(series)
            beyond.append(name)
    return within, beyond, len(lost)
