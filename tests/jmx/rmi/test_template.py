"""Templates against the decoder: whatever a template reads, the decoder reads the same."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jmxbridge.jmx.errors import RemoteException, RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import template_pool
from jmxbridge.jmx.rmi.calls import AttributeCalls, Call
from jmxbridge.jmx.rmi.jrmp import read_return
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.rmi.template import StructTemplate
from jmxbridge.jmx.rmi.template_builder import build_template
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.reader import Limits, ReplyReader
from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS

WIRE = Path(__file__).parents[1] / "wire"
# The captured answers with attributes.
PLAIN = ("numbers", "texts", "arrays", "collections", "objects", "open", "faulty")
NAME = ObjectName.parse("odd:type=Any")


Decode = Callable[[bytes], Any]
Greeted = Callable[..., Protocol]


def made(raw: bytes) -> StructTemplate:
    """Learn from a reply, after it was decoded."""
    classes = KnownClasses(UNWRAPS, BOXES)
    reader = ReplyReader(classes, Limits())
    reader.feed(raw)
    reader.begin()
    with pytest.raises(StopIteration) as done:
        next(read_return(reader, is_void=False))
    return build_template(raw, done.value.value, classes)


TEMPLATES = {name: made((WIRE / f"{name}.bin").read_bytes()) for name in PLAIN}
MANY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def decode(
    as_is: Call[Any], outcomes: Callable[..., list[Any]], plain: Callable[[Any], Any]
) -> Decode:
    """What the decoder makes of a reply, in a form that compares; None where it refuses it."""

    def read(raw: bytes) -> Any:
        try:
            (outcome,) = outcomes(as_is, [raw])
        except (RemoteProtocolError, ValueError):
            return None
        return plain(outcome)

    return read


@pytest.fixture
def attribute_call(connection_ref: RemoteRef) -> Callable[[], Call[Any]]:
    """Make calls for the same attribute, which share what is learned."""
    calls = AttributeCalls(connection_ref)
    return lambda: calls.call(NAME, ["Fine"])


@pytest.mark.parametrize("name", PLAIN)
def test_it_reads_what_it_was_learned_from(
    name: str, decode: Decode, plain: Callable[[Any], Any]
) -> None:
    """Also where more follows; never where a byte is missing."""
    raw, template = (WIRE / f"{name}.bin").read_bytes(), TEMPLATES[name]
    assert plain(template.read(raw, 0)) == decode(raw)
    assert plain(template.read(b"##" + raw + b"##", 2)) == decode(raw)
    assert template.size == len(raw)
    assert template.read(raw[:-1], 0) is None


@given(data=st.data(), name=st.sampled_from(PLAIN))
@MANY
def test_changed_replies(
    data: st.DataObject, name: str, decode: Decode, plain: Callable[[Any], Any]
) -> None:
    """Bytes changed anywhere: the template reads what the decoder reads, or nothing."""
    raw = bytearray((WIRE / f"{name}.bin").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        new = data.draw(st.binary(min_size=1, max_size=8))
        raw[at : at + len(new)] = new[: len(raw) - at]
    read = TEMPLATES[name].read(bytes(raw), 0)
    if read is not None:
        assert plain(read) == decode(bytes(raw))


@given(data=st.data(), name=st.sampled_from(PLAIN))
@MANY
def test_changed_values(
    data: st.DataObject, name: str, decode: Decode, plain: Callable[[Any], Any]
) -> None:
    """Any other numbers and texts in the slots are read, as the decoder reads them."""
    raw, template = (WIRE / f"{name}.bin").read_bytes(), TEMPLATES[name]
    layout = struct.Struct(str(template.key[0]))
    found = list(layout.unpack(raw))
    for index in range(1, len(found), 2):
        size = len(found[index]) if isinstance(found[index], bytes) else None
        if size is not None:
            found[index] = data.draw(
                st.text(
                    st.characters(max_codepoint=127, min_codepoint=1), min_size=size, max_size=size
                )
            ).encode()
        elif isinstance(found[index], float):
            found[index] = data.draw(st.floats(width=32))
        elif not isinstance(found[index], bool):
            found[index] = data.draw(st.integers(-128, 127))
        else:
            found[index] = data.draw(st.booleans())
    changed = layout.pack(*found)
    read = template.read(changed, 0)
    assert read is not None
    assert plain(read) == decode(changed)


# Inside a connection.


def taken(protocol: Protocol) -> Iterator[Any]:
    """Yield the outcomes of replies that are there, read in the way of a connection."""
    while True:
        if outcomes := protocol.next_by_template():
            yield from outcomes
        elif reply := protocol.next_reply():
            yield reply.outcome
        else:
            return


@pytest.fixture
def poll(greeted: Greeted, attribute_call: Callable[[], Call[Any]]) -> Callable[..., Any]:
    """Feed answers to calls for one attribute, in pieces; return outcomes, hits and misses."""

    def feed(replies: list[bytes], piece: int = 1 << 20) -> tuple[list[Any], int, int]:
        protocol = greeted()
        for _ in replies:
            protocol.call(attribute_call())
        protocol.data_to_send()
        raw = b"".join(replies)
        found: list[Any] = []
        for at in range(0, len(raw), piece):
            protocol.receive_data(raw[at : at + piece])
            found += taken(protocol)
        traffic = protocol.traffic
        return found, traffic.template_hits, traffic.template_misses

    return feed


def with_other_value(raw: bytes) -> bytes:
    """Return the answer of `faulty`, whose Integer 1 is another."""
    at = raw.rindex(struct.pack(">i", 1))
    return raw[:at] + struct.pack(">i", 77) + raw[at + 4 :]


def test_the_second_answer_needs_no_decoding(
    poll: Callable[..., Any], captured: Callable[[str], bytes], plain: Callable[[Any], Any]
) -> None:
    """One miss a shape; another value is a hit, an exception a miss, and after it a hit again."""
    faulty, open_types = captured("faulty"), captured("open")
    outcomes, hits, misses = poll(
        [faulty, with_other_value(faulty), open_types, captured("missing"), open_types, faulty]
    )
    assert outcomes[:2] == [{"Fine": 1}, {"Fine": 77}]
    assert isinstance(outcomes[3], RemoteException)
    assert plain(outcomes[4]) == plain(outcomes[2])
    assert outcomes[5] == {"Fine": 1}
    assert (hits, misses) == (3, 3)


@pytest.mark.parametrize("piece", [1, 7, 100, 1000])
def test_answers_in_pieces_are_the_same(
    piece: int,
    poll: Callable[..., Any],
    captured: Callable[[str], bytes],
    plain: Callable[[Any], Any],
) -> None:
    """Where a reply is not there in full the decoder waits for the rest of it."""
    replies = [captured("faulty"), captured("open")] * 3
    outcomes, hits, misses = poll(replies, piece)
    assert plain(outcomes) == plain(poll(replies)[0])
    assert hits + misses == len(replies)


def test_shapes_are_bounded(
    poll: Callable[..., Any], captured: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer whose answers are never alike costs no memory, and in the end no lessons."""
    lessons = []

    def lesson(raw: bytes, *args: Any) -> StructTemplate:
        lessons.append(raw)
        return build_template(raw, *args)

    monkeypatch.setattr(template_pool, "FREE_LESSONS", 4)
    monkeypatch.setattr(template_pool, "build_template", lesson)
    faulty = captured("faulty")
    assert faulty.count(b"Fine") == 1
    odd = [faulty.replace(b"Fine", b"F%03d" % number) for number in range(300)]
    outcomes, hits, misses = poll(odd * 2)
    assert outcomes == [{f"F{number:03d}": 1} for number in range(300)] * 2
    assert hits + misses == 600
    assert hits < len(lessons)
    assert len(lessons) == 4 + 7  # 8, 16, ... 512


def test_learning_stops_where_it_takes_too_much_room(
    poll: Callable[..., Any], captured: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not learned is decoded."""
    faulty = captured("faulty")
    monkeypatch.setattr(template_pool, "MAX_LEARNED_BYTES", len(faulty) - 1)
    outcomes, hits, misses = poll([faulty] * 3)
    assert outcomes == [{"Fine": 1}] * 3
    assert (hits, misses) == (0, 3)
