"""Bounds on what a peer can make us hold: each is met by an error, not by full memory."""

import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.serialization import class_reader, known_classes
from jmxbridge.jmx.serialization.reader import Limits

Reply = Callable[..., bytes]
Outcomes = Callable[..., list[Any]]

NULL = b"\x70"


# Ten fields of a byte each.
FIELDS = [b"Z\x00\x01" + bytes((name,)) for name in b"abcdefghij"]


def klass(name: str, *fields: bytes, flags: int = 2, above: bytes = NULL) -> bytes:
    head = b"\x72" + struct.pack(">H", len(name)) + name.encode() + bytes(8)
    return head + bytes((flags, 0, len(fields))) + b"".join(fields) + b"\x70\x78" + above


def array(size: int, items: bytes, name: str = "[LC;") -> bytes:
    return b"\x75" + klass(name) + struct.pack(">i", size) + items


def ref(index: int) -> bytes:
    return b"\x71" + struct.pack(">I", 0x7E0000 + index)


def nested(depth: int) -> bytes:
    """Arrays in arrays."""
    return array(1, (b"\x75" + ref(0) + b"\x00\x00\x00\x01") * (depth - 1) + NULL)


def line(length: int) -> bytes:
    above = NULL
    for i in range(length):
        above = klass(f"C{i}", above=above)
    return above


# What comes, the limits, a word of the error. Each is also sent one below its limit.
CASES: list[tuple[str, bytes, Limits, str]] = [
    ("depth", nested(12), Limits(depth=10), "nested more than 10"),
    ("elements of an array", array(11, NULL * 11), Limits(elements=266), "266 elements"),
    ("elements announced", array(2**31 - 1, b""), Limits(), "1048576 elements"),
    ("bytes announced", array(2**31 - 1, b"", "[J"), Limits(), "1048576 elements"),
    ("objects in an array", array(300, b"\x74\x00\x00" * 300), Limits(handles=20), "20 objects"),
    ("objects", array(30, b"\x74\x00\x00" * 30), Limits(handles=20), "20 objects"),
    (
        "elements beside fields",
        b"\x73" + klass("C", flags=3) + NULL * 300 + b"\x78",
        Limits(elements=500),
        "500 elements",
    ),
    (
        "fields",
        array(30, b"\x73" + klass("C", *FIELDS) + bytes(10) + (b"\x73" + ref(2) + bytes(10)) * 29),
        Limits(elements=800),
        "800 elements",
    ),
    ("string", b"\x7c" + struct.pack(">q", 101), Limits(string_bytes=100), "string of 101"),
    (
        "string announced",
        b"\x7c" + struct.pack(">q", 2**62),
        Limits(),
        "string of 4611686018427387904",
    ),
    (
        "block",
        b"\x73" + klass("C", flags=3) + b"\x7a\x00\x00\x00\x65",
        Limits(string_bytes=100),
        "block of 101",
    ),
    ("reply", array(100, NULL * 100), Limits(reply_bytes=100), "more than 100 bytes"),
    ("ancestors", b"\x73" + line(31), Limits(), "30 ancestors"),
]


@pytest.mark.parametrize(
    ("name", "wire", "limits", "words"), CASES, ids=[case[0] for case in CASES]
)
def test_too_much_is_refused(
    name: str,
    wire: bytes,
    limits: Limits,
    words: str,
    make_reply: Reply,
    as_is: Call[Any],
    outcomes: Outcomes,
) -> None:
    """What exceeds a limit is an error that names the limit, also when it comes byte by byte."""
    raw = make_reply(wire)
    for pieces in ([raw[:60], raw[60:]], [raw[i : i + 1] for i in range(len(raw))]):
        with pytest.raises(RemoteProtocolError, match=words):
            outcomes(as_is, pieces, limits=limits)


def test_what_stays_within_the_limits_is_read(
    make_reply: Reply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """The limits themselves are still allowed."""
    for wire, limits in [
        (nested(10), Limits(depth=10)),
        (array(10, NULL * 10), Limits(elements=266)),
        (array(18, b"\x74\x00\x00" * 18), Limits(handles=20)),
        (b"\x7c" + struct.pack(">q", 100) + b"x" * 100, Limits(string_bytes=100)),
        (b"\x73" + line(30), Limits()),
        (NULL, Limits(reply_bytes=23)),
    ]:
        assert len(outcomes(as_is, [make_reply(wire)], limits=limits)) == 1


def test_ancestors_count_over_references(
    make_reply: Reply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """A line of classes is not made longer than the limit piece by piece."""
    count = class_reader.MAX_ANCESTORS + 10
    items = b"\x73" + klass("C0")
    handle = 1  # of the class of the array, that of its first item, that item
    for i in range(1, count):
        items += b"\x73" + klass(f"C{i}", above=ref(handle + 1 if i == 1 else handle))
        handle = 2 * i + 2
    with pytest.raises(RemoteProtocolError, match="ancestors"):
        outcomes(as_is, [make_reply(array(count, items))])


def test_announced_sizes_take_no_memory(
    make_reply: Reply, as_is: Call[Any], greeted: Callable[..., Protocol]
) -> None:
    """Nested arrays that each announce as much as is allowed take what was received, no more."""
    size = struct.pack(">i", 10_000)
    wire = array(10_000, (b"\x75" + ref(0) + size) * 90)
    protocol = greeted()
    protocol.call(as_is)
    protocol.data_to_send()
    tracemalloc.start()
    try:
        protocol.receive_data(make_reply(wire))
        assert protocol.next_reply() is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_a_string_in_small_pieces_is_not_copied_at_each(
    make_reply: Reply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """Pieces are joined when the string is complete: its bytes are held about twice, at most."""
    text = b"x" * 1_000_000
    raw = make_reply(b"\x7c" + struct.pack(">q", len(text)) + text)
    pieces = [raw[i : i + 100] for i in range(0, len(raw), 100)]
    assert outcomes(as_is, pieces) == [text.decode()]


def test_what_is_remembered_of_classes_is_bounded(
    make_reply: Reply,
    as_is: Call[Any],
    outcomes: Outcomes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More classes than are kept, and more variants of one, are forgotten and still read."""
    monkeypatch.setattr(known_classes, "MAX_CLASSES", 3)
    monkeypatch.setattr(known_classes, "MAX_VARIANTS", 2)
    monkeypatch.setattr(known_classes, "MAX_CHAIN_BYTES", 100)
    names = [f"C{i % 7}" for i in range(30)] + ["L" * 200] * 2
    replies = [make_reply(b"\x73" + klass(name, flags=2 + i % 2) + b"\x78" * (i % 2))
               for i, name in enumerate(names)]  # fmt: skip
    found = outcomes(as_is, [b"".join(replies)], calls=len(names))
    assert [value.class_name for value in found] == names
