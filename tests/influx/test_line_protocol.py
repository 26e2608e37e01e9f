"""Line protocol: whatever a point holds, a reader of the grammar finds it again, or ValueError.

The reader below follows `models/points.go` of influxd 1.8.10, function by function; the same lines
go to real servers in tests/real.
"""

import math
import re
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jmxbridge.influx.line_protocol import (
    INT64_MAX,
    INT64_MIN,
    MAX_KEY_BYTES,
    MAX_STRING_BYTES,
    TIME_MAX_NS,
    TIME_MIN_NS,
    encode,
)
from jmxbridge.point import FieldValue, KeptTags, Point

POINT = Point("m", {"t": "x"}, {"v": 1.0}, 5)


def scan_to(text: str, position: int, stops: str) -> int:
    """`scanTo`: the first of the stops that has no backslash before it."""
    while position < len(text) and not (
        text[position] in stops and (position == 0 or text[position - 1] != "\\")
    ):
        position += 1
    return position


def scan_fields(text: str, position: int) -> int:
    """`scanFields`: where the fields end; a backslash skips two, quotes count in values only."""
    quoted, equals, commas = False, 0, 0
    while position < len(text) and (quoted or text[position] != " "):
        if text[position] == "\\" and position + 1 < len(text):
            position += 2
            continue
        if text[position] == '"' and equals > commas:
            quoted = not quoted
        elif not quoted:
            equals += text[position] == "="
            commas += text[position] == ","
        position += 1
    assert not quoted
    assert commas == equals - 1
    return position


def scan_field_value(text: str, position: int) -> int:
    """`scanFieldValue`."""
    quoted = False
    while position < len(text) and (quoted or text[position] != ","):
        if text[position] == "\\" and text[position + 1 : position + 2] in ('"', "\\"):
            position += 1
        elif text[position] == '"':
            quoted = not quoted
        position += 1
    return position


def read(line: bytes) -> Point:
    """A point as the server understands the line."""
    text = line.decode()
    assert "\n" not in text
    assert text[0] not in " \t\0#,"
    end = scan_to(text, 0, " ")
    key, rest = text[:end], text[end + 1 :]
    after = scan_fields(rest, 0)
    fields: dict[str, FieldValue] = {}
    position = 0
    while position < after:
        equals = scan_to(rest[:after], position, "=")
        comma = scan_field_value(rest[:after], equals + 1)
        name = re.sub(r'\\([,= "])', r"\1", rest[position:equals])
        assert name not in fields
        fields[name] = read_value(rest[equals + 1 : comma])
        position = comma + 1
    parts, position = [], 0
    while position <= len(key):
        comma = scan_to(key, position, ",")
        parts.append(key[position:comma])
        position = comma + 1
    tags = {}
    for part in parts[1:]:
        equals = scan_to(part, 0, "=")
        assert scan_to(part, equals + 1, "= ") == len(part)
        name, value = (re.sub(r"\\([,= ])", r"\1", p) for p in (part[:equals], part[equals + 1 :]))
        assert name
        assert value
        assert name not in tags
        tags[name] = value
    return Point(re.sub(r'\\([,= "])', r"\1", parts[0]), tags, fields, int(rest[after:]))


def read_value(text: str) -> FieldValue:
    """A field's value by its spelling."""
    if text in ("true", "false"):
        return text == "true"
    if text[0] == '"':
        assert text[-1] == '"'
        return re.sub(r'\\([\\"])', r"\1", text[1:-1])
    if text[-1] == "i":
        return int(text[:-1])
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[-+]\d+)?", text)
    assert "." in text or "e" in text
    return float(text)


def visible(text: str) -> str:
    """What is promised of control characters, and of halves of surrogate pairs."""
    named = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
    shown = [named.get(c, f"\\x{ord(c):02x}") if ord(c) < 32 or ord(c) == 127 else c for c in text]
    return "".join("?" if "\ud800" <= c <= "\udfff" else c for c in shown)


def carried(text: str, specials: str = ",= ") -> str:
    """What a name or tag value reads back as: backslashes before a special or the end are gone."""
    text = visible(text)
    return re.sub(rf"\\+(?=[{specials}]|\Z)", "", text)


awkward = st.text(st.sampled_from('\\\\\\,= "\n\t\0ab#é\U0001f600\ud800'), max_size=8)
texts = awkward | st.text(st.characters(), max_size=20)
values = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(INT64_MIN, INT64_MAX)
    | st.booleans()
    | texts
)
points = st.builds(
    Point,
    measurement=texts,
    tags=st.dictionaries(texts, texts, max_size=4),
    fields=st.dictionaries(texts, values, max_size=4),
    time_ns=st.integers(TIME_MIN_NS, TIME_MAX_NS),
)


