"""Objects in the stream: forms that no captured reply has, and malformed ones."""

import struct
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteException, RemoteProtocolError
from jmxbridge.jmx.rmi.calls import Call
from tests.jmx.java_bytes import NULL, OBJECT_OFFSET, array, class_desc, field, ref, string
from tests.jmx.scripted import AssertDecodes, AssertRejected, MakeReply, Outcomes

INTEGER = class_desc(
    "java.lang.Integer", field("I", "value"), superclass=class_desc("java.lang.Number")
)
OBJECT_FIELD = field("L", "it", string("Ljava/lang/Object;"))
LONG_TEXT = "x" * 70_000
ENUM = class_desc("E", flags=0x12, superclass=class_desc("java.lang.Enum", flags=0x12))

WELL_FORMED: list[tuple[str, bytes, Any]] = [
    ("null", NULL, None),
    ("string", string("a"), "a"),
    ("long string", b"\x7c" + struct.pack(">q", len(LONG_TEXT)) + LONG_TEXT.encode(), LONG_TEXT),
    ("boxed number", b"\x73" + INTEGER + b"\x00\x00\x00\x05", 5),
    (
        "boxed number without a value",
        b"\x73" + class_desc("java.lang.Integer", superclass=class_desc("java.lang.Number")),
        ("java", "java.lang.Integer", ()),
    ),
    ("class", b"\x76" + class_desc("C"), ("java", "java.lang.Class", ("name",))),
    ("descriptor as a value", class_desc("C"), ("java", "java.io.ObjectStreamClass", ("name",))),
    (
        "reference to a descriptor",
        array("[LC;", 1, ref(0)),
        (("java", "java.io.ObjectStreamClass", ("name",)),),
    ),
    ("reference to a string", array("[LC;", 2, string("a") + ref(2)), ("a", "a")),
    (
        "reference to an object that is still being read",
        b"\x73" + class_desc("C", OBJECT_FIELD) + ref(2),
        ("java", "C", ("it",)),
    ),
    ("enum", b"\x7e" + ENUM + string("ON"), "ON"),
    (
        "enum by references",
        array("[LE;", 2, b"\x7e" + ENUM + string("ON") + b"\x7e" + ref(2) + ref(5)),
        ("ON", "ON"),
    ),
    (
        "annotation of blocks and objects",
        b"\x73"
        + class_desc("C", flags=3)
        + b"\x77\x02ab\x7a\x00\x00\x00\x01c"
        + string("x")
        + b"\x78",
        ("java", "C", ()),
    ),
    (
        "externalizable object with marked data",
        b"\x73" + class_desc("C", flags=0x0C) + b"\x77\x01a\x78",
        ("java", "C", ()),
    ),
    (
        "fields in mixed order",
        b"\x73"
        + class_desc("C", OBJECT_FIELD, field("C", "c"), field("[", "a", ref(1)), field("Z", "z"))
        + string("a")
        + b"\x00\x41"
        + NULL
        + b"\x01",
        ("java", "C", ("a", "c", "it", "z")),
    ),
    ("array of int", array("[I", 2, b"\x00\x00\x00\x01\xff\xff\xff\xfe"), (1, -2)),
    ("array of char", array("[C", 2, b"\x00\x41\x20\xac"), ("A", "€")),
    ("array of boolean", array("[Z", 2, b"\x01\x00"), (True, False)),
]

MALFORMED: list[tuple[str, bytes, int, str]] = [
    ("block where an object must be", b"\x77\x01a", 0, "0x77"),
    ("end mark where an object must be", b"\x78", 0, "0x78"),
    ("unknown tag", b"\x6f", 0, "0x6f"),
    ("reset inside an object", array("[LC;", 1, b"\x79"), 26, "0x79"),
    ("reference to nothing", ref(0), 1, "object 0"),
    ("reference before the first handle", b"\x71\x00\x7d\xff\xff", 1, "object -1"),
    ("reference far out", b"\x71\xff\xff\xff\xff", 1, "object"),
    ("string that is not UTF-8", b"\x74\x00\x01\xff", 3, "UTF-8"),
    ("long string of negative length", b"\x7c" + b"\xff" * 8, 9, "string of -1"),
    ("object of an array class", b"\x73" + class_desc("[I"), 20, "an object of class"),
    ("object of an enum class", b"\x73" + ENUM, 49, "an object of class"),
    ("array of a plain class", b"\x75" + class_desc("C"), 19, "array of class C"),
    ("array of negative length", array("[I", -1, b""), 24, "-1 elements"),
    ("enum of a plain class", b"\x7e" + class_desc("C"), 19, "enum constant of class C"),
    ("enum without a name", b"\x7e" + ENUM + NULL, 50, "without a name"),
    (
        "block of negative length",
        b"\x73" + class_desc("C", flags=3) + b"\x7a" + b"\xff" * 4,
        24,
        "block of -1",
    ),
]


@pytest.mark.parametrize(("name", "wire", "value"), WELL_FORMED, ids=[w[0] for w in WELL_FORMED])
def test_an_object_is_decoded(
    name: str, wire: bytes, value: Any, assert_decodes: AssertDecodes
) -> None:
    """The value is the same whole, in pieces, and when its classes are known."""
    assert_decodes(wire, value)


@pytest.mark.parametrize(
    ("name", "wire", "offset", "words"), MALFORMED, ids=[case[0] for case in MALFORMED]
)
def test_a_malformed_object_is_rejected(
    name: str, wire: bytes, offset: int, words: str, assert_rejected: AssertRejected
) -> None:
    """The error says what is wrong, and where in the reply."""
    assert_rejected(wire, offset, words)


def test_bytes_after_the_object_are_rejected(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """No call is waiting for another reply."""
    with pytest.raises(RemoteProtocolError, match="no call is waiting") as caught:
        outcomes(as_is, [make_reply(string("a") + b"\x00")])
    assert caught.value.offset == 0
    assert len(make_reply(b"")) == OBJECT_OFFSET


def test_annotations_are_kept(make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes) -> None:
    """Blocks become bytes, objects become values, in order."""
    wire = b"\x73" + class_desc("C", flags=3) + b"\x77\x02ab" + string("x") + b"\x77\x00\x70\x78"
    [value] = outcomes(as_is, [make_reply(wire)])
    assert value.annotations == {"C": (b"ab", "x", b"", None)}


def test_an_exception_of_the_server_while_it_writes_is_the_outcome(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """TC_EXCEPTION inside an object replaces the reply, with handles of its own."""
    throwable = class_desc(
        "java.io.Bad", superclass=class_desc("java.lang.Throwable", OBJECT_FIELD)
    )
    wire = array("[LC;", 2, string("a") + b"\x7b\x73" + throwable + NULL)
    [outcome] = outcomes(as_is, [make_reply(wire)])
    assert isinstance(outcome, RemoteException)
    assert outcome.java_class == "java.io.Bad"
