"""Class descriptors in the stream: forms that no captured reply has, and malformed ones."""

from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.serialization import class_reader
from tests.jmx.java_bytes import NULL, array, class_desc, field, ref, string, utf
from tests.jmx.scripted import AssertDecodes, AssertRejected, MakeReply, Outcomes

OBJECT_FIELD = field("L", "it", string("Ljava/lang/Object;"))

WELL_FORMED: list[tuple[str, bytes, Any]] = [
    (
        "superclass that is not serializable",
        b"\x73" + class_desc("C", field("I", "n"), superclass=class_desc("B", flags=0)) + bytes(4),
        ("java", "C", ("n",)),
    ),
    (
        "proxy",
        b"\x73\x7d\x00\x00\x00\x02"
        + utf("A")
        + utf("B")
        + b"\x70\x78"
        + class_desc("P", OBJECT_FIELD)
        + NULL,
        ("java", "$Proxy(A, B)", ("it",)),
    ),
    (
        "codebase and block in the annotation of a class",
        b"\x75\x72"
        + utf("[LC;")
        + bytes(8)
        + b"\x02\x00\x00"
        + string("http://nowhere/")
        + b"\x77\x01a\x78\x70\x00\x00\x00\x01\x73"
        + b"\x72"
        + utf("C")
        + bytes(8)
        + b"\x02\x00\x00"
        + ref(1)
        + b"\x78\x70",
        (("java", "C", ()),),
    ),
]

MALFORMED: list[tuple[str, bytes, int, str]] = [
    ("null class", b"\x73\x70", 2, "null"),
    ("string in place of a class", b"\x73" + string("a"), 2, "0x74"),
    (
        "reference to a string in place of a class",
        array("[LC;", 2, string("a") + b"\x73" + ref(2)),
        36,
        "where a class must be",
    ),
    (
        "superclass that is the class itself",
        b"\x73" + class_desc("C", superclass=ref(0)),
        23,
        "where a class must be",
    ),
    ("field of unknown type", b"\x73" + class_desc("C", field("Q", "x")), 20, "unknown type 'Q'"),
    (
        "type name that is null",
        b"\x73" + class_desc("C", field("L", "x", NULL)),
        21,
        "expected a string",
    ),
    (
        "type name that is a class",
        b"\x73" + class_desc("C", field("L", "x", ref(0))),
        25,
        "where a string must be",
    ),
    (
        "object in the annotation of a class",
        b"\x73\x72" + utf("C") + bytes(11) + b"\x73",
        17,
        "0x73",
    ),
    ("both serializable and externalizable", b"\x73" + class_desc("C", flags=6), 14, "both"),
    ("proxy of -1 interfaces", b"\x73\x7d" + b"\xff" * 4, 6, "-1 interfaces"),
    ("proxy of many interfaces", b"\x73\x7d\x00\x00\xff\xff", 6, "65535 interfaces"),
    ("class of many fields", b"\x73\x72" + utf("C") + bytes(9) + b"\xff\xff", 16, "65535 fields"),
]


@pytest.mark.parametrize(("name", "wire", "value"), WELL_FORMED, ids=[w[0] for w in WELL_FORMED])
def test_a_class_is_decoded(
    name: str, wire: bytes, value: Any, assert_decodes: AssertDecodes
) -> None:
    """Objects of it have the same value whole, in pieces, and when the class is known."""
    assert_decodes(wire, value)


@pytest.mark.parametrize(
    ("name", "wire", "offset", "words"), MALFORMED, ids=[case[0] for case in MALFORMED]
)
def test_a_malformed_class_is_rejected(
    name: str, wire: bytes, offset: int, words: str, assert_rejected: AssertRejected
) -> None:
    """The error says what is wrong, and where in the reply."""
    assert_rejected(wire, offset, words)


def chain(length: int) -> bytes:
    """Return the descriptor of a class with `length` - 1 superclasses."""
    desc = NULL
    for number in range(length):
        desc = class_desc(f"C{number}", superclass=desc)
    return desc


def test_a_class_with_too_many_superclasses_is_rejected(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """The limit itself is allowed."""
    longest = b"\x73" + chain(class_reader.MAX_ANCESTORS)
    assert len(outcomes(as_is, [make_reply(longest)])) == 1
    with pytest.raises(RemoteProtocolError, match="30 ancestors"):
        outcomes(as_is, [make_reply(b"\x73" + chain(class_reader.MAX_ANCESTORS + 1))])


def test_superclasses_count_across_references(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """A hierarchy cannot be made longer than the limit piece by piece."""
    count = class_reader.MAX_ANCESTORS + 10
    items = b"\x73" + class_desc("C0")
    handle = 1  # handles: the class of the array, the array, then a class and an object per item
    for number in range(1, count):
        superclass = ref(handle + 1 if number == 1 else handle)
        items += b"\x73" + class_desc(f"C{number}", superclass=superclass)
        handle = 2 * number + 2
    with pytest.raises(RemoteProtocolError, match="ancestors"):
        outcomes(as_is, [make_reply(array("[LC;", count, items))])
