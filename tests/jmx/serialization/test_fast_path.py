"""The fast path: it takes a value that is present in full, or nothing."""

import pytest

from jmxbridge.jmx.rmi.jrmp import read_return
from jmxbridge.jmx.serialization.fast_path import NOT_TAKEN, take_common_value
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.reader import Limits, ReplyReader
from jmxbridge.jmx.serialization.tracked import TrackedValues, ValueSpan
from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS
from jmxbridge.jmx.values import JavaObject, Value
from tests.jmx.java_bytes import NULL, class_desc, field, ref, string
from tests.jmx.scripted import MakeReply

INTEGER = class_desc(
    "java.lang.Integer", field("I", "value"), superclass=class_desc("java.lang.Number")
)
NUMBER = b"\x73" + INTEGER + b"\x00\x00\x00\x05"
AFTER = NULL * 5  # a null or short string is left to the generators at the end of the buffer

TAKEN: list[tuple[str, bytes, Value]] = [
    ("null", NULL, None),
    ("ASCII string", string("text"), "text"),
    ("other string", string("é€"), "é€"),
    ("boxed number of a known class", NUMBER, 5),
    ("reference", ref(0), "first"),
]


@pytest.fixture
def reader(make_reply: MakeReply) -> ReplyReader:
    """A reader that knows the class Integer and has the string `first` behind handle 0."""
    reader = ReplyReader(KnownClasses(UNWRAPS, BOXES), Limits())
    reader.feed(make_reply(NUMBER))
    reader.begin()
    with pytest.raises(StopIteration):
        next(read_return(reader, is_void=False))
    reader.begin()
    reader.handles.append("first")
    return reader


@pytest.mark.parametrize(("name", "wire", "value"), TAKEN, ids=[case[0] for case in TAKEN])
def test_a_common_value_is_taken(name: str, wire: bytes, value: Value, reader: ReplyReader) -> None:
    """The reader is after it."""
    reader.feed(wire + AFTER)
    assert take_common_value(reader) == value
    assert reader.offset == len(wire)


@pytest.mark.parametrize(("name", "wire", "value"), TAKEN, ids=[case[0] for case in TAKEN])
def test_a_value_that_has_not_fully_arrived_is_not_taken(
    name: str, wire: bytes, value: Value, reader: ReplyReader
) -> None:
    """Position, handles and count of elements stay as they were."""
    for stop in range(len(wire)):
        reader.feed(wire[:stop])
        handles, elements = list(reader.handles), reader.elements
        assert take_common_value(reader) is NOT_TAKEN
        assert (reader.offset, reader.handles, reader.elements) == (0, handles, elements)
        reader.pos = reader.end
        reader.begin()
        reader.handles.append("first")


def test_other_values_are_not_taken(reader: ReplyReader) -> None:
    """Arrays, objects of other classes, and boxed numbers of a class that is not known."""
    long_class = class_desc("java.lang.Long", field("J", "value"))
    for wire in (b"\x75" + class_desc("[I"), b"\x73" + class_desc("C"), b"\x73" + long_class):
        reader.feed(wire + bytes(20))
        assert take_common_value(reader) is NOT_TAKEN
        assert reader.offset == 0
        reader.pos = reader.end
        reader.begin()


def test_a_reference_to_a_class_is_a_value(reader: ReplyReader) -> None:
    """The value is the same as for a descriptor in place of an object."""
    reader.feed(NUMBER + ref(1) + AFTER)
    assert take_common_value(reader) == 5
    value = take_common_value(reader)
    assert isinstance(value, JavaObject)
    assert (value.class_name, value.fields) == (
        "java.io.ObjectStreamClass",
        {"name": "java.lang.Integer"},
    )


def test_values_are_tracked(reader: ReplyReader) -> None:
    """Strings and boxed numbers record their position; references are counted."""
    reader.tracked = tracked = TrackedValues()
    reader.feed(string("text") + NUMBER + ref(1) + AFTER)
    text, number, again = (take_common_value(reader) for _ in range(3))
    buffer_start = reader.pos - len(string("text") + NUMBER + ref(1))
    assert tracked.span_of(text) == ValueSpan(buffer_start + 3, 4, "4s")
    number_start = buffer_start + len(string("text") + NUMBER) - 4
    assert tracked.span_of(number) == ValueSpan(number_start, 4, "i")
    assert again is text
    assert tracked.occurrences(text) == 2
