"""Broken replies: "decodes, or RemoteProtocolError; nothing else, and never unbounded memory".

Captured replies are cut, spliced and flipped, then fed whole and in pieces, to a connection that
has seen other replies before (`fuzz`). JMXBRIDGE_FUZZ_SECONDS in the environment, which `make test`
sets to 60, goes on for as long, from a seed that is printed.
"""

import os
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.protocol import Protocol
from tests.jmx.fuzz import (
    ACK,
    CALL,
    LIMITS,
    captured,
    connected,
    corpus,
    fuzz,
    fuzz_templates,
    read,
    way,
)

ROUNDS = 1200
TEMPLATE_ROUNDS = 600
# LIMITS allow about 2 MB of objects; the rest is what a few hundred known classes take.
MAX_BYTES = 16 << 20
SECONDS = float(os.environ.get("JMXBRIDGE_FUZZ_SECONDS", "0"))
SLICE = 300  # rounds between two looks at the clock


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Trace allocations; what is yielded tells the most bytes there were at once."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("seed", range(3))
def test_broken_replies(seed: int) -> None:
    """Mutated replies decode or are refused; nothing else is raised, and memory stays small."""
    with traced() as peak:
        ends = fuzz(seed, ROUNDS)
        assert peak() < MAX_BYTES
    assert sum(ends.values()) == ROUNDS
    assert all(ends.values()), "mutations too weak or too strong to say anything"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_templates_read_what_the_decoder_reads(seed: int) -> None:
    """A mutated reply that a template takes means what the decoder says it means."""
    hits = fuzz_templates(seed, TEMPLATE_ROUNDS)
    assert 0 < hits < TEMPLATE_ROUNDS


@pytest.mark.slow
@pytest.mark.skipif(not SECONDS, reason="JMXBRIDGE_FUZZ_SECONDS says for how long")
def test_for_as_long_as_it_was_told() -> None:
    """The same, from a seed of the day; a failure is met again by that seed and count."""
    first = int(os.environ.get("JMXBRIDGE_SEED", random.randrange(1 << 31)))  # noqa: S311
    ends_s, done = time.monotonic() + SECONDS, 0
    while not done or time.monotonic() < ends_s:
        seed = first + done
        print(f"JMXBRIDGE_SEED={seed}")
        with traced() as peak:
            assert sum(fuzz(seed, SLICE).values()) == SLICE
            fuzz_templates(seed, SLICE)
            assert peak() < MAX_BYTES
        done += 1


def test_the_corpus_is_read_the_same_in_pieces() -> None:
    """Each reply that was kept ends in a way of its own, whole and byte by byte alike."""
    ways = [way(raw) for raw in corpus()]
    assert len(set(ways)) == len(ways) > 20
    for raw in corpus():
        ends = {read(connected(), raw, partial(int, size)) for size in (len(raw), 1, 7)}
        assert len(ends) == 1


@given(data=st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Whatever comes instead of a reply's object is decoded, refused, or waited for."""
    protocol = Protocol(limits=LIMITS)
    protocol.receive_data(ACK)
    assert protocol.next_reply() is None
    protocol.call(CALL)
    protocol.data_to_send()
    protocol.receive_data(b"\x51\xac\xed\x00\x05\x77\x0f\x01" + bytes(14) + data)
    try:
        protocol.next_reply()
    except RemoteProtocolError as exc:
        assert exc is protocol.error  # noqa: PT017 - either way is right


@given(data=st.data())
def test_a_cut_reply_waits(data: st.DataObject) -> None:
    """The beginning of a reply is never taken for all of it."""
    raw = data.draw(st.sampled_from([raw for raw in captured() if len(raw) > 22]))
    cut = data.draw(st.integers(0, len(raw) - 1))
    protocol = Protocol()
    protocol.receive_data(ACK)
    assert protocol.next_reply() is None
    protocol.call(CALL)
    protocol.data_to_send()
    protocol.receive_data(raw[:cut])
    assert protocol.next_reply() is None or protocol.lost_sync
