"""Effect of a rule: names of topics, and series in attribute names."""

from collections.abc import Callable

import pytest

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.attribute_path import parse_path
from jmxbridge.mbeans.discovery import attributes, is_complete
from jmxbridge.mbeans.points import PointMaker, to_points
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.mbeans.topics import TopicNames

MakeRule = Callable[..., Rule]


def test_topics_are_resolved_for_consumers_only(rule: MakeRule) -> None:
    """A consumer's a_b joins the offsets' a.b; a broker's topic has its own name."""
    names = TopicNames()
    names.learn(["web.orders"])
    topics = []
    for bean in ("kafka.consumer:type=F", "kafka.log:type=Log"):
        made = rule(f"{bean},topic=*", tags={"topic": "topic"})
        reading = Reading(made, ObjectName.parse(f"{bean},topic=web_orders"), {"Value": 1.0})
        points = to_points([reading], time_ns=0, tags={}, resolve_topic=names.resolve).points
        topics += [point.tags["topic"] for point in points]
    assert topics == ["web.orders", "web_orders"]


def test_a_topic_that_becomes_known_gets_its_name(rule: MakeRule) -> None:
    """Tags are kept from poll to poll, but not a name that is resolved differently now."""
    names = TopicNames()
    made = rule("kafka.consumer:type=F,topic=*", tags={"topic": "topic"})
    name = ObjectName.parse("kafka.consumer:type=F,topic=web_orders")
    maker = PointMaker({}, names.resolve)
    topics = []
    for known in ([], ["web.orders"], ["web_orders"]):
        names.learn(known)
        [point] = maker.points([Reading(made, name, {"Value": 1.0})], time_ns=0).points
        topics.append(point.tags["topic"])
    assert topics == ["web_orders", "web.orders", "web_orders"]


def test_a_topic_whose_name_stays_keeps_its_tags(rule: MakeRule) -> None:
    """While its topic is resolved to the same name, its series is the same object."""
    names = TopicNames()
    names.learn(["web.orders"])
    made = rule("kafka.consumer:type=F,topic=*", tags={"topic": "topic"})
    name = ObjectName.parse("kafka.consumer:type=F,topic=web_orders")
    maker = PointMaker({}, names.resolve)
    polls = [maker.points([Reading(made, name, {"Value": 1.0})], time_ns=0) for _ in range(2)]
    [first], [second] = (poll.points for poll in polls)
    assert first.tags == {"topic": "web.orders"}
    assert first.tags is second.tags


OLD = {
    "records-lag-max": 8.0,
    "web-shop.orders-0.records-lag": 5.0,
    "web-shop.orders-12.records-lag": 8.0,
    "web-shop.orders-12.records-lag-max": 9.0,
    "web-shop.orders-12.records-lag-avg": float("nan"),
}


@pytest.fixture
def old_layout(rule: MakeRule) -> Rule:
    """The lag of partitions in consumers from 0.10.2 to 1.0, in attribute names."""
    paths = {
        rf"{{topic}}-{{partition}}\.records-lag{end}": f"records_lag{end.replace('-', '_')}"
        for end in ("", "-max", "-avg")
    }
    parsed = {path: parse_path(path) for path in paths}
    fields = tuple(
        Field(path.attribute, (), paths[text], pattern=path.pattern, keys=path.keys)
        for text, path in parsed.items()
    )
    tags = {"client_id": "client-id", "topic": "topic", "partition": "partition"}
    return rule("kafka.consumer:type=F,client-id=*", fields=fields, tags=tags)


def test_series_in_names_of_attributes(old_layout: Rule) -> None:
    """The old layout gives the tags of the new one (KIP-92 and KIP-225)."""
    name = ObjectName.parse("kafka.consumer:type=F,client-id=c")
    asked = attributes(old_layout, tuple(OLD))
    assert set(asked) == set(OLD) - {"records-lag-max"}

    result = to_points(
        [Reading(old_layout, name, {attribute: OLD[attribute] for attribute in asked})],
        time_ns=0,
        tags={},
    )

    tags = {"client_id": "c", "topic": "web-shop.orders"}
    assert [(point.tags, point.fields) for point in result.points] == [
        ({**tags, "partition": "0"}, {"records_lag": 5.0}),
        ({**tags, "partition": "12"}, {"records_lag": 8.0, "records_lag_max": 9.0}),
    ]
    assert (result.dropped_nonfinite, result.duplicates) == (1, 0)


def test_a_rule_with_a_pattern_is_never_complete(old_layout: Rule, rule: MakeRule) -> None:
    """A partition that is assigned later is a new attribute."""
    assert not is_complete(old_layout, tuple(OLD))
    assert is_complete(rule("a:type=T"), ("Value",))
    assert not is_complete(rule("a:type=T"), ())


def test_two_attributes_for_one_field_of_a_series_count(rule: MakeRule) -> None:
    """If two attribute names give the same field of one series, the first stays."""
    path = parse_path(r"{partition}\.lag{part}")
    lag = Field(path.attribute, (), "lag", pattern=path.pattern, keys=path.keys)
    made = rule("a:type=T", fields=(lag,), tags={"partition": "partition"})
    values = {"0.lag-max": 5.0, "0.lag-avg": 4.0, "1.lag-max": 1.0}

    result = to_points([Reading(made, ObjectName.parse("a:type=T"), values)], time_ns=0, tags={})

    assert [(point.tags, point.fields) for point in result.points] == [
        ({"partition": "0"}, {"lag": 5.0}),
        ({"partition": "1"}, {"lag": 1.0}),
    ]
    assert result.duplicates == 1
