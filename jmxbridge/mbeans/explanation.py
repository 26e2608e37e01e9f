"""Explanation of a JVM's MBeans: the rules that claim each one, and the attributes they read.

Rule: nothing is decided here. Claims and attributes are those of discovery, so an explanation
cannot differ from a poll.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.discovery import Claims, LeftOut, attributes, find_claims
from jmxbridge.mbeans.rule import Rule


@dataclass(frozen=True, slots=True)
class RuleRead:
    """One rule that claims an MBean, and the attributes it reads."""

    rule: Rule
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of one MBean.

    `reads` has the rules that claim it, `left_out` the rules that match it but do not read it,
    `unread` the attributes that no rule reads, in the order of the MBean.
    """

    name: ObjectName
    reads: tuple[RuleRead, ...]
    left_out: tuple[LeftOut, ...]
    unread: tuple[str, ...]


def explain(claims: Claims, available: Mapping[ObjectName, Sequence[str]]) -> list[Explanation]:
    """Explain each MBean of `available` (name → its attributes), in canonical order."""
    reads: dict[ObjectName, list[RuleRead]] = {}
    for claim in claims:
        existing = attributes(claim.rule, available.get(claim.name, ()))
        if existing:
            reads.setdefault(claim.name, []).append(RuleRead(claim.rule, existing))
    left_out: dict[ObjectName, list[LeftOut]] = {}
    for unclaimed in claims.left_out:
        left_out.setdefault(unclaimed.name, []).append(unclaimed)
    return [
        Explanation(
            name,
            tuple(reads.get(name, ())),
            tuple(left_out.get(name, ())),
            _unread(available[name], reads.get(name, ())),
        )
        for name in sorted(available, key=lambda name: name.canonical)
    ]


def counts(rules: Iterable[Rule], names: Collection[ObjectName]) -> tuple[Claims, list[int]]:
    """Return the claims of the rules, and the number of claims of each rule in their order."""
    rules = tuple(rules)
    claims = find_claims(rules, names)
    by_rule = Counter(id(claim.rule) for claim in claims)
    return claims, [by_rule[id(rule)] for rule in rules]


@dataclass(frozen=True, slots=True)
class Absent:
    """An attribute that a rule reads and none of its MBeans has; `meant` is a similar one."""

    rule: Rule
    attribute: str
    meant: str | None


def absent(claims: Claims, available: Mapping[ObjectName, Sequence[str]]) -> list[Absent]:
    """Find attributes that no MBean of a rule has, for rules whose MBeans are all `available`."""
    names: dict[int, list[ObjectName]] = {}
    rules: dict[int, Rule] = {}
    for claim in claims:
        names.setdefault(id(claim.rule), []).append(claim.name)
        rules[id(claim.rule)] = claim.rule
    absences = []
    for number, rule in rules.items():
        if all(name in available for name in names[number]):
            existing = {attribute for name in names[number] for attribute in available[name]}
            absences += _absent_of(rule, existing)
    return absences


def _absent_of(rule: Rule, existing: Collection[str]) -> list[Absent]:
    read = dict.fromkeys(field.attribute for field in rule.fields if field.pattern is None)
    others = sorted(set(existing) - read.keys())
    return [
        Absent(rule, name, next(iter(get_close_matches(name, others, n=1)), None))
        for name in read
        if name not in existing
    ]


def matching_sets(
    sets: Mapping[str, Sequence[Rule]], names: Collection[ObjectName], of: Collection[ObjectName]
) -> dict[str, int]:
    """Count the MBeans of `of` that each set would claim on a JVM with these names, if any."""
    counted = {
        name: len({claim.name for claim in find_claims(rules, names)}.intersection(of))
        for name, rules in sets.items()
    }
    return {name: count for name, count in counted.items() if count}


def _unread(available: Sequence[str], reads: Iterable[RuleRead]) -> tuple[str, ...]:
    attributes_read = {attribute for read in reads for attribute in read.attributes}
    return tuple(attribute for attribute in available if attribute not in attributes_read)
