"""Fuzzing: a reply decodes or is a RemoteProtocolError; nothing else, never unbounded memory.

Captured replies are cut, spliced and flipped (`tests.jmx.fuzz`) and fed whole and in pieces to a
connection that has seen other replies before. If JMXBRIDGE_FUZZ_SECONDS is set, as `make test` sets
it to 60, fuzzing goes on for that long, from a seed that is printed.
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
    CALL,
    LIMITS,
    captured,
    connected,
    corpus,
    ending,
    fuzz,
    fuzz_templates,
    read,
)
from tests.jmx.scripted import ACK

# LIMITS allow about 2 MB of objects; a few hundred known classes take the rest.
MAX_BYTES = 16 << 20
SECONDS = float(os.environ.get("JMXBRIDGE_FUZZ_SECONDS", "0"))
SLICE = 300  # rounds between two looks at the clock


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Trace allocations; yields a function that returns the peak in bytes."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# The same seeds as ever: many rounds take seconds, a few find what is grossly wrong.
@pytest.mark.parametrize(
    ("seed", "rounds"),
    [(0, 300), *(pytest.param(seed, 1200, marks=pytest.mark.slow) for seed in range(3))],
)
def test_mutated_replies_are_decoded_or_rejected(seed: int, rounds: int) -> None:
    """No other exception is raised, and memory stays small."""
    with traced() as peak:
        endings = fuzz(seed, rounds)
        assert peak() < MAX_BYTES
    assert sum(endings.values()) == rounds
    assert all(endings.values()), "mutations too weak or too strong to say anything"


@pytest.mark.parametrize(
    ("seed", "rounds"),
    [(0, 60), *(pytest.param(seed, 600, marks=pytest.mark.slow) for seed in range(3))],
)
def test_templates_read_mutated_replies_like_the_decoder(seed: int, rounds: int) -> None:
    """A mutated reply that a template reads has the outcome of decoding it."""
    hits = fuzz_templates(seed, rounds)
    assert 0 < hits < rounds


@pytest.mark.slow
@pytest.mark.skipif(not SECONDS, reason="set JMXBRIDGE_FUZZ_SECONDS to fuzz for that long")
def test_fuzz_for_a_given_time() -> None:
    """Both of the above, from a random seed; a failure is reproduced with the printed seed."""
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
    """Each reply of the corpus has an ending of its own, the same whole and in pieces."""
    endings = [ending(raw) for raw in corpus()]
    assert len(set(endings)) == len(endings) > 20
    for raw in corpus():
        results = {read(connected(), raw, partial(int, size)) for size in (len(raw), 1, 7)}
        assert len(results) == 1


@given(data=st.binary(max_size=200))
def test_any_bytes_are_decoded_or_rejected(data: bytes) -> None:
    """Bytes in place of an object are decoded, rejected, or the start of a longer object."""
    protocol = Protocol(limits=LIMITS)
    protocol.receive_data(ACK)
    assert protocol.next_reply() is None
    protocol.call(CALL)
    protocol.data_to_send()
    protocol.receive_data(b"\x51\xac\xed\x00\x05\x77\x0f\x01" + bytes(14) + data)
    try:
        protocol.next_reply()
    except RemoteProtocolError as exc:
        assert exc is protocol.error  # noqa: PT017 - both endings are right


@given(data=st.data())
def test_the_start_of_a_reply_is_not_a_reply(data: st.DataObject) -> None:
    """A reply that is cut waits for more, unless its end cannot be found."""
    raw = data.draw(st.sampled_from([raw for raw in captured() if len(raw) > 22]))
    cut = data.draw(st.integers(0, len(raw) - 1))
    protocol = Protocol()
    protocol.receive_data(ACK)
    assert protocol.next_reply() is None
    protocol.call(CALL)
    protocol.data_to_send()
    protocol.receive_data(raw[:cut])
    assert protocol.next_reply() is None or protocol.lost_sync
