"""Conversion of readings to points: merging, tags, names, and counts of dropped values."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.object_name import ObjectName, quote
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.points import KEPT_NS, PointMaker, Points, to_points
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Field, FieldType, Rule
from jmxbridge.point import Point

MakeRule = Callable[..., Rule]
TAGS = {"cluster": "c", "target": "t"}
X, Y = Field("X", (), "x"), Field("Y", (), "y")


def read(rule: Rule, name: str, **values: Value) -> Reading:
    """Make a reading."""
    return Reading(rule, ObjectName.parse(name), values)


def points(*readings: Reading) -> Points:
    """Make points with the tags of every point."""
    return to_points(readings, time_ns=10, tags=TAGS)


def test_a_point_has_measurement_tags_fields_and_time(rule: MakeRule) -> None:
    """One reading gives one point; key properties are tags if the rule names them."""
    made = rule("a:type=T,topic=*", tags={"topic": "topic"}, fields=(X, Y))

    result = points(read(made, "a:type=T,topic=orders", X=1, Y=2.5))

    expected = Point("m", {**TAGS, "topic": "orders"}, {"x": 1.0, "y": 2.5}, 10)
    assert result == Points([expected])


def test_readings_of_one_series_merge(rule: MakeRule) -> None:
    """Rules with the same measurement and tags give one point, from different MBeans."""
    first = rule("a:type=T", fields=(X,))
    second = rule("b:type=U", fields=(Y,))
    other = rule("a:type=T", fields=(X,), measurement="n")

    result = points(
        read(first, "a:type=T", X=1), read(second, "b:type=U", Y=2), read(other, "a:type=T", X=3)
    )

    assert [(p.measurement, p.fields) for p in result.points] == [
        ("m", {"x": 1.0, "y": 2.0}),
        ("n", {"x": 3.0}),
    ]
    assert result.duplicates == 0


def test_a_field_given_twice_keeps_the_first_and_counts(rule: MakeRule) -> None:
    """MBeans that differ in a key property without a tag lose values, which are counted."""
    requests = rule("a:request=*,version=*", tags={"request": "request"}, fields=(X,))
    readings = [
        read(requests, f"a:request=Fetch,version={version}", X=version) for version in (4, 5, 6)
    ]

    result = points(*readings)

    assert [point.fields for point in result.points] == [{"x": 4.0}]
    assert result.duplicates == 2


def test_two_attributes_for_one_templated_name_are_counted(rule: MakeRule) -> None:
    """Within one reading, too, the first value stays."""
    made = rule("a:name=*", fields=(Field("X", (), "{name}"), Field("Y", (), "{name}")))

    result = points(read(made, "a:name=V", X=1, Y=2))

    assert [point.fields for point in result.points] == [{"v": 1.0}]
    assert result.duplicates == 1


def test_names_from_key_properties(rule: MakeRule) -> None:
    """A template over a wildcard gives each MBean a field of its own, in one point."""
    made = rule(
        "a:type=Topic,name=*", measurement="kafka_{type}", fields=(Field("X", (), "{name}_total"),)
    )

    result = points(
        read(made, "a:type=Topic,name=MessagesInPerSec", X=1),
        read(made, "a:type=Topic,name=BytesInPerSec", X=2),
    )

    (point,) = result.points
    assert point.measurement == "kafka_topic"
    assert point.fields == {"messages_in_per_sec_total": 1.0, "bytes_in_per_sec_total": 2.0}


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("a:id=plain", "plain"),
        ("a:id=with space", "with space"),
        ('a:id="a,b=c:d"', "a,b=c:d"),
        ('a:id="\\"quoted\\" \\\\ \\*\\?"', '"quoted" \\ *?'),
        ('a:id="two\\nlines"', "two\nlines"),
        ("a:id=日本 \U0001f600", "日本 \U0001f600"),
    ],
)
def test_tags_are_unquoted(name: str, tag: str, rule: MakeRule) -> None:
    """A tag is the value of the property, without the quotes of an ObjectName."""
    made = rule("a:id=*", tags={"id": "id"}, fields=(X,))

    assert [p.tags["id"] for p in points(read(made, name, X=1)).points] == [tag]


@given(st.text(min_size=1))
def test_any_text_can_be_a_tag(text: str) -> None:
    """The quoted value of a key property is unquoted exactly."""
    made = Rule("s", (ObjectName.parse("a:id=*"),), "m", {"id": "id"}, (X,))

    (point,) = points(read(made, f"a:id={quote(text)}", X=1)).points

    assert point.tags["id"] == text


@pytest.mark.parametrize("name", ["a:id=,k=v", 'a:id="",k=v', "a:k=v"])
def test_an_empty_tag_is_left_out(name: str, rule: MakeRule) -> None:
    """InfluxDB has no empty tags; an empty or absent property gives none."""
    made = rule("a:k=v,*", tags={"id": "id"}, fields=(X,))

    assert [p.tags for p in points(read(made, name, X=1)).points] == [TAGS]


def test_points_count_the_values_they_leave_out(rule: MakeRule) -> None:
    """Each value is in a point, in a count, or null."""
    fields = tuple(Field(letter, (), letter.lower()) for letter in "ABCDEFG")
    made = rule("a:type=T", fields=fields)

    result = points(read(made, "a:type=T", A=1, B=math.nan, C=math.inf, D="text", E=(), F=None))

    assert [point.fields for point in result.points] == [{"a": 1.0}]
    assert (result.dropped_nonfinite, result.dropped_type, result.duplicates) == (2, 2, 0)


def test_a_reading_without_usable_values_makes_no_point(rule: MakeRule) -> None:
    """InfluxDB has no point without fields."""
    made = rule("a:type=T", fields=(X,))

    assert points(read(made, "a:type=T", X=math.nan)) == Points([], dropped_nonfinite=1)
    assert points(read(made, "a:type=T")) == Points([])


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.dictionaries(st.sampled_from("XY"), VALUES))))
def test_points_and_counts_account_for_every_value(
    readings: list[tuple[str, dict[str, Value]]],
) -> None:
    """Values read = fields written + dropped + duplicates + nulls, for any readings."""
    fields = (X, Field("Y", (), "y", FieldType.STRING))
    made = Rule("s", (ObjectName.parse("a:id=*"),), "m", {"id": "id"}, fields)

    result = points(*(read(made, f"a:id={i}", **values) for i, values in readings))

    total = sum(value is not None for _, values in readings for value in values.values())
    written = sum(len(point.fields) for point in result.points)
    left_out = result.dropped_nonfinite + result.dropped_type + result.duplicates
    assert written + left_out == total
    series = [(point.measurement, tuple(point.tags.items())) for point in result.points]
    assert len(series) == len(set(series))


def test_point_maker_gives_the_points_of_a_fresh_one(rule: MakeRule) -> None:
    """Only constant parts are kept: values, MBeans and due rules may change."""
    merged = (rule("a:type=T", fields=(X,)), rule("b:type=U", fields=(Y,)))
    by_topic = rule(
        "c:topic=*",
        tags={"topic": "topic"},
        fields=(Field("X", (), "{topic}_x"), Y),
        measurement="n",
    )
    polls = [
        [read(merged[0], "a:type=T", X=n), read(merged[1], "b:type=U", Y=n)][: 1 + n % 2]
        + [read(by_topic, f"c:topic={topic}", X=n, Y=float(n)) for topic in topics]
        for n, topics in enumerate(("ab", "bc", "", "cad", "abcd"))
    ]
    maker = PointMaker(TAGS)
    for number, poll in enumerate(polls):
        time_ns = number * KEPT_NS // 2
        assert maker.points(poll, time_ns=time_ns) == to_points(poll, time_ns=time_ns, tags=TAGS)


def test_tags_are_kept_for_a_while(rule: MakeRule) -> None:
    """The same object at the next poll, a new one after KEPT_NS."""
    poll, maker = [read(rule("a:type=T", fields=(X,)), "a:type=T", X=1)], PointMaker(TAGS)
    first, second, later, back = (
        maker.points(poll, time_ns=time_ns).points[0].tags
        for time_ns in (KEPT_NS, 2 * KEPT_NS - 1, 2 * KEPT_NS, 0)
    )
    assert first is second
    assert second is not later
    assert later is not back  # the clock was set back
    assert first == later == back
