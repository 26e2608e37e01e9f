"""Claims of rules on MBeans."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.discovery import LeftOut, LeftOutReason, attributes, find_claims, patterns
from jmxbridge.mbeans.rule import Field, Rule

MakeRule = Callable[..., Rule]


def names(*texts: str) -> list[ObjectName]:
    """Parse ObjectNames."""
    return [ObjectName.parse(text) for text in texts]


def taken(rules: list[Rule], *texts: str) -> list[str]:
    """Return the names that are claimed, in order."""
    return [str(claim.name) for claim in find_claims(rules, names(*texts))]


@pytest.mark.parametrize(
    ("bean", "expected"),
    [
        ("a:type=T", ["a:type=T"]),
        ("a:type=T,name=*", ["a:type=T,name=x", "a:type=T,name=y"]),
        ("a:type=T,name=x,topic=*", ["a:type=T,name=x,topic=t"]),
        ("a:name=x,*", ["a:type=T,name=x,topic=t", "a:type=T,name=x"]),
        ("a:type=*,name=y", ["a:type=T,name=y"]),
        ("*:type=T", ["a:type=T", "b:type=T"]),
        ("b:type=U", []),
    ],
)
def test_a_rule_claims_the_names_its_pattern_matches(
    bean: str, expected: list[str], rule: MakeRule
) -> None:
    """As in Java: a pattern matches exactly its keys, unless it ends in `,*`."""
    all_names = ["b:type=T", "a:type=T,name=y", "a:type=T,name=x,topic=t", "a:type=T,name=x"]

    assert taken([rule(bean)], *all_names, "a:type=T") == expected


def test_the_first_alias_that_exists_is_used(rule: MakeRule) -> None:
    """Aliases are alternatives, in the order of the file; only one is used."""
    moved = rule("new:type=T", "old:type=T", "older:type=T")

    assert taken([moved], "old:type=T", "older:type=T") == ["old:type=T"]
    assert taken([moved], "old:type=T", "new:type=T") == ["new:type=T"]
    assert taken([moved], "other:type=T") == []


def test_several_rules_may_claim_one_name(rule: MakeRule) -> None:
    """A claim of one rule does not exclude another."""
    first, second = rule("a:type=T"), rule("a:*")

    claims = find_claims([first, second], names("a:type=T"))

    assert [claim.rule for claim in claims] == [first, second]


def test_a_limit_caps_series_not_names(rule: MakeRule) -> None:
    """All names of a series within the limit are claimed; left out series are counted."""
    limited = rule("a:topic=*,name=*", tags={"topic": "topic"}, limit=2)
    topics = [f"a:topic={topic},name={name}" for topic in "dbca" for name in "xy"]

    claims = find_claims([limited], names(*topics))

    assert [claim.name.value("topic") for claim in claims] == ["a", "b", "a", "b"]
    assert claims.series_limited == 2


def test_claims_are_a_sequence(rule: MakeRule) -> None:
    """They support indexes, slices and iteration."""
    claims = find_claims([rule("a:id=*")], names("a:id=1", "a:id=2", "a:id=3"))

    assert [claims[0], *claims[1:]] == list(claims)
    assert [str(claim.name) for claim in claims] == ["a:id=1", "a:id=2", "a:id=3"]


@given(st.permutations(range(12)), st.integers(min_value=1, max_value=12))
def test_claims_do_not_depend_on_the_order_of_names(order: list[int], limit: int) -> None:
    """The same claims, in the same order, however the JVM lists its MBeans."""
    pattern = ObjectName.parse("a:id=*")
    limited = Rule("s", (pattern,), "m", {"id": "id"}, (), limit=limit)
    sorted_ids = [f"a:id={i}" for i in range(12)]

    claims = find_claims([limited], names(*(sorted_ids[i] for i in order)))

    assert list(claims) == list(find_claims([limited], names(*sorted_ids)))
    assert (len(claims), claims.series_limited) == (limit, 12 - limit)


def test_query_patterns_ask_once_for_each_name(rule: MakeRule) -> None:
    """A pattern is queried once, and a name that another pattern matches is not queried."""
    rules = [
        rule("a:type=T,name=*"),
        rule("a:type=T,name=x"),
        rule("a:name=*,type=T", "a:type=U"),
        rule("a:type=V,name=x"),
    ]

    assert [str(pattern) for pattern in patterns(rules)] == [
        "a:type=T,name=*",
        "a:type=U",
        "a:type=V,name=x",
    ]


def test_query_patterns_match_every_name_that_is_claimed(rule: MakeRule) -> None:
    """A name that matches none of the queries would not have been claimed."""
    rules = [rule("a:type=T,name=*"), rule("a:type=T,name=x"), rule("b:*", "a:type=U")]
    everything = names(*(f"{d}:type={t},name={n}" for d in "ab" for t in "TU" for n in "xy"))

    brought = [name for name in everything if any(p.matches(name) for p in patterns(rules))]

    assert list(find_claims(rules, brought)) == list(find_claims(rules, everything))


def test_attributes_are_those_that_exist(rule: MakeRule) -> None:
    """Each attribute once, in the order of the rule, and none that the MBean lacks."""
    fields = tuple(
        Field(attribute, (path,), attribute + path)
        for attribute, path in [("Usage", "used"), ("Usage", "max"), ("Peak", "used"), ("Old", "x")]
    )

    assert attributes(rule("a:*", fields=fields), {"Peak", "Usage", "Name"}) == ("Usage", "Peak")


def test_a_topic_with_two_names_is_claimed_once(rule: MakeRule) -> None:
    """Clients since Kafka 4.1 report a dotted topic under two names (KIP-1109); one is kept."""
    bean = "kafka.consumer:type=fetch,client-id=*,topic=*"
    lag = rule(bean, tags={"client": "client-id", "topic": "topic"}, limit=2)
    dotted = "kafka.consumer:type=fetch,client-id=c,topic=web.a_b.orders"
    copy = "kafka.consumer:type=fetch,client-id=c,topic=web_a_b_orders"
    other = "kafka.consumer:type=fetch,client-id=old,topic=web_a_b_orders"

    claims = find_claims([lag], names(copy, other, dotted))

    assert [str(claim.name) for claim in claims] == [dotted, other]
    assert claims.left_out == (LeftOut(lag, ObjectName.parse(copy), LeftOutReason.SAME_TOPIC),)
    assert claims.series_limited == 0


def test_a_topic_with_underscores_is_claimed(rule: MakeRule) -> None:
    """Without the dotted name, or in MBeans other than consumers', nothing is left out."""
    consumer = "kafka.consumer:type=fetch,topic=a_b"
    assert taken([rule("kafka.consumer:type=fetch,topic=*")], consumer) == [consumer]
    log = ["kafka.log:type=Log,topic=a.b", "kafka.log:type=Log,topic=a_b"]
    assert taken([rule("kafka.log:type=Log,topic=*")], *log) == log


def test_discovery_names_what_a_limit_leaves_out(rule: MakeRule) -> None:
    """Names beyond the limit are listed with their rule and reason."""
    one = rule("a:type=T,name=*", tags={"name": "name"}, limit=1)

    claims = find_claims([one], names("a:type=T,name=x", "a:type=T,name=y"))

    assert claims.left_out == (
        LeftOut(one, ObjectName.parse("a:type=T,name=y"), LeftOutReason.LIMIT),
    )
