"""Values that refer to their parts again and again: few bytes, many parts.

A reference takes five bytes. Each array of two references to the one before it doubles the parts;
each array of one reference nests one deeper. Neither may cost more than its bytes.
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
from tests.jmx.java_bytes import NULL, class_desc, field, ref, string
from tests.jmx.scripted import MakeReply, take_outcomes

ARRAY_CLASS, FIRST_ARRAY = 8, 10  # handles: of `Object[]`, and of the first array in the outer one
FINE, TEXT = 10, 8  # handles: of the boxed number that is `Fine`, and of a string in its place

Poll = Callable[..., tuple[list[dict[str, Value]], Traffic]]


def object_field(name: str, class_name: str) -> bytes:
    """Return a field that holds an object."""
    return field("L", name, string(class_name))


def attribute_list(count: int) -> bytes:
    """Return the start of an AttributeList, up to the value of the first attribute, `Fine`."""
    size = struct.pack(">i", count)
    array_list = class_desc("java.util.ArrayList", field("I", "size"), flags=3)
    attributes = (
        b"\x73" + class_desc("javax.management.AttributeList", superclass=array_list) + size
    )
    fields = (
        object_field("name", "Ljava/lang/String;"),
        object_field("value", "Ljava/lang/Object;"),
    )
    first = b"\x73" + class_desc("javax.management.Attribute", *fields) + string("Fine")
    return attributes + b"\x77\x04" + size + first


def arrays(count: int, references: int) -> bytes:
    """Return an AttributeList of `Fine`: arrays, each of references to the one before it."""
    size = struct.pack(">i", 1)
    outer = b"\x75" + class_desc("[Ljava.lang.Object;") + struct.pack(">i", count)
    assert references > 0
    inner = b"\x75" + ref(ARRAY_CLASS) + size + NULL
    for before in range(count - 1):
        inner += b"\x75" + ref(ARRAY_CLASS) + struct.pack(">i", references)
        inner += ref(FIRST_ARRAY + before) * references
    return attribute_list(1) + outer + inner + b"\x78"


@pytest.fixture
def poll(
    greeted: Callable[..., Protocol], connection_ref: RemoteRef, make_reply: MakeReply
) -> Poll:
    """Return a function that makes a call per reply; it returns outcomes and counters."""
    call = AttributeCalls(connection_ref).call(ObjectName.parse("odd:type=Any"), ["Fine"])

    def poll_each(*contents: bytes) -> tuple[list[dict[str, Value]], Traffic]:
        protocol, outcomes = greeted(), []
        for content in contents:
            protocol.call(call)
            protocol.data_to_send()
            protocol.receive_data(make_reply(content))
            outcomes += take_outcomes(protocol)
        return outcomes, protocol.traffic

    return poll_each


@pytest.mark.parametrize(
    ("count", "references", "hits"),
    [(5, 3, 2), (15, 2, 0), (90, 1, 0)],
    ids=["few", "more parts than bytes", "deep"],
)
def test_shared_parts_are_decoded(count: int, references: int, hits: int, poll: Poll) -> None:
    """No template is built if there are more parts than bytes, or they nest too deep."""
    outcomes, traffic = poll(*[arrays(count, references)] * 3)
    for attributes in outcomes:
        value = attributes["Fine"]
        assert isinstance(value, tuple)
        assert len(value) == count
        assert value[0] == (None,)
        assert value[-1] == (value[-2],) * references
    assert (traffic.template_hits, traffic.template_misses) == (hits, 3 - hits)


@pytest.mark.parametrize(("count", "references"), [(60, 2), (1000, 1)])
def test_too_many_parts_are_rejected(count: int, references: int, poll: Poll) -> None:
    """A thousand bytes that are 2^60 parts, and a chain deeper than any recursion."""
    with pytest.raises(RemoteProtocolError, match=r"1048576 parts, or nested more than 100"):
        poll(arrays(count, references))


def two_attributes(fine: bytes, other: bytes) -> bytes:
    """Return an AttributeList of `Fine` and `Other`."""
    second = b"\x73" + ref(3) + string("Other")
    return attribute_list(2) + fine + second + other + b"\x78"


def number_and_holder(number: int) -> bytes:
    """Return an Integer, and an object of some class that refers to it in a field."""
    fields = field("I", "value")
    boxed = b"\x73" + class_desc(
        "java.lang.Integer", fields, superclass=class_desc("java.lang.Number")
    )
    held = object_field("held", "Ljava/lang/Object;")
    other = b"\x73" + class_desc("odd.Holder", held) + ref(FINE)
    return two_attributes(boxed + struct.pack(">i", number), other)


def text_and_name(name: str) -> bytes:
    """Return a String, and the ObjectName that is made of it."""
    other = b"\x73" + class_desc("javax.management.ObjectName", flags=3) + ref(TEXT) + b"\x78"
    return two_attributes(string(name), other)


def test_a_value_that_another_is_made_of_is_read_again(poll: Poll) -> None:
    """The other value never keeps its old part: neither an object's field nor a name."""
    outcomes, _ = poll(*map(number_and_holder, (5, 6, 7)))
    values = [
        (attributes["Fine"], getattr(attributes["Other"], "fields", None))
        for attributes in outcomes
    ]
    assert values == [(5, {"held": 5}), (6, {"held": 6}), (7, {"held": 7})]
    outcomes, _ = poll(*map(text_and_name, ("odd:type=A", "odd:type=B")))
    assert [(attributes["Fine"], str(attributes["Other"])) for attributes in outcomes] == [
        ("odd:type=A", "odd:type=A"),
        ("odd:type=B", "odd:type=B"),
    ]
