"""Which rule takes which MBean."""

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
    """Return the names that are taken, in order."""
    return [str(each.name) for each in find_claims(rules, names(*texts))]


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
def test_a_pattern_takes_what_it_matches(bean: str, expected: list[str], rule: MakeRule) -> None:
    """A pattern takes its own keys only, unless it ends in `,*`; Java's semantics."""
    all_names = ["b:type=T", "a:type=T,name=y", "a:type=T,name=x,topic=t", "a:type=T,name=x"]

    assert taken([rule(bean)], *all_names, "a:type=T") == expected


def test_the_first_alias_that_exists_is_used(rule: MakeRule) -> None:
    """Aliases are alternatives, in the order of the file, and never added up."""
    moved = rule("new:type=T", "old:type=T", "older:type=T")

    assert taken([moved], "old:type=T", "older:type=T") == ["old:type=T"]
    assert taken([moved], "old:type=T", "new:type=T") == ["new:type=T"]
    assert taken([moved], "other:type=T") == []


def test_several_rules_may_take_one_name(rule: MakeRule) -> None:
    """Rules do not take names away from each other."""
    first, second = rule("a:type=T"), rule("a:*")

    takes = find_claims([first, second], names("a:type=T"))

    assert [each.rule for each in takes] == [first, second]


def test_a_limit_caps_series_not_names(rule: MakeRule) -> None:
    """Names of a series that is kept are all kept; what is left out is counted in series."""
    limited = rule("a:topic=*,name=*", tags={"topic": "topic"}, limit=2)
    topics = [f"a:topic={topic},name={name}" for topic in "dbca" for name in "xy"]

    takes = find_claims([limited], names(*topics))

    assert [each.name.value("topic") for each in takes] == ["a", "b", "a", "b"]
    assert takes.series_limited == 2


def test_claims_are_a_sequence(rule: MakeRule) -> None:
    """They are read by number and by slice, as they are iterated."""
    claims = find_claims([rule("a:id=*")], names("a:id=1", "a:id=2", "a:id=3"))

    assert [claims[0], *claims[1:]] == list(claims)
    assert [str(claim.name) for claim in claims] == ["a:id=1", "a:id=2", "a:id=3"]


@given(st.permutations(range(12)), st.integers(min_value=1, max_value=12))
def test_the_order_of_names_never_counts(order: list[int], limit: int) -> None:
    """However a JVM lists its MBeans, the same ones are taken, in the same order."""
    pattern = ObjectName.parse("a:id=*")
    limited = Rule("s", (pattern,), "m", {"id": "id"}, (), limit=limit)
    sorted_ids = [f"a:id={i}" for i in range(12)]

    takes = find_claims([limited], names(*(sorted_ids[i] for i in order)))

    assert list(takes) == list(find_claims([limited], names(*sorted_ids)))
    assert (len(takes), takes.series_limited) == (limit, 12 - limit)


def test_query_patterns_ask_once_for_each_name(rule: MakeRule) -> None:
    """A pattern is asked for once, and a name that a pattern brings anyway not at all."""
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


def test_query_patterns_bring_every_name_that_is_taken(rule: MakeRule) -> None:
    """What matches none of the patterns asked for would not have been taken."""
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


def test_a_topic_that_is_named_twice_is_taken_once(rule: MakeRule) -> None:
    """Clients from Kafka 4.1 on name a dotted topic in both ways (KIP-1109); one is kept."""
    bean = "kafka.consumer:type=fetch,client-id=*,topic=*"
    lag = rule(bean, tags={"client": "client-id", "topic": "topic"}, limit=2)
    dotted = "kafka.consumer:type=fetch,client-id=c,topic=web.a_b.orders"
    copy = "kafka.consumer:type=fetch,client-id=c,topic=web_a_b_orders"
    other = "kafka.consumer:type=fetch,client-id=old,topic=web_a_b_orders"

    takes = find_claims([lag], names(copy, other, dotted))

    assert [str(each.name) for each in takes] == [dotted, other]
    assert takes.left_out == (LeftOut(lag, ObjectName.parse(copy), LeftOutReason.SAME_TOPIC),)
    assert takes.series_limited == 0


def test_underscores_alone_are_a_name_like_any_other(rule: MakeRule) -> None:
    """Only consumers name topics twice; without the dotted name nothing is left out."""
    consumer = "kafka.consumer:type=fetch,topic=a_b"
    assert taken([rule("kafka.consumer:type=fetch,topic=*")], consumer) == [consumer]
    log = ["kafka.log:type=Log,topic=a.b", "kafka.log:type=Log,topic=a_b"]
    assert taken([rule("kafka.log:type=Log,topic=*")], *log) == log


def test_discovery_names_what_a_limit_leaves_out(rule: MakeRule) -> None:
    """Names beyond the limit can be told, not only counted."""
    one = rule("a:type=T,name=*", tags={"name": "name"}, limit=1)

    takes = find_claims([one], names("a:type=T,name=x", "a:type=T,name=y"))

    assert takes.left_out == (
        LeftOut(one, ObjectName.parse("a:type=T,name=y"), LeftOutReason.LIMIT),
    )
