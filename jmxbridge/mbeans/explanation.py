"""What rules make of the MBeans of one JVM, said before anything is written.

Rule: nothing is decided here. What takes an MBean and what is read of it is what discovery says,
so an explanation cannot differ from a poll.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.discovery import LeftOut, Takes, attributes, take
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


def explain(takes: Takes, available: Mapping[ObjectName, Sequence[str]]) -> list[Explanation]:
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


def counts(rules: Iterable[Rule], names: Collection[ObjectName]) -> tuple[Takes, list[int]]:
    """Return what the rules take, and of how many MBeans each of them, in their order."""
    rules = tuple(rules)
    takes = take(rules, names)
    by_rule: dict[int, int] = {}
    for each in takes:
        by_rule[id(each.rule)] = by_rule.get(id(each.rule), 0) + 1
    return takes, [by_rule.get(id(rule), 0) for rule in rules]


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