def same(ours: FieldValue, read_back: FieldValue) -> bool:
    """Equal in type and value; -0.0 is not 0.0."""
    if isinstance(ours, str):
        ours = visible(ours)
    if isinstance(ours, float) and isinstance(read_back, float):
        return ours == read_back and math.copysign(1, ours) == math.copysign(1, read_back)
    return type(ours) is type(read_back) and ours == read_back


@settings(deadline=None)
@given(point=points)
@example(Point("a\\, =\\", {"k\\": "v\\ \\=\\\\"}, {'f\\"\\=': 's"\\\n'}, 0))
@example(Point("m", {"a": "\\ ", "b": '\\= "'}, {"v": 1.0}, 0))
def test_a_reader_finds_the_point_again(point: Point) -> None:
    """Or the point was refused with a reason; never a line that means something else."""
    try:
        line = encode(point)
    except ValueError:
        return

    again = read(line)

    assert again.measurement == carried(point.measurement, ',= "')
    assert again.tags == {carried(k): carried(v) for k, v in point.tags.items() if carried(v)}
    fields = {carried(k, ',= "'): v for k, v in point.fields.items()}
    assert again.fields.keys() == fields.keys()
    assert all(same(fields[k], again.fields[k]) for k in fields)
    assert again.time_ns == point.time_ns


@settings(deadline=None)
@given(
    names=st.lists(st.text("abcäöé_-./:é0", min_size=1), min_size=3, max_size=3, unique=True),
    value=values,
)
def test_ordinary_points_are_never_refused(names: list[str], value: FieldValue) -> None:
    """Names as rules make them, with any value, always become a line."""
    measurement, tag, field = names

    again = read(encode(Point(measurement, {tag: "x"}, {field: value}, 1)))

    assert same(value, again.fields[field])


@pytest.mark.parametrize(
    ("point", "line"),
    [
        (POINT, b"m,t=x v=1.0 5"),
        (Point("m", {}, {"v": 1.0}, -5), b"m v=1.0 -5"),
        (Point("m", {"b": "2", "a": "1"}, {"v": 1.0}, 5), b"m,a=1,b=2 v=1.0 5"),
        (Point("m", {"a": ""}, {"v": 1.0}, 5), b"m v=1.0 5"),
        (Point("m", {"a": "\\"}, {"v": 1.0}, 5), b"m v=1.0 5"),
        (Point("a b,c=d", {}, {"v": 1.0}, 5), rb"a\ b\,c=d v=1.0 5"),
        (Point("m", {"a b": "c,d=e"}, {"v": 1.0}, 5), rb"m,a\ b=c\,d\=e v=1.0 5"),
        (Point("m", {}, {"a b,c=d": 1.0}, 5), rb"m a\ b\,c\=d=1.0 5"),
        (Point("m", {"a": "C:\\dir\\"}, {"v": 1.0}, 5), rb"m,a=C:\dir v=1.0 5"),
        (Point("m", {"a": "x\\,y"}, {"v": 1.0}, 5), rb"m,a=x\,y v=1.0 5"),
        (Point("m", {"a": "x\ny"}, {"v": 1.0}, 5), rb"m,a=x\ny v=1.0 5"),
        (Point("m", {"a": "x\0y"}, {"v": 1.0}, 5), rb"m,a=x\x00y v=1.0 5"),
        (Point("m", {}, {"v": 'say "hi" \\'}, 5), rb'm v="say \"hi\" \\" 5'),
        (Point("m", {}, {"v": "a\nb"}, 5), rb'm v="a\\nb" 5'),
        (Point("m", {}, {"v": ""}, 5), b'm v="" 5'),
        (Point("m", {"a": "grün"}, {"v": "\ud800"}, 5), 'm,a=grün v="?" 5'.encode()),
        (Point("m", {}, {"v": True, "w": False}, 5), b"m v=true,w=false 5"),
        (Point("m", {}, {"v": INT64_MAX}, 5), b"m v=9223372036854775807i 5"),
        (Point("m", {}, {"v": INT64_MIN}, 5), b"m v=-9223372036854775808i 5"),
        (Point("m", {}, {"v": 1e16}, 5), b"m v=1e+16 5"),
        (Point("m", {}, {"v": 5e-324}, 5), b"m v=5e-324 5"),
        (Point("m", {}, {"v": -0.0}, 5), b"m v=-0.0 5"),
        (Point("m", {}, {"v": 0.1}, 5), b"m v=0.1 5"),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_encode_writes_each_kind_of_value(point: Point, line: bytes) -> None:
    """The line of each kind of value and of each escape, byte by byte."""
    assert encode(point) == line


class Celsius(float):
    """A float with a name of its own."""


class Port(IntEnum):
    """An integer with a name of its own."""

    JMX = 9999


class Color(StrEnum):
    """A text with a name of its own."""

    RED = 'r"d'


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (Celsius(36.6), b"m v=36.6 5"),
        (Port.JMX, b"m v=9999i 5"),
        (Color.RED, rb'm v="r\"d" 5'),
    ],
    ids=["float", "int", "str"],
)
def test_encode_writes_derived_types_as_their_base(value: FieldValue, line: bytes) -> None:
    """A value of a derived type is written as its base, not as it shows itself."""
    assert encode(Point("m", {}, {"v": value}, 5)) == line


