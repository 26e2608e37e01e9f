"""The cursor over the bytes of a reply."""

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.reader import Limits, ReplyReader
from tests.jmx.java_bytes import ref, utf


def make_reader(data: bytes = b"", **limits: int) -> ReplyReader:
    """Return a reader at the start of a reply that begins with `data`."""
    reader = ReplyReader(KnownClasses({}, ()), Limits(**limits))
    reader.feed(data)
    reader.begin()
    return reader


def test_numbers_are_big_endian() -> None:
    """Unsigned bytes and shorts, signed ints and longs."""
    reader = make_reader(b"\xff" + b"\xff\xfe" + b"\xff" * 3 + b"\xfe" + b"\xff" * 7 + b"\xfd")
    assert (reader.u8(), reader.u16(), reader.i32(), reader.i64()) == (255, 65534, -2, -3)
    assert reader.offset == 15
    assert reader.unread == 0


def test_a_need_is_met_when_enough_bytes_have_arrived() -> None:
    """`feed` tells whether it is, and the offset counts from the start of the reply."""
    reader = make_reader(b"ab")
    assert reader.raw(1) == b"a"
    steps = reader.need(4)
    next(steps)
    assert not reader.feed(b"c")
    assert reader.unread == 2
    assert reader.feed(b"de")
    with pytest.raises(StopIteration):
        next(steps)
    assert reader.raw(4) == b"bcde"
    assert reader.offset == 5


def test_read_utf_waits_for_length_and_text() -> None:
    """A text may arrive byte by byte."""
    reader = make_reader()
    steps = reader.read_utf()
    next(steps)
    for byte in utf("é")[:-1]:
        if reader.feed(bytes((byte,))):
            next(steps)
    assert reader.feed(utf("é")[-1:])
    with pytest.raises(StopIteration) as done:
        next(steps)
    assert done.value.value == "é"


def test_a_text_that_is_not_utf8_is_an_error_with_the_offset() -> None:
    """The offset is that of the text."""
    reader = make_reader(b"ab\xff")
    reader.raw(2)
    with pytest.raises(RemoteProtocolError, match="UTF-8") as caught:
        reader.text(1)
    assert caught.value.offset == 2


def test_the_buffer_is_dropped_when_all_of_it_is_read() -> None:
    """The offset stays; bytes that are not read are kept."""
    reader = make_reader(b"abc")
    reader.raw(2)
    reader.drop_read()
    assert reader.buf == b"abc"
    reader.raw(1)
    reader.drop_read()
    assert reader.buf == b""
    assert reader.offset == 3
    reader.drop_read()
    assert reader.offset == 3


def test_handles_are_numbered_from_zero() -> None:
    """A new reply has new handles, and its offset starts at zero."""
    reader = make_reader(b"a" + ref(1)[1:] + ref(1)[1:])
    assert [reader.add_handle(text) for text in "xy"] == [0, 1]
    reader.raw(1)
    assert reader.handle_index() == 1
    reader.begin()
    assert reader.offset == 0
    with pytest.raises(RemoteProtocolError, match="a reference to object 1 of a reply with 0"):
        reader.handle_index()


def test_handles_are_bounded() -> None:
    """The limit itself is allowed; `count` checks handles that were added without it."""
    reader = make_reader(handles=2)
    reader.add_handle("x")
    reader.add_handle("y")
    with pytest.raises(RemoteProtocolError, match="more than 2 objects"):
        reader.add_handle("z")
    reader.count(0)
    reader.handles.append("z")
    with pytest.raises(RemoteProtocolError, match="more than 2 objects"):
        reader.count(0)


def test_elements_are_bounded() -> None:
    """They add up over a reply."""
    reader = make_reader(elements=5)
    reader.count(3)
    reader.count(2)
    with pytest.raises(RemoteProtocolError, match="more than 5 elements"):
        reader.count(1)
    reader.begin()
    reader.count(5)


def test_the_size_of_a_reply_is_bounded() -> None:
    """A need beyond the limit is an error before the bytes arrive."""
    reader = make_reader(b"abc", reply_bytes=4)
    reader.raw(3)
    reader.check_size()
    next(reader.need(1))
    with pytest.raises(RemoteProtocolError, match="more than 4 bytes"):
        next(reader.need(2))
