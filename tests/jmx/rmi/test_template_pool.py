"""Templates of a connection: shared by calls, learned from misses, bounded."""

import struct
from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import template_pool
from jmxbridge.jmx.rmi.calls import AttributeCalls, Call
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.rmi.template import StructTemplate
from jmxbridge.jmx.rmi.template_builder import build_template
from jmxbridge.jmx.rmi.template_pool import AttributeTemplate, TemplatePool
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS
from tests.jmx.rmi.templates import raw_reply
from tests.jmx.scripted import Captured, take_outcomes

Greeted = Callable[..., Protocol]
Plain = Callable[[Any], Any]
Poll = Callable[..., tuple[list[Any], int, int]]

NAME = ObjectName.parse("odd:type=Any")


@pytest.fixture
def attribute_call(connection_ref: RemoteRef) -> Callable[[], Call[Any]]:
    """Return a function that makes calls for one attribute, which share their templates."""
    calls = AttributeCalls(connection_ref)
    return lambda: calls.call(NAME, ["Fine"])


@pytest.fixture
def poll(greeted: Greeted, attribute_call: Callable[[], Call[Any]]) -> Poll:
    """Return a function that feeds replies in pieces; it returns outcomes, hits and misses."""

    def feed(replies: list[bytes], piece: int = 1 << 20) -> tuple[list[Any], int, int]:
        protocol = greeted()
        for _ in replies:
            protocol.call(attribute_call())
        protocol.data_to_send()
        raw = b"".join(replies)
        outcomes: list[Any] = []
        for start in range(0, len(raw), piece):
            protocol.receive_data(raw[start : start + piece])
            outcomes += take_outcomes(protocol)
        traffic = protocol.traffic
        return outcomes, traffic.template_hits, traffic.template_misses

    return feed


def with_another_value(raw: bytes) -> bytes:
    """Return the reply `faulty` with 77 in place of its Integer 1."""
    start = raw.rindex(struct.pack(">i", 1))
    return raw[:start] + struct.pack(">i", 77) + raw[start + 4 :]


def test_the_second_reply_of_a_shape_is_a_hit(poll: Poll, captured: Captured, plain: Plain) -> None:
    """Another value is a hit, an exception a miss, and the reply after it a hit again."""
    faulty, open_types = captured("faulty"), captured("open")
    outcomes, hits, misses = poll(
        [faulty, with_another_value(faulty), open_types, captured("missing"), open_types, faulty]
    )
    assert outcomes[:2] == [{"Fine": 1}, {"Fine": 77}]
    assert isinstance(outcomes[3], RemoteException)
    assert plain(outcomes[4]) == plain(outcomes[2])
    assert outcomes[5] == {"Fine": 1}
    assert (hits, misses) == (3, 3)


@pytest.mark.parametrize("piece", [1, 7, 100, 1000])
def test_replies_in_pieces_have_the_same_outcomes(
    piece: int,
    poll: Poll,
    captured: Captured,
    plain: Plain,
) -> None:
    """A reply that is not complete is a miss, and the decoder waits for the rest."""
    replies = [captured("faulty"), captured("open")] * 3
    outcomes, hits, misses = poll(replies, piece)
    assert plain(outcomes) == plain(poll(replies)[0])
    assert hits + misses == len(replies)


def test_a_peer_whose_replies_are_never_alike_stops_the_learning(
    poll: Poll, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a peer costs no memory, and lessons become rare: one per doubling of the misses."""
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


def test_learning_stops_at_a_number_of_bytes(
    poll: Poll, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replies that are not learned from are decoded."""
    faulty = captured("faulty")
    monkeypatch.setattr(template_pool, "MAX_LEARNED_BYTES", len(faulty) - 1)
    outcomes, hits, misses = poll([faulty] * 3)
    assert outcomes == [{"Fine": 1}] * 3
    assert (hits, misses) == (0, 3)


def test_calls_for_the_same_attributes_share_their_templates() -> None:
    """A call reads its first reply if another call learned from a reply like it."""
    pool = TemplatePool(KnownClasses(UNWRAPS, BOXES))
    first, second = (AttributeTemplate(pool.group(("Fine",))) for _ in range(2))
    other = AttributeTemplate(pool.group(("Other",)))
    raw = raw_reply("faulty")
    first.learn(raw, {"Fine": 1})
    assert second.read(raw, 0) == {"Fine": 1}
    assert second.size == len(raw)
    assert other.read(raw, 0) is None
    assert other.size == 0


def test_equal_templates_are_kept_once() -> None:
    """Groups of other attributes whose replies are alike get the same template."""
    pool = TemplatePool(KnownClasses(UNWRAPS, BOXES))
    raw = raw_reply("faulty")
    template = pool.template(raw, {"Fine": 1})
    assert template is not None
    assert pool.template(with_another_value(raw), {"Fine": 77}) is template


def test_a_long_reply_is_not_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such replies have large tables and are rare."""
    raw = raw_reply("faulty")
    monkeypatch.setattr(template_pool, "MAX_REPLY_BYTES", len(raw) - 1)
    assert TemplatePool(KnownClasses(UNWRAPS, BOXES)).template(raw, {"Fine": 1}) is None
