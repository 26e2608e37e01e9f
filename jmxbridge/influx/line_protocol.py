"""Encoder of points to InfluxDB line protocol.

Rule: a line is encoded once; a retry sends the same bytes, and a dead letter keeps them. So this
module handles every text that the server's parser would misread.

Limits of the grammar (read in `models/points.go` of influxd 1.8.10, tried on 1.8 and 2.9):

- A backslash escapes the comma, space or equals sign after it and cannot itself be escaped, and
  the parser's passes disagree about a pair of them. A run of backslashes before such a character,
  or at the end of a name or tag value, is therefore removed. In measurements and field names the
  same goes for a run before a double quote, in measurements also before an equals sign.
- A line ends at a newline, and NUL and tab are skipped like spaces. Control characters become
  visible: newline is the two characters `\\n`, NUL is `\\x00`.
- An empty tag value is a parse error, and means the same as no tag: the tag is omitted.
- A measurement that begins with `#` is a comment, and a field called `time` is dropped silently:
  both are a ValueError, like everything else that would be refused or lost.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import isfinite

from jmxbridge.point import FieldValue, KeptTags, Point

MAX_KEY_BYTES = 65_535
"""Most bytes of measurement, tags, 4 bytes and a field name; `MaxKeyLength`, `seriesKeySize`."""

MAX_STRING_BYTES = 1_048_576
"""Most bytes of a string field; `MaxFieldValueLength` of 2.x. 1.8 limits only the body."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

TIME_MIN_NS, TIME_MAX_NS = INT64_MIN + 2, INT64_MAX - 1
"""`MinNanoTime` and `MaxNanoTime`: the server reserves the values beyond them."""

RESERVED_TAGS = frozenset({"time", "_measurement", "_field"})
RESERVED_FIELDS = frozenset({"time"})
"""Names the server refuses, or drops silently while it stores the rest of the line."""

NAMES_CACHED = 4096
"""Names come from the rules, so they are few, and tag values recur in the next row; a template over
a key property may make many.
"""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ODD = re.compile(r"[,= \\\x00-\x1f\x7f]")
_ODD_IN_STRING = re.compile(r"[\"\\\x00-\x1f\x7f]")
_LOST_IN_TAG = re.compile(r"\\+(?=[,= ]|\Z)")
_LOST_IN_NAME = re.compile(r"\\+(?=[,= \"]|\Z)")
_COMMA_SPACE = re.compile(r"([, ])")
_COMMA_EQUALS_SPACE = re.compile(r"([,= ])")

_NAMED_CONTROLS = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def encode(point: Point, key: str | None = None) -> bytes:
    """Encode one point as one line without a newline; `key` is its series_key, if already known.

    Tags are sorted, floats keep a decimal point or an exponent and read back exactly equal. Raises
    ValueError, naming measurement and field, for a point that InfluxDB cannot store.
    """
    if key is None:
        key = series_key(point)
    fields, time_ns = point.fields, point.time_ns
    heads = _heads(point.measurement, tuple(fields))
    if not TIME_MIN_NS <= time_ns <= TIME_MAX_NS:
        raise ValueError(f"{point.measurement}: time {time_ns} ns is outside InfluxDB's range")
    written: list[str] = []
    for head, value in zip(heads, fields.values()):  # noqa: B905 - same length; checking costs 0.1 us
        # Most values are floats or small integers: no function call for these.
        if type(value) is float and isfinite(value):
            written.append(head + repr(value))
        elif type(value) is int and INT64_MIN <= value <= INT64_MAX:
            written.append(f"{head}{value}i")
        elif type(value) is str:
            written.append(head + _string(point, head, value))
        else:
            written.append(head + _value(point, head, value))
    line = _utf8(f"{key} {','.join(written)} {time_ns}")
    if len(line) > MAX_KEY_BYTES:  # a key is always shorter than its line
        _check_size(point, key, heads)
    return line


def series_key(point: Point) -> str:
    """Encode measurement and tags, the part that all lines of a series have in common.

    Computed once for KeptTags. Raises ValueError for names that InfluxDB cannot store.
    """
    measurement, tags = point.measurement, point.tags
    if not isinstance(tags, KeptTags):
        return _key(measurement, tags)
    if tags.encoded is None or tags.encoded[0] != measurement:
        tags.encoded = measurement, _key(measurement, tags)
    return tags.encoded[1]


