"""Sums over a key property: one series of several MBeans."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.points import Points, to_points
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Field, FieldType, Rule

MakeRule = Callable[..., Rule]
COUNT = Field("Count", (), "requests_total", FieldType.INT)
RATE = Field("OneMinuteRate", (), "requests_rate")


@pytest.fixture
def requests(rule: MakeRule) -> Rule:
    """RequestsPerSec as since Kafka 2.0: an MBean for each version."""
    return rule(
        "k:type=R,request=*,version=*",
        fields=(COUNT, RATE),
        tags={"request": "request"},
        sum_over=("version",),
    )


def summed(rule: Rule, *values: Mapping[str, Value], request: str = "Fetch") -> Points:
    """Make points of one request in several versions."""
    readings = [
        Reading(rule, ObjectName.parse(f"k:type=R,request={request},version={n}"), value)
        for n, value in enumerate(values)
    ]
    return to_points(readings, time_ns=0, tags={})


@given(counts=st.lists(st.integers(0, 2**53), min_size=1, max_size=9))
def test_a_sum_adds_up_all_mbeans_of_a_series(counts: list[int]) -> None:
    """MBeans with different tags stay apart, the others are added; integers stay exact."""
    rule = Rule(
        "s",
        (ObjectName.parse("k:type=R,request=*,version=*"),),
        "m",
        {"request": "request"},
        (COUNT,),
        sum_over=("version",),
    )
    (point,) = summed(rule, *({"Count": count} for count in counts)).points
    assert (point.tags, point.fields) == ({"request": "Fetch"}, {"requests_total": sum(counts)})


def test_an_incomplete_sum_is_left_out(requests: Rule) -> None:
    """NaN in one version: that field is left out and counted, the others are complete."""
    result = summed(
        requests,
        {"Count": 1, "OneMinuteRate": 0.5},
        {"Count": 2, "OneMinuteRate": float("nan")},
    )
    assert [point.fields for point in result.points] == [{"requests_total": 3}]
    assert (result.dropped_nonfinite, result.duplicates) == (1, 0)


def test_a_sum_beyond_an_integer_is_dropped_and_counted(requests: Rule) -> None:
    """It neither wraps around nor becomes a float."""
    result = summed(requests, {"Count": 2**62}, {"Count": 2**62})
    assert (result.points, result.dropped_type) == ([], 1)


def test_texts_are_not_summed(rule: MakeRule) -> None:
    """A text field has no sum; numbers of the same MBeans have theirs."""
    versions = rule(
        "k:type=R,request=*,version=*",
        fields=(COUNT, Field("State", (), "state", FieldType.STRING)),
        tags={"request": "request"},
        sum_over=("version",),
    )
    result = summed(versions, {"Count": 1, "State": "up"}, {"Count": 2, "State": "up"})
    assert [point.fields for point in result.points] == [{"requests_total": 3}]


def test_a_sum_merges_with_the_fields_of_other_rules(requests: Rule, rule: MakeRule) -> None:
    """They are one point; a field that exists already stays."""
    other = rule(
        "k:type=T,request=*",
        fields=(Field("Mean", (), "mean_ms"), Field("Count", (), "requests_total", FieldType.INT)),
        tags={"request": "request"},
    )
    times = Reading(other, ObjectName.parse("k:type=T,request=Fetch"), {"Mean": 1, "Count": 9})
    counts = [
        Reading(requests, ObjectName.parse(f"k:type=R,request=Fetch,version={n}"), {"Count": n})
        for n in (1, 2)
    ]
    result = to_points([*counts, times], time_ns=0, tags={})
    assert [point.fields for point in result.points] == [{"mean_ms": 1.0, "requests_total": 9}]
    assert result.duplicates == 1
