"""Values that name their parts again and again: few bytes, more parts than can be walked through.

A reference takes five bytes. Arrays of two references each to the one before double with each of
them, and arrays of one nest deeper with each: neither may cost more than its bytes.
"""

import struct
from collections.abc import Callable

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi.calls import AttributeCalls
from jmxbridge.jmx.rmi.protocol import Protocol, Traffic
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.values import Value

NULL = b"\x70"
ARRAY_CLASS, FIRST_ARRAY = 8, 10  # handles: of `Object[]`, and of the first array in the outer one


def text(characters: str) -> bytes:
    return struct.pack(">H", len(characters)) + characters.encode()


def ref(handle: int) -> bytes:
    return b"\x71" + struct.pack(">I", 0x7E0000 + handle)


def klass(name: str, flags: int, *fields: bytes, above: bytes = NULL) -> bytes:
    head = b"\x72" + text(name) + bytes(8) + bytes((flags, 0, len(fields)))
    return head + b"".join(fields) + b"\x70\x78" + above


def a_field(name: str, type_name: str) -> bytes:
    return b"L" + text(name) + b"\x74" + text(type_name)


def attribute_list(count: int) -> bytes:
    """An AttributeList of so many, as far as the value of the first, which is `Fine`."""
    size = struct.pack(">i", count)
    array_list = klass("java.util.ArrayList", 3, b"I" + text("size"))
    attributes = b"\x73" + klass("javax.management.AttributeList", 2, above=array_list) + size
    fields = a_field("name", "Ljava/lang/String;"), a_field("value", "Ljava/lang/Object;")
    first = b"\x73" + klass("javax.management.Attribute", 2, *fields) + b"\x74" + text("Fine")
    return attributes + b"\x77\x04" + size + first


def answer(count: int, references: int) -> bytes:
    """An AttributeList of `Fine`: an array of arrays, each of references to the one before it."""
    size = struct.pack(">i", 1)
    outer = b"\x75" + klass("[Ljava.lang.Object;", 2) + struct.pack(">i", count)
    assert references > 0
    inner = b"\x75" + ref(ARRAY_CLASS) + size + NULL
    for before in range(count - 1):
        inner += b"\x75" + ref(ARRAY_CLASS) + struct.pack(">i", references)
        inner += ref(FIRST_ARRAY + before) * references
    return attribute_list(1) + outer + inner + b"\x78"


@pytest.fixture
def poll(
    greeted: Callable[..., Protocol],
    connection_ref: RemoteRef,
    make_reply: Callable[[bytes], bytes],
) -> Callable[..., tuple[list[dict[str, Value]], Traffic]]:
    """Ask and be answered so, three times if it is one answer; return what came, and how read."""
    call = AttributeCalls(connection_ref).call(ObjectName.parse("odd:type=Any"), ["Fine"])

    def ask(*contents: bytes) -> tuple[list[dict[str, Value]], Traffic]:
        protocol, found = greeted(), []
        for content in contents if len(contents) > 1 else contents * 3:
            protocol.call(call)
            protocol.data_to_send()
            protocol.receive_data(make_reply(content))
            found += protocol.next_by_template() or [
                getattr(protocol.next_reply(), "outcome", None)
            ]
        return found, protocol.traffic

    return ask


Poll = Callable[..., tuple[list[dict[str, Value]], Traffic]]


@pytest.mark.parametrize(
    ("count", "references", "hits"),
    [(5, 3, 2), (15, 2, 0), (90, 1, 0)],
    ids=["few", "more parts than bytes", "deep"],
)
def test_parts_that_are_named_again(count: int, references: int, hits: int, poll: Poll) -> None:
    """They are read, at every poll alike; nothing is learned of more parts than there are bytes."""
    found, traffic = poll(answer(count, references))
    for answered in found:
        arrays = answered["Fine"]
        assert isinstance(arrays, tuple)
        assert len(arrays) == count
        assert arrays[0] == (None,)
        assert arrays[-1] == (arrays[-2],) * references
    assert (traffic.template_hits, traffic.template_misses) == (hits, 3 - hits)


@pytest.mark.parametrize(("count", "references"), [(60, 2), (1000, 1)])
def test_nobody_could_walk_through_them(count: int, references: int, poll: Poll) -> None:
    """A thousand bytes that are 2^60 parts, and a chain longer than any recursion: refused."""
    with pytest.raises(RemoteProtocolError, match=r"1048576 parts, or nested more than 100"):
        poll(answer(count, references))


FINE, TEXT = 10, 8  # handles: of the boxed number that is `Fine`, and of a string in its place


def two(fine: bytes, other: bytes) -> bytes:
    """An AttributeList of `Fine`, and of another attribute after it."""
    second = b"\x73" + ref(3) + b"\x74" + text("Other")
    return attribute_list(2) + fine + second + other + b"\x78"


def holder(number: int) -> bytes:
    """An Integer, and an object of some class that has it in a field."""
    above = klass("java.lang.Number", 2)
    boxed = b"\x73" + klass("java.lang.Integer", 2, b"I" + text("value"), above=above)
    other = b"\x73" + klass("odd.Holder", 2, a_field("held", "Ljava/lang/Object;")) + ref(FINE)
    return two(boxed + struct.pack(">i", number), other)


def named(name: str) -> bytes:
    """A String, and the ObjectName that is made of it."""
    other = b"\x73" + klass("javax.management.ObjectName", 3) + ref(TEXT) + b"\x78"
    return two(b"\x74" + text(name), other)


def test_a_value_that_another_one_is_made_of(poll: Poll) -> None:
    """The other one never keeps what it was: neither an object's field nor a name."""
    found, _ = poll(holder(5), holder(6), holder(7))
    fields = [(each["Fine"], getattr(each["Other"], "fields", None)) for each in found]
    assert fields == [(5, {"held": 5}), (6, {"held": 6}), (7, {"held": 7})]
    found, _ = poll(named("odd:type=A"), named("odd:type=B"))
    assert [(each["Fine"], str(each["Other"])) for each in found] == [
        ("odd:type=A", "odd:type=A"),
        ("odd:type=B", "odd:type=B"),
    ]
