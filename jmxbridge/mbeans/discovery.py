"""Which rule takes which MBean, and which of its attributes to ask for.

Rule: everything here is decided from names alone, and in an order that does not depend on the order
the JVM gave them in, so two discoveries of the same names take the same MBeans.

Aliases of a rule are tried in the order of the file; the first that matches any name is the one
used on that target. Several rules may take one name. A rule's `limit` counts series, distinct sets
of tag values; names beyond it are not even read, and how many series that costs is told.

Consumers of Kafka 4.1 and later name a topic with dots twice, as it is and as older ones did, with
underscores (KIP-1109). The second name is left out where the first is there: one topic, one series.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import overload

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.rule import Rule

CLIENT = "kafka.consumer"


@dataclass(frozen=True, slots=True)
class Claim:
    """This rule reads this MBean."""

    rule: Rule
    name: ObjectName


class Why(Enum):
    """Why a rule does not read an MBean that its pattern matches."""

    LIMIT = "beyond the rule's limit"
    SAME_TOPIC = "a second name of the same topic"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """This rule matches this MBean and does not read it."""

    rule: Rule
    name: ObjectName
    why: Why


@dataclass(frozen=True, slots=True)
class Claims(Sequence[Claim]):
    """What all rules take, rule by rule, names in canonical order.

    `series_limited` is the number of series left out by limits, `left_out` has every name that
    matched and is not read.
    """

    takes: tuple[Claim, ...]
    series_limited: int = 0
    left_out: tuple[LeftOut, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Claim: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Claim]: ...
    def __getitem__(self, index: int | slice) -> Claim | Sequence[Claim]:
        return self.takes[index]

    def __len__(self) -> int:
        return len(self.takes)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.takes)


def patterns(rules: Iterable[Rule]) -> tuple[ObjectName, ...]:
    """Return what to ask a target for so that `take` sees every name it could want.

    One query for each pattern, not one for all names: a broker with 4,000 partitions has 36,000
    MBeans that nobody asked for. A name that another pattern selects is not asked for again.
    """
    beans = dict.fromkeys(bean for rule in rules for bean in rule.beans)
    wide = [bean for bean in beans if bean.is_pattern]
    return tuple(
        bean for bean in beans if bean.is_pattern or not any(each.matches(bean) for each in wide)
    )


def take(rules: Iterable[Rule], names: Iterable[ObjectName]) -> Claims:
    """Pair every rule with the names it takes."""
    index = _Index(names)
    takes: list[Claim] = []
    left_out: list[LeftOut] = []
    limited = 0
    for rule in rules:
        matched = _first_match(rule, index)
        copies = _second_names(matched)
        distinct = [name for name in matched if name not in copies] if copies else matched
        taken, beyond, series = _limited(rule, distinct)
        takes += [Claim(rule, name) for name in taken]
        left_out += [LeftOut(rule, name, Why.SAME_TOPIC) for name in matched if name in copies]
        left_out += [LeftOut(rule, name, Why.LIMIT) for name in beyond]
        limited += series
    return Claims(tuple(takes), limited, tuple(left_out))


def attributes(rule: Rule, available: Collection[str]) -> tuple[str, ...]:
    """Return the attributes the rule wants of those an MBean has, each once.

    A JVM with Kafka clients logs a warning for every attribute it is asked for and does not have.
    """
    wanted = dict.fromkeys(field.attribute for field in rule.fields if field.pattern is None)
    shapes = [field.pattern for field in rule.fields if field.pattern is not None]
    matched = (name for name in available if any(shape.fullmatch(name) for shape in shapes))
    return (*(name for name in wanted if name in available), *(matched if shapes else ()))


def is_settled(rule: Rule, existing: Collection[str]) -> bool:
    """Tell whether an MBean has all that the rule could want of it.

    Of attributes wanted by pattern there may always be more later.
    """
    if any(field.pattern is not None for field in rule.fields):
        return False
    return len(existing) >= len({field.attribute for field in rule.fields})


class _Index:
    """Names in canonical order; by domain and type too, which most patterns spell out."""

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


def _first_match(rule: Rule, index: _Index) -> list[ObjectName]:
    for bean in rule.beans:
        matched = [name for name in index.candidates(bean) if bean.matches(name)]
        if matched:
            return matched
    return []


def _second_names(names: list[ObjectName]) -> set[ObjectName]:
    """Return the names that say a topic with underscores while another says it with dots.

    A broker refuses to have both `a.b` and `a_b`, so no topic is lost by this.
    """
    dotted = [name for name in names if name.domain == CLIENT and "." in _topic(name)]
    if not dotted:
        return set()
    mangled = {_with_topic(name, _topic(name).replace(".", "_")) for name in dotted}
    return {name for name in names if _with_topic(name, _topic(name)) in mangled}


def _topic(name: ObjectName) -> str:
    return name.properties.get("topic", "")


def _with_topic(name: ObjectName, topic: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name.domain, frozenset({**name.properties, "topic": topic}.items())


def _limited(rule: Rule, names: list[ObjectName]) -> tuple[list[ObjectName], list[ObjectName], int]:
    """Return what the limit lets through, what it does not, and the series that costs."""
    if rule.limit is None:
        return names, [], 0
    kept: set[tuple[str | None, ...]] = set()
    lost: set[tuple[str | None, ...]] = set()
    taken, beyond = [], []
    for name in names:
        series = tuple(name.value(key) for key in rule.tags.values())
        if series in kept or len(kept) < rule.limit:
            kept.add(series)
            taken.append(name)
        else:
            lost.add(series)
            beyond.append(name)
    return taken, beyond, len(lost)