def with_fields(**fields: Any) -> Point:
    """A point with other fields."""
    return Point("m", {}, fields, 5)


def with_tags(tags: Mapping[str, str]) -> Point:
    """A point with other tags."""
    return Point("m", tags, {"v": 1.0}, 5)


@pytest.mark.parametrize(
    ("point", "what"),
    [
        (Point("", {}, {"v": 1.0}, 5), "without a measurement"),
        (Point("\\", {}, {"v": 1.0}, 5), "without a measurement"),
        (Point("#m", {}, {"v": 1.0}, 5), "comment"),
        (Point("m", {}, {}, 5), "m: a point without fields"),
        (Point("m", {}, {"": 1.0}, 5), "m: a field cannot be called ''"),
        (with_fields(time=1.0), "m: a field cannot be called 'time'"),
        (Point("m", {}, {"a": 1.0, "a\\": 2.0}, 5), "m: two fields are called the same"),
        (with_tags({"": "x"}), "m: a tag cannot be called ''"),
        (with_tags({"time": "x"}), "m: a tag cannot be called 'time'"),
        (with_tags({"_field": "x"}), "m: a tag cannot be called '_field'"),
        (with_tags({"a": "x", "a\\": "y"}), r"m: a tag cannot be called 'a\\\\'"),
        (with_fields(v=math.nan), "m: field 'v': InfluxDB has no nan"),
        (with_fields(v=-math.inf), "m: field 'v': InfluxDB has no -inf"),
        (with_fields(v=2**63), "m: field 'v': 9223372036854775808 does not fit int64"),
        (with_fields(v=-(2**63) - 1), "does not fit int64"),
        (with_fields(v="é" * (MAX_STRING_BYTES // 2 + 1)), "m: field 'v': a string of 1048578"),
        (Point("m", {}, {"v": 1.0}, TIME_MAX_NS + 1), "m: time 9223372036854775807 ns"),
        (Point("m", {}, {"v": 1.0}, TIME_MIN_NS - 1), "outside InfluxDB's range"),
        (with_tags({"a": "x" * MAX_KEY_BYTES}), "m: measurement, tags and field name take 65"),
    ],
)
def test_encode_refuses_what_influxdb_cannot_hold(point: Point, what: str) -> None:
    """What InfluxDB could not hold is named, with measurement and field."""
    with pytest.raises(ValueError, match=what):
        encode(point)


@pytest.mark.parametrize("letter", ["x", "é", " "])
def test_the_limit_on_keys_is_exact(letter: str) -> None:
    """Bytes on the wire count, escapes included: one more is refused."""
    room = MAX_KEY_BYTES - len("m,a=") - 4 - len("vé".encode())
    wide = len(encode(with_tags({"a": letter + "z"}))) - len(encode(with_tags({"a": "z"})))
    fits = letter * (room // wide) + "z" * (room % wide)

    encode(Point("m", {"a": fits}, {"vé": 1.0}, 5))
    with pytest.raises(ValueError, match="65536 bytes"):
        encode(Point("m", {"a": fits + "z"}, {"vé": 1.0}, 5))


def test_a_long_line_with_a_short_key_is_fine() -> None:
    """The limit is on the key, not on the line."""
    line = encode(with_fields(v="x" * MAX_STRING_BYTES))

    assert len(line) > MAX_STRING_BYTES


def test_kept_tags_give_the_same_line() -> None:
    """In every point of their series, and in one of another measurement."""
    tags = {"b": "2 2", "a": "1"}
    kept = KeptTags(tags)
    for measurement in ("m", "m", "n", "m"):
        point = Point(measurement, kept, {"x": 1.5}, 10)
        assert encode(point) == encode(Point(measurement, tags, {"x": 1.5}, 10))
        assert encode(point) == f"{measurement},a=1,b=2\\ 2 x=1.5 10".encode()


def test_kept_tags_that_cannot_be_written_are_refused_every_time() -> None:
    """What fails is not kept."""
    kept = KeptTags({"time": "x"})
    for _ in range(2):
        with pytest.raises(ValueError, match="cannot be called"):
            encode(Point("m", kept, {"x": 1.5}, 10))