def _key(measurement: str, tags: Mapping[str, str]) -> str:
    name, heads = _tag_heads(measurement, tuple(tags))
    written = [f"{head}{value}" for tag, head in heads if (value := _tag(tags[tag]))]
    return ",".join([name, *written])


@lru_cache(maxsize=NAMES_CACHED)
def _tag_heads(measurement: str, tags: tuple[str, ...]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the measurement, and each tag with the text before its value, in the line's order."""
    name = _measurement(measurement)
    if not name:
        raise ValueError("a point without a measurement")
    if name[0] == "#":
        raise ValueError(f"{name!r}: InfluxDB takes a line that begins with # for a comment")
    keys: dict[str, str] = {}
    for tag in sorted(tags):
        key = _tag(tag)
        if not key or key in RESERVED_TAGS or key in keys.values():
            raise ValueError(f"{measurement}: a tag cannot be called {tag!r}")
        keys[tag] = key
    return name, tuple((tag, f"{key}=") for tag, key in keys.items())


@lru_cache(maxsize=NAMES_CACHED)
def _heads(measurement: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the text before the value of each field."""
    if not names:
        raise ValueError(f"{measurement}: a point without fields")
    keys = [_field(name) for name in names]
    for name, key in zip(names, keys, strict=True):
        if not key or key in RESERVED_FIELDS:
            raise ValueError(f"{measurement}: a field cannot be called {name!r}")
    if len(set(keys)) != len(keys):
        raise ValueError(f"{measurement}: two fields are called the same once escaped")
    return tuple(f"{key}=" for key in keys)


@lru_cache(maxsize=NAMES_CACHED)
def _measurement(text: str) -> str:
    if not _ODD.search(text):
        return text
    return _COMMA_SPACE.sub(r"\\\1", _LOST_IN_NAME.sub("", _visible(text)))


@lru_cache(maxsize=NAMES_CACHED)
def _field(text: str) -> str:
    if not _ODD.search(text):
        return text
    return _COMMA_EQUALS_SPACE.sub(r"\\\1", _LOST_IN_NAME.sub("", _visible(text)))


@lru_cache(maxsize=NAMES_CACHED)
def _tag(text: str) -> str:
    """Escape a tag's key or value."""
    if not _ODD.search(text):
        return text
    return _COMMA_EQUALS_SPACE.sub(r"\\\1", _LOST_IN_TAG.sub("", _visible(text)))


def _value(point: Point, head: str, value: FieldValue) -> str:
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{point.measurement}: field {head[:-1]!r}: InfluxDB has no {value}")
        return repr(float(value))  # the shortest text that reads back equal; always . or e
    if isinstance(value, bool):  # before int, which it is
        return "true" if value else "false"
    if isinstance(value, int):
        if not INT64_MIN <= value <= INT64_MAX:
            raise ValueError(
                f"{point.measurement}: field {head[:-1]!r}: {value} does not fit int64"
            )
        return f"{int(value)}i"
    return _string(point, head, value)


def _string(point: Point, head: str, text: str) -> str:
    if _ODD_IN_STRING.search(text):
        text = _visible(text)
        size = len(_utf8(text))
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    else:
        size = len(text) if text.isascii() else len(_utf8(text))
    if size > MAX_STRING_BYTES:
        raise ValueError(
            f"{point.measurement}: field {head[:-1]!r}: a string of {size} bytes,"
            f" InfluxDB's limit is {MAX_STRING_BYTES}"
        )
    return f'"{text}"'


def _visible(text: str) -> str:
    return _CONTROL.sub(lambda m: _NAMED_CONTROLS.get(m[0], f"\\x{ord(m[0]):02x}"), text)


def _check_size(point: Point, key: str, heads: Iterable[str]) -> None:
    longest = max(len(_utf8(head)) for head in heads) - len("=")
    size = len(_utf8(key)) + 4 + longest
    if size > MAX_KEY_BYTES:
        raise ValueError(
            f"{point.measurement[:64]}: measurement, tags and field name take {size} bytes,"
            f" InfluxDB's limit is {MAX_KEY_BYTES}"
        )


def _utf8(text: str) -> bytes:
    """Encode as UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes a question mark."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
