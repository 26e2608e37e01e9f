"""Slots and constants of the templates that are built of replies."""

import pytest

from jmxbridge.jmx.rmi.template_builder import build_template
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS
from jmxbridge.jmx.values import Value
from tests.jmx.java_bytes import NULL, array, class_desc, field, ref, string
from tests.jmx.rmi.templates import raw_reply, template_of
from tests.jmx.scripted import MakeReply

INTEGER = class_desc(
    "java.lang.Integer", field("I", "value"), superclass=class_desc("java.lang.Number")
)
HASH_MAP = class_desc("java.util.HashMap", flags=3)


def map_of(*objects: bytes) -> bytes:
    """Return a HashMap of these keys and values, in turn; the first key has handle 2."""
    return b"\x73" + HASH_MAP + b"".join(objects) + b"\x78"


def number(value: int, desc: bytes = INTEGER) -> bytes:
    """Return an Integer."""
    return b"\x73" + desc + value.to_bytes(4, "big")


def read_changed(raw: bytes, old: bytes, new: bytes) -> dict[str, Value] | None:
    """Build a template of a reply, and read the reply with the first `old` replaced."""
    assert len(old) == len(new)
    assert old in raw
    return template_of(raw).read(raw.replace(old, new, 1), 0)


def test_a_value_is_a_slot(make_reply: MakeReply) -> None:
    """Numbers and strings are."""
    raw = make_reply(map_of(string("a"), number(0x41424344), string("b"), string("text")))
    assert read_changed(raw, b"ABCD", b"\x00\x00\x00\x07") == {"a": 7, "b": "text"}
    assert read_changed(raw, b"text", b"TEXT") == {"a": 0x41424344, "b": "TEXT"}


def test_a_name_is_constant(make_reply: MakeReply) -> None:
    """The key of an attribute is, and so is the key of a composite value."""
    raw = make_reply(map_of(string("name"), map_of(string("inner"), number(1))))
    assert read_changed(raw, b"name", b"NAME") is None
    assert read_changed(raw, b"inner", b"INNER") is None


def test_a_value_that_is_a_name_too_is_constant(make_reply: MakeReply) -> None:
    """The reply refers to the key again as a value."""
    raw = make_reply(map_of(string("name"), ref(2)))
    assert read_changed(raw, b"name", b"NAME") is None


def test_a_value_that_the_reply_refers_to_again_is_one_slot(make_reply: MakeReply) -> None:
    """Both attributes change with it."""
    raw = make_reply(map_of(string("a"), string("text"), string("b"), ref(3)))
    assert read_changed(raw, b"text", b"TEXT") == {"a": "TEXT", "b": "TEXT"}


def test_a_tuple_that_the_reply_refers_to_again_is_walked_once(make_reply: MakeReply) -> None:
    """Its items are slots, and both attributes change with them."""
    items = array("[Ljava.lang.Object;", 2, string("text") + NULL)
    raw = make_reply(map_of(string("a"), items, string("b"), ref(4)))
    attributes = read_changed(raw, b"text", b"TEXT")
    assert attributes == {"a": ("TEXT", None), "b": ("TEXT", None)}


def test_a_value_that_another_is_made_of_is_constant(make_reply: MakeReply) -> None:
    """An ObjectName is made of a string, which is an attribute of its own here."""
    name = b"\x73" + class_desc("javax.management.ObjectName", flags=3) + ref(3) + b"\x78"
    raw = make_reply(map_of(string("a"), string("d:a=b"), string("b"), name))
    assert read_changed(raw, b"d:a=b", b"d:a=c") is None


def test_a_value_that_is_not_returned_is_constant(make_reply: MakeReply) -> None:
    """The fields of an object of an unknown class are."""
    holder = b"\x73" + class_desc("odd.Holder", field("I", "n")) + b"ABCD"
    raw = make_reply(map_of(string("a"), holder))
    assert read_changed(raw, b"ABCD", b"ABCE") is None


def test_an_incomplete_reply_is_rejected() -> None:
    """A template is built of complete replies only."""
    with pytest.raises(ValueError, match="not a complete reply"):
        build_template(raw_reply("faulty")[:-1], {}, KnownClasses(UNWRAPS, BOXES))


def test_a_name_that_is_not_tracked_is_constant(make_reply: MakeReply) -> None:
    """A long string is read without tracking."""
    name = b"\x7c" + (4).to_bytes(8, "big") + b"name"
    raw = make_reply(map_of(name, number(0x41424344)))
    assert read_changed(raw, b"ABCD", b"\x00\x00\x00\x07") == {"name": 7}
    assert read_changed(raw, b"name", b"NAME") is None
