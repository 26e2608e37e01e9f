"""Explanations of MBeans, rules and sets."""

import re
from collections.abc import Callable

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.discovery import LeftOut, LeftOutReason, find_claims
from jmxbridge.mbeans.explanation import (
    Absent,
    Explanation,
    RuleRead,
    absent,
    counts,
    explain,
    matching_sets,
)
from jmxbridge.mbeans.rule import Field, Rule

MakeRule = Callable[..., Rule]
X, Y = Field("X", (), "x"), Field("Y", (), "y")
ONE, TWO, OTHER = (ObjectName.parse(name) for name in ("a:id=1", "a:id=2", "b:id=1"))


def test_explains_every_mbean(rule: MakeRule) -> None:
    """In canonical order: the rules that claim it, what they read, and unread attributes."""
    first, second = rule("a:id=*", fields=(X,)), rule("a:id=1", fields=(Y, X))
    available = {OTHER: ["X"], TWO: ["Y"], ONE: ["Z", "X", "Y"]}

    explained = explain(find_claims([first, second], available), available)

    assert explained == [
        Explanation(ONE, (RuleRead(first, ("X",)), RuleRead(second, ("Y", "X"))), (), ("Z",)),
        Explanation(TWO, (), (), ("Y",)),
        Explanation(OTHER, (), (), ("X",)),
    ]


def test_explains_what_a_limit_leaves_out(rule: MakeRule) -> None:
    """The rule and the reason are named."""
    limited = rule("a:id=*", fields=(X,), tags={"id": "id"}, limit=1)
    available = {ONE: ["X"], TWO: ["X"]}

    _, beyond = explain(find_claims([limited], available), available)

    assert beyond == Explanation(TWO, (), (LeftOut(limited, TWO, LeftOutReason.LIMIT),), ("X",))


def test_an_mbean_that_was_not_read_is_not_explained(rule: MakeRule) -> None:
    """Only MBeans whose attributes are known are explained."""
    assert explain(find_claims([rule("a:id=*", fields=(X,))], [ONE, TWO]), {ONE: ["X"]}) == [
        Explanation(ONE, (RuleRead(rule("a:id=*", fields=(X,)), ("X",)),), (), ())
    ]


def test_counts_mbeans_by_rule(rule: MakeRule) -> None:
    """Two equal rules count separately; a rule without a claim counts 0."""
    same = [rule("a:id=*"), rule("a:id=*"), rule("c:id=*")]
    claims, by_rule = counts(same, [ONE, TWO, OTHER])
    assert by_rule == [2, 2, 0]
    assert len(claims) == 4


def test_absent_attributes_are_named_with_what_may_be_meant(rule: MakeRule) -> None:
    """An attribute that no MBean of the rule has, with a similar one."""
    made = rule("a:id=*", fields=(Field("Coutn", (), "c"), X, Field("Qq", (), "q")))
    available = {ONE: ["Count", "X"], TWO: ["Count"]}

    missing = absent(find_claims([made], available), available)

    assert missing == [Absent(made, "Coutn", "Count"), Absent(made, "Qq", None)]


def test_absent_needs_all_mbeans_of_a_rule(rule: MakeRule) -> None:
    """The attribute may belong to an MBean that was not read."""
    assert absent(find_claims([rule("a:id=*", fields=(X,))], [ONE, TWO]), {ONE: ["Y"]}) == []


def test_absent_ignores_patterns(rule: MakeRule) -> None:
    """Attributes that match a pattern may appear later."""
    by_pattern = Field("{p}", (), "x", pattern=re.compile("(x-.*)"), keys=("p",))
    available = {ONE: ["Y"]}
    assert absent(find_claims([rule("a:id=*", fields=(by_pattern,))], available), available) == []


def test_matching_sets_count_mbeans(rule: MakeRule) -> None:
    """Each MBean counts once a set; a set without a match is left out."""
    sets = {
        "twice": [rule("a:id=*"), rule("a:id=1")],
        "other": [rule("b:id=*")],
        "none": [rule("c:id=*")],
    }
    assert matching_sets(sets, [ONE, TWO, OTHER], [ONE, OTHER]) == {"twice": 1, "other": 1}


def test_matching_sets_choose_aliases_by_all_names(rule: MakeRule) -> None:
    """An alias is not used if an earlier pattern matches another MBean of the JVM."""
    sets = {"moved": [rule("a:id=*", "b:id=*")]}
    assert matching_sets(sets, [ONE, OTHER], [OTHER]) == {}
    assert matching_sets(sets, [OTHER], [OTHER]) == {"moved": 1}
