"""Line protocol compared with influxdb-client's serializer: the same line if both can write it.

Left out are its known faults: it drops the decimal point of whole floats, writes integers that no
server accepts, and lets backslashes change the text after them.
"""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write import point as client

from jmxbridge.influx.line_protocol import INT64_MAX, INT64_MIN, RESERVED_TAGS, encode
from jmxbridge.point import FieldValue, Point

ClientPoint: Any = client.Point  # it has no types

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12)
PLAIN = TEXT.filter(lambda text: "\\" not in text and '"' not in text)
NAMES = PLAIN.filter(lambda name: name not in RESERVED_TAGS and name[0] != "#")
VALUES = st.one_of(
    st.booleans(),
    st.integers(INT64_MIN, INT64_MAX),
    TEXT,
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(
    measurement=NAMES,
    tags=st.dictionaries(NAMES, PLAIN, max_size=4),
    field=NAMES,
    value=VALUES,
    time_ns=st.integers(0, 2**62),
)
def test_the_same_point_is_the_same_line(
    measurement: str, tags: dict[str, str], field: str, value: FieldValue, time_ns: int
) -> None:
    """Escapes, order of tags, types and time; floats are equal as numbers."""
    line = encode(Point(measurement, tags, {field: value}, time_ns)).decode()

    theirs = ClientPoint(measurement).time(time_ns).field(field, value)
    for key, text in tags.items():
        theirs = theirs.tag(key, text)
    told = theirs.to_line_protocol()

    if isinstance(value, float):
        assert split_number(line)[0::2] == split_number(told)[0::2]
        assert math.copysign(1, split_number(line)[1]) == math.copysign(1, value)
        assert split_number(line)[1] == split_number(told)[1]
    else:
        assert line == told


def split_number(line: str) -> tuple[str, float, str]:
    """Return the text before a float, the float, and the time."""
    before, time_ns = line.rsplit(" ", 1)
    key, number = before.rsplit("=", 1)
    return key, float(number), time_ns
