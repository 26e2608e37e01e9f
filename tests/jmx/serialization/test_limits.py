"""Limits on what a peer can make this side hold: exceeding one is an error, not full memory."""

import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.serialization.reader import Limits
from tests.jmx.java_bytes import NULL, array, class_desc, field, ref
from tests.jmx.scripted import MakeReply, Outcomes

# Ten fields of one byte each.
FIELDS = [field("Z", name) for name in "abcdefghij"]


def objects(size: int, items: bytes) -> bytes:
    """Return an array of objects."""
    return array("[LC;", size, items)


def nested(depth: int) -> bytes:
    """Return arrays in arrays."""
    return objects(1, (b"\x75" + ref(0) + b"\x00\x00\x00\x01") * (depth - 1) + NULL)


# Object, limits, words of the error.
CASES: list[tuple[str, bytes, Limits, str]] = [
    ("depth", nested(12), Limits(depth=10), "nested more than 10"),
    ("elements of an array", objects(11, NULL * 11), Limits(elements=266), "266 elements"),
    ("announced elements", objects(2**31 - 1, b""), Limits(), "1048576 elements"),
    ("announced bytes", array("[J", 2**31 - 1, b""), Limits(), "1048576 elements"),
    ("objects in an array", objects(300, b"\x74\x00\x00" * 300), Limits(handles=20), "20 objects"),
    ("objects", objects(30, b"\x74\x00\x00" * 30), Limits(handles=20), "20 objects"),
    (
        "elements of an annotation",
        b"\x73" + class_desc("C", flags=3) + NULL * 300 + b"\x78",
        Limits(elements=500),
        "500 elements",
    ),
    (
        "fields",
        objects(
            30,
            b"\x73" + class_desc("C", *FIELDS) + bytes(10) + (b"\x73" + ref(2) + bytes(10)) * 29,
        ),
        Limits(elements=800),
        "800 elements",
    ),
    ("string", b"\x7c" + struct.pack(">q", 101), Limits(string_bytes=100), "string of 101"),
    (
        "announced string",
        b"\x7c" + struct.pack(">q", 2**62),
        Limits(),
        "string of 4611686018427387904",
    ),
    (
        "block",
        b"\x73" + class_desc("C", flags=3) + b"\x7a\x00\x00\x00\x65",
        Limits(string_bytes=100),
        "block of 101",
    ),
    ("reply", objects(100, NULL * 100), Limits(reply_bytes=100), "more than 100 bytes"),
]


@pytest.mark.parametrize(
    ("name", "wire", "limits", "words"), CASES, ids=[case[0] for case in CASES]
)
def test_an_object_beyond_a_limit_is_rejected(
    name: str,
    wire: bytes,
    limits: Limits,
    words: str,
    make_reply: MakeReply,
    as_is: Call[Any],
    outcomes: Outcomes,
) -> None:
    """The error names the limit, also if the bytes arrive one by one."""
    raw = make_reply(wire)
    for pieces in ([raw[:60], raw[60:]], [raw[i : i + 1] for i in range(len(raw))]):
        with pytest.raises(RemoteProtocolError, match=words):
            outcomes(as_is, pieces, limits=limits)


def test_an_object_at_a_limit_is_decoded(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """The limits themselves are allowed."""
    for wire, limits in [
        (nested(10), Limits(depth=10)),
        (objects(10, NULL * 10), Limits(elements=266)),
        (objects(18, b"\x74\x00\x00" * 18), Limits(handles=20)),
        (b"\x7c" + struct.pack(">q", 100) + b"x" * 100, Limits(string_bytes=100)),
        (NULL, Limits(reply_bytes=23)),
    ]:
        assert len(outcomes(as_is, [make_reply(wire)], limits=limits)) == 1


def test_announced_sizes_take_no_memory(
    make_reply: MakeReply, as_is: Call[Any], greeted: Callable[..., Protocol]
) -> None:
    """Nested arrays that announce as much as is allowed take the memory of the received bytes."""
    size = struct.pack(">i", 10_000)
    wire = objects(10_000, (b"\x75" + ref(0) + size) * 90)
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


def test_a_string_in_small_pieces_is_joined_once(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """Its bytes are held about twice at most."""
    text = b"x" * 1_000_000
    raw = make_reply(b"\x7c" + struct.pack(">q", len(text)) + text)
    pieces = [raw[i : i + 100] for i in range(0, len(raw), 100)]
    assert outcomes(as_is, pieces) == [text.decode()]
