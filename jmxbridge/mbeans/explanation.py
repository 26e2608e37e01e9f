"""What rules make of the MBeans of one JVM, said before anything is written.

Rule: nothing is decided here. What takes an MBean and what is read of it is what discovery says,
so an explanation cannot differ from a poll.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.discovery import Claims, LeftOut, attributes, take
from jmxbridge.mbeans.rule import Rule


@dataclass(frozen=True, slots=True)
class Taken:
    """One rule that takes an MBean, and the attributes it reads of it."""

    rule: Rule
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of one MBean.

    `left_out` has the rules that match it and do not read it, `unread` the attributes that no rule
    reads, in the order of the MBean.
    """

    name: ObjectName
    taken: tuple[Taken, ...]
    left_out: tuple[LeftOut, ...]
    unread: tuple[str, ...]


def explain(takes: Claims, available: Mapping[ObjectName, Sequence[str]]) -> list[Explanation]:
    """Explain each MBean of `available`, name → attributes it has, in canonical order."""
    taken: dict[ObjectName, list[Taken]] = {}
    for each in takes:
        existing = attributes(each.rule, available.get(each.name, ()))
        if existing:
            taken.setdefault(each.name, []).append(Taken(each.rule, existing))
    left_out: dict[ObjectName, list[LeftOut]] = {}
    for out in takes.left_out:
        left_out.setdefault(out.name, []).append(out)
    return [
        Explanation(
            name,
            tuple(taken.get(name, ())),
            tuple(left_out.get(name, ())),
            _unread(available[name], taken.get(name, ())),
        )
        for name in sorted(available, key=lambda name: name.canonical)
    ]


def counts(rules: Iterable[Rule], names: Collection[ObjectName]) -> tuple[Claims, list[int]]:
    """Return what the rules take, and of how many MBeans each of them, in their order."""
    rules = tuple(rules)
    takes = take(rules, names)
    by_rule: dict[int, int] = {}
    for each in takes:
        by_rule[id(each.rule)] = by_rule.get(id(each.rule), 0) + 1
    return takes, [by_rule.get(id(rule), 0) for rule in rules]


@dataclass(frozen=True, slots=True)
class Absent:
    """An attribute that a rule reads and none of its MBeans has; `meant` is one it may mean."""

    rule: Rule
    attribute: str
    meant: str | None


def absent(takes: Claims, available: Mapping[ObjectName, Sequence[str]]) -> list[Absent]:
    """Find attributes that rules read in vain; of rules all of whose MBeans are in `available`."""
    names: dict[int, list[ObjectName]] = {}
    rules: dict[int, Rule] = {}
    for each in takes:
        names.setdefault(id(each.rule), []).append(each.name)
        rules[id(each.rule)] = each.rule
    found = []
    for number, rule in rules.items():
        if all(name in available for name in names[number]):
            there = {attribute for name in names[number] for attribute in available[name]}
            found += _absent_of(rule, there)
    return found


def _absent_of(rule: Rule, there: Collection[str]) -> list[Absent]:
    read = dict.fromkeys(field.attribute for field in rule.fields if field.pattern is None)
    others = sorted(set(there) - read.keys())
    return [
        Absent(rule, name, next(iter(get_close_matches(name, others, n=1)), None))
        for name in read
        if name not in there
    ]


def takers(
    sets: Mapping[str, Sequence[Rule]], names: Collection[ObjectName], of: Collection[ObjectName]
) -> dict[str, int]:
    """Count how many MBeans of `of` each set would take on a JVM with these names, if any."""
    counted = {
        name: len({each.name for each in take(rules, names)}.intersection(of))
        for name, rules in sets.items()
    }
    return {name: count for name, count in counted.items() if count}


def _unread(available: Sequence[str], taken: Iterable[Taken]) -> tuple[str, ...]:
    read = {attribute for each in taken for attribute in each.attributes}
    return tuple(attribute for attribute in available if attribute not in read)
