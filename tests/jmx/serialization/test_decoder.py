"""Objects out of the stream: the forms no capture happens to have, and everything malformed."""

import struct
from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteException, RemoteProtocolError
from jmxbridge.jmx.rmi.calls import Call

Reply = Callable[..., bytes]
Outcomes = Callable[..., list[Any]]
Plain = Callable[[Any], Any]

# Where the object of a reply begins: after the tag, the stream's header and 17 bytes of block data.
OBJECT = 22
NULL = b"\x70"


def utf(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def string(text: str) -> bytes:
    return b"\x74" + utf(text)


def ref(index: int) -> bytes:
    return b"\x71" + struct.pack(">I", 0x7E0000 + index)


def klass(name: str, *fields: bytes, flags: int = 2, above: bytes = NULL) -> bytes:
    """A class descriptor as RMI writes it, with its null annotation."""
    head = b"\x72" + utf(name) + bytes(8) + bytes((flags,)) + struct.pack(">H", len(fields))
    return head + b"".join(fields) + b"\x70\x78" + above


def field(code: str, name: str, type_name: bytes = b"") -> bytes:
    return code.encode() + utf(name) + type_name


INTEGER = klass("java.lang.Integer", field("I", "value"), above=klass("java.lang.Number"))
OBJECT_FIELD = field("L", "it", string("Ljava/lang/Object;"))
LONG_TEXT = "x" * 70_000
ENUM = klass("E", flags=0x12, above=klass("java.lang.Enum", flags=0x12))

WELL_FORMED: list[tuple[str, bytes, Any]] = [
    ("null", NULL, None),
    ("string", string("a"), "a"),
    ("long string", b"\x7c" + struct.pack(">q", len(LONG_TEXT)) + LONG_TEXT.encode(), LONG_TEXT),
    ("reset before the object", b"\x79\x79" + string("a"), "a"),
    ("boxed", b"\x73" + INTEGER + b"\x00\x00\x00\x05", 5),
    (
        "boxed without a value",
        b"\x73" + klass("java.lang.Integer", above=klass("java.lang.Number")),
        ("java", "java.lang.Integer", ()),
    ),
    ("class", b"\x76" + klass("C"), ("java", "java.lang.Class", ("name",))),
    ("descriptor as a value", klass("C"), ("java", "java.io.ObjectStreamClass", ("name",))),
    (
        "reference to a descriptor",
        b"\x75" + klass("[LC;") + b"\x00\x00\x00\x01" + ref(0),
        (("java", "java.io.ObjectStreamClass", ("name",)),),
    ),
    (
        "reference to a string",
        b"\x75" + klass("[LC;") + b"\x00\x00\x00\x02" + string("a") + ref(2),
        ("a", "a"),
    ),
    (
        "reference to an object still being read",
        b"\x73" + klass("C", OBJECT_FIELD) + ref(2),
        ("java", "C", ("it",)),
    ),
    (
        "no data from a class that is not serializable",
        b"\x73" + klass("C", field("I", "n"), flags=2, above=klass("B", flags=0)) + bytes(4),
        ("java", "C", ("n",)),
    ),
    ("enum", b"\x7e" + ENUM + string("ON"), "ON"),
    (
        "enum by references",
        b"\x75"
        + klass("[LE;")
        + b"\x00\x00\x00\x02\x7e"
        + ENUM
        + string("ON")
        + b"\x7e"
        + ref(2)
        + ref(5),
        ("ON", "ON"),
    ),
    (
        "proxy",
        b"\x73\x7d\x00\x00\x00\x02"
        + utf("A")
        + utf("B")
        + b"\x70\x78"
        + klass("P", OBJECT_FIELD)
        + NULL,
        ("java", "$Proxy(A, B)", ("it",)),
    ),
    (
        "annotation of blocks and objects",
        b"\x73" + klass("C", flags=3) + b"\x77\x02ab\x7a\x00\x00\x00\x01c" + string("x") + b"\x78",
        ("java", "C", ()),
    ),
    (
        "externalizable with marked data",
        b"\x73" + klass("C", flags=0x0C) + b"\x77\x01a\x78",
        ("java", "C", ()),
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
    (
        "mixed order of fields",
        b"\x73"
        + klass("C", OBJECT_FIELD, field("C", "c"), field("[", "a", ref(1)), field("Z", "z"))
        + string("a")
        + b"\x00\x41"
        + NULL
        + b"\x01",
        ("java", "C", ("a", "c", "it", "z")),
    ),
]

MALFORMED: list[tuple[str, bytes, int, str]] = [
    ("block where an object must be", b"\x77\x01a", 0, "0x77"),
    ("end mark where an object must be", b"\x78", 0, "0x78"),
    ("unknown tag", b"\x6f", 0, "0x6f"),
    ("reset inside", b"\x75" + klass("[LC;") + b"\x00\x00\x00\x01\x79", 26, "0x79"),
    ("reference to nothing", ref(0), 1, "object 0"),
    ("reference before the first", b"\x71\x00\x7d\xff\xff", 1, "object -1"),
    ("reference far out", b"\x71\xff\xff\xff\xff", 1, "object"),
    ("string that is no text", b"\x74\x00\x01\xff", 3, "UTF-8"),
    ("long string of negative length", b"\x7c" + b"\xff" * 8, 9, "string of -1"),
    ("object of null class", b"\x73\x70", 2, "null"),
    ("object of an array class", b"\x73" + klass("[I"), 20, "an object of class"),
    ("object of an enum class", b"\x73" + ENUM, 49, "an object of class"),
    ("object of a string's class", b"\x73" + string("a"), 2, "0x74"),
    ("array of a plain class", b"\x75" + klass("C"), 19, "array of class C"),
    ("array of negative length", b"\x75" + klass("[I") + b"\xff" * 4, 24, "-1 elements"),
    ("enum of a plain class", b"\x7e" + klass("C"), 19, "enum constant of class C"),
    ("enum without a name", b"\x7e" + ENUM + NULL, 50, "without a name"),
    ("class that is a string", string("a") + b"\x00", 4, "no call is waiting"),
    (
        "reference to a string where a class must be",
        b"\x75" + klass("[LC;") + b"\x00\x00\x00\x02" + string("a") + b"\x73" + ref(2),
        36,
        "where a class must be",
    ),
    ("superclass that is itself", b"\x73" + klass("C", above=ref(0)), 23, "where a class must be"),
    ("field of unknown type", b"\x73" + klass("C", field("Q", "x")), 20, "unknown type 'Q'"),
    ("type of a field that is null", b"\x73" + klass("C", field("L", "x", NULL)), 21, "string"),
    (
        "type of a field that is a class",
        b"\x73" + klass("C", field("L", "x", ref(0))),
        25,
        "where a string must be",
    ),
    (
        "object in the annotation of a class",
        b"\x73\x72" + utf("C") + bytes(11) + b"\x73",
        17,
        "0x73",
    ),
    ("both serializable and externalizable", b"\x73" + klass("C", flags=6), 14, "both"),
    ("proxy of fewer than no interfaces", b"\x73\x7d" + b"\xff" * 4, 6, "-1 interfaces"),
    ("proxy of many interfaces", b"\x73\x7d\x00\x00\xff\xff", 6, "65535 interfaces"),
    ("class of many fields", b"\x73\x72" + utf("C") + bytes(9) + b"\xff\xff", 16, "65535 fields"),
    (
        "block of negative length",
        b"\x73" + klass("C", flags=3) + b"\x7a" + b"\xff" * 4,
        24,
        "block of -1",
    ),
]


@pytest.mark.parametrize(("name", "wire", "value"), WELL_FORMED, ids=[w[0] for w in WELL_FORMED])
def test_decodes(
    name: str,
    wire: bytes,
    value: Any,
    make_reply: Reply,
    as_is: Call[Any],
    outcomes: Outcomes,
    plain: Plain,
) -> None:
    """The same value comes out whole, in small pieces, and a second time, when it is known."""
    raw = make_reply(wire)
    assert plain(outcomes(as_is, [raw])) == (value,)
    step = 1 if len(raw) < 1000 else 997
    pieces = [raw[i : i + step] for i in range(0, len(raw), step)]
    assert plain(outcomes(as_is, pieces)) == (value,)
    assert plain(outcomes(as_is, [raw, raw[:-1], raw[-1:]], calls=2)) == (value, value)


@pytest.mark.parametrize(
    ("name", "wire", "at", "words"), MALFORMED, ids=[case[0] for case in MALFORMED]
)
def test_refuses(
    name: str,
    wire: bytes,
    at: int,
    words: str,
    make_reply: Reply,
    as_is: Call[Any],
    outcomes: Outcomes,
) -> None:
    """What the grammar does not allow is an error that says what, and where in the reply."""
    raw = make_reply(wire)
    for pieces in ([raw], [raw[i : i + 1] for i in range(len(raw))]):
        with pytest.raises(RemoteProtocolError) as caught:
            outcomes(as_is, pieces)
        assert words in str(caught.value)
        if "no call is waiting" not in words:
            assert caught.value.offset == OBJECT + at


def test_a_class_is_read_with_its_ancestors(
    make_reply: Reply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """Fields come from the top class down; one of a name already taken is qualified."""
    base = klass("Base", field("I", "n"), flags=2)
    wire = b"\x73" + klass("C", field("I", "n"), above=base) + b"\x00\x00\x00\x01\x00\x00\x00\x02"
    [value] = outcomes(as_is, [make_reply(wire)])
    assert value.class_name == "C"
    assert value.superclasses == ("Base",)
    assert value.fields == {"n": 1, "C.n": 2}


def test_annotations_are_kept(make_reply: Reply, as_is: Call[Any], outcomes: Outcomes) -> None:
    """What a class wrote beside its fields stays: blocks as bytes, objects as values."""
    wire = b"\x73" + klass("C", flags=3) + b"\x77\x02ab" + string("x") + b"\x77\x00\x70\x78"
    [value] = outcomes(as_is, [make_reply(wire)])
    assert value.annotations == {"C": (b"ab", "x", b"", None)}


THROWABLE = klass("java.io.Bad", above=klass("java.lang.Throwable", OBJECT_FIELD))


def test_a_server_that_fails_while_it_writes(
    make_reply: Reply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """TC_EXCEPTION in the middle makes the reply what was thrown, in a stream of its own."""
    thrown = b"\x7b\x73" + THROWABLE + NULL
    wire = b"\x75" + klass("[LC;") + b"\x00\x00\x00\x02" + string("a") + thrown
    [outcome] = outcomes(as_is, [make_reply(wire)])
    assert isinstance(outcome, RemoteException)
    assert outcome.java_class == "java.io.Bad"


def test_what_is_thrown_must_be_throwable(
    make_reply: Reply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """An exceptional reply with anything else is no reply."""
    with pytest.raises(RemoteProtocolError, match="without an exception"):
        outcomes(as_is, [make_reply(string("a"), 2)])
    with pytest.raises(RemoteProtocolError, match="without an exception"):
        outcomes(as_is, [make_reply(b"\x7b" + string("a"))])


def test_causes_are_followed_but_not_in_circles(
    make_reply: Reply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """Two exceptions that cause each other make a chain with an end."""
    cause = field("L", "cause", string("Ljava/lang/Throwable;"))
    throwable = klass("java.lang.Throwable", cause)
    wire = b"\x73" + throwable + b"\x73" + ref(0) + ref(2)
    [outcome] = outcomes(as_is, [make_reply(wire, 2)])
    length = 0
    while outcome is not None:
        outcome, length = outcome.cause, length + 1
    assert 2 < length < 20


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"\x52", "expected a reply"),
        (b"HTTP/1.1 400 Bad Request", "HTTP server"),
        (b"\x15\x03\x03\x00\x02", "TLS server"),
        (b"\x51\xac\xed\x00\x05\x77\x10" + bytes(16), "without a primitive"),
        (b"\x51\xac\xed\x00\x04\x77\x0f" + bytes(16), "without a primitive"),
        (b"\x51\xac\xed\x00\x05\x77\x0f\x03" + bytes(14), "unknown kind 0x03"),
    ],
)
def test_the_frame_of_a_reply(
    wire: bytes, words: str, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """Only a Return with the stream's header and 15 bytes of block data begins a reply."""
    with pytest.raises(RemoteProtocolError, match=words):
        outcomes(as_is, [wire])
