"""A class that is recognised is the class that would have been read."""

import struct
from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.serialization.class_desc import ClassDescInfo
from jmxbridge.jmx.serialization.known_classes import ClassChain, KnownClasses

Reply = Callable[..., bytes]
Outcomes = Callable[..., list[Any]]

NULL = b"\x70"
ARRAY = b"\x75\x72\x00\x04[LC;" + bytes(8) + b"\x02\x00\x00\x70\x78\x70"


def utf(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def ref(index: int) -> bytes:
    return b"\x71" + struct.pack(">I", 0x7E0000 + index)


def klass(name: str, *fields: bytes, above: bytes = NULL) -> bytes:
    head = b"\x72" + utf(name) + bytes(8) + b"\x02" + struct.pack(">H", len(fields))
    return head + b"".join(fields) + b"\x70\x78" + above


def field(name: str, type_name: bytes) -> bytes:
    return b"L" + utf(name) + type_name


def test_what_it_refers_to_is_compared(
    make_reply: Reply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """The same bytes are an error where their reference leads to something else."""
    item = b"\x73" + klass("C", field("a", ref(2))) + NULL
    fine = make_reply(ARRAY + b"\x00\x00\x00\x02\x74" + utf("LO;") + item)
    bad = make_reply(ARRAY + b"\x00\x00\x00\x02\x76" + klass("Other") + item)
    assert len(outcomes(as_is, [fine, fine], calls=2)) == 2
    with pytest.raises(RemoteProtocolError, match="where a string must be"):
        outcomes(as_is, [fine, bad], calls=2)


def test_a_reference_into_itself_depends_on_where_it_stands(
    make_reply: Reply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """Handles count from the beginning of the reply, so elsewhere the same bytes mean another."""
    item = b"\x73" + klass("C", field("a", b"\x74" + utf("LO;")), field("b", ref(1))) + NULL + NULL
    fine = make_reply(item)
    bad = make_reply(ARRAY + b"\x00\x00\x00\x01" + item)
    assert len(outcomes(as_is, [fine, fine], calls=2)) == 2
    with pytest.raises(RemoteProtocolError, match="where a string must be"):
        outcomes(as_is, [fine, bad], calls=2)


def test_one_class_below_several(make_reply: Reply, as_is: Call[Any], outcomes: Outcomes) -> None:
    """The superclass follows the bytes that are known, and may be another each time."""
    size = b"\x00\x00\x00\x02"
    first = make_reply(ARRAY + size + b"\x73" + klass("A") + b"\x73" + klass("C", above=ref(2)))
    second = make_reply(ARRAY + size + b"\x73" + klass("B") + b"\x73" + klass("C", above=ref(2)))
    third = make_reply(b"\x73" + klass("C", above=klass("D")))
    found = outcomes(as_is, [first + second + third + first], calls=4)
    assert [value[1].superclasses for value in (found[0], found[1], found[3])] == [
        ("A",),
        ("B",),
        ("A",),
    ]
    assert found[2].superclasses == ("D",)


def test_one_class_below_many(make_reply: Reply, as_is: Call[Any], outcomes: Outcomes) -> None:
    """More superclasses than are kept for one class are forgotten, and found all the same."""
    size = b"\x00\x00\x00\x02"
    names = [f"A{i % 20}" for i in range(60)]
    replies = [
        make_reply(ARRAY + size + b"\x73" + klass(name) + b"\x73" + klass("C", above=ref(2)))
        for name in names
    ]
    found = outcomes(as_is, replies, calls=len(names))
    assert [value[1].superclasses for value in found] == [(name,) for name in names]


def test_a_line_is_found_only_where_it_ends() -> None:
    """The beginning of a longer line is not the shorter line, nor is one that is still coming."""
    classes = KnownClasses({}, ())
    raw = klass("C")[:-1]
    classes.learn(ClassChain(raw, 1, (ClassDescInfo("C", 2, ()),), (), None))
    assert classes.find(raw + NULL, 0, []) is not None
    assert classes.find(raw + ref(0), 0, []) is not None
    assert classes.find(raw, 0, []) is None
    assert classes.find(raw[:2], 0, []) is None
    assert classes.find(raw + klass("D"), 0, []) is None
