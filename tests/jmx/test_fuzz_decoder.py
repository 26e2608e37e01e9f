"""Broken replies: "decodes, or RemoteProtocolError; nothing else, and never unbounded memory".

Captured replies are cut, spliced and flipped, then fed whole and in pieces, to a connection that
has seen other replies before. `python -m tests.jmx.test_fuzz_decoder SEED ROUNDS` goes on for
longer than the tests do.
"""

import random
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.calls import Call
from jmxbridge.jmx.errors import ConnectionFailed, RemoteProtocolError
from jmxbridge.jmx.protocol import Protocol
from jmxbridge.jmx.reader import Limits
from jmxbridge.jmx.values import Value

ROUNDS = 1200
# LIMITS allow about 2 MB of objects; the rest is what a few hundred known classes take.
MAX_BYTES = 16 << 20


WIRE = Path(__file__).parent / "wire"
ACK = b"\x4e\x00\x00\x00\x00\x00\x00"

# Small enough that what a mutated length announces runs into them.
LIMITS = Limits(reply_bytes=1 << 16, handles=2000, elements=20_000, string_bytes=4096, depth=40)
CALL: Call[Value] = Call("fuzz", b"", lambda value: value)

# Bytes that mean something, for mutations that get further than random ones.
TAGS = bytes(range(0x70, 0x7F)) + b"\x00\x01\x02\x03\x0c\x12\x7f\x80\xff"


def captured() -> list[bytes]:
    """All captured replies but the greeting."""
    return [path.read_bytes() for path in sorted(WIRE.glob("*.bin")) if path.stem != "greeting"]


def mutate(raw: bytes, corpus: Sequence[bytes], rng: random.Random) -> bytes:
    """Return `raw` with one to eight things wrong with it, mostly after its frame."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 8)):
        if not data:
            break
        at = rng.randrange(min(22, len(data) - 1) if rng.random() < 0.9 else 0, len(data))
        kind = rng.randrange(6)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at] = rng.choice(TAGS)
        elif kind == 2:
            del data[at : at + rng.randint(1, 40)]
        elif kind == 3:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        elif kind == 4:
            other = rng.choice(corpus)
            start = rng.randrange(len(other))
            data[at:at] = other[start : start + rng.randint(1, 200)]
        else:
            data[at : at + 4] = rng.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x00\x7e\x00\x00"))
    return bytes(data)


def feed(protocol: Protocol, data: bytes, rng: random.Random) -> str:
    """Give `data` to a connection in pieces of random size; return how it ended."""
    protocol.call(CALL)
    protocol.data_to_send()
    whole = rng.random() < 0.5
    at = 0
    try:
        while at < len(data):
            size = len(data) if whole else rng.randint(1, 64)
            protocol.receive_data(data[at : at + size])
            at += size
            if protocol.next_reply() is not None:
                return "decoded"
    except RemoteProtocolError:
        return "refused"
    return "waits"


def fuzz(seed: int, rounds: int) -> dict[str, int]:
    """Feed mutated replies; return how many were decoded, refused, or wait for more."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    corpus = captured()
    ends = {"decoded": 0, "refused": 0, "waits": 0}
    protocol: Protocol | None = None
    for _ in range(rounds):
        if protocol is None:
            protocol = Protocol(limits=LIMITS)
            protocol.receive_data(ACK)
            protocol.next_reply()
        end = feed(protocol, mutate(rng.choice(corpus), corpus, rng), rng)
        ends[end] += 1
        protocol = reusable(protocol, end)
    return ends


def reusable(protocol: Protocol, end: str) -> Protocol | None:
    """Return the connection if it goes on: decoded, and with nothing left over."""
    if end != "decoded" or protocol.lost_track:
        return None
    try:
        protocol.next_reply()
    except (RemoteProtocolError, ConnectionFailed):
        return None
    return protocol


@pytest.mark.parametrize("seed", range(3))
def test_broken_replies(seed: int) -> None:
    """Mutated replies decode or are refused; nothing else is raised, and memory stays small."""
    tracemalloc.start()
    try:
        ends = fuzz(seed, ROUNDS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(ends.values()) == ROUNDS
    assert all(ends.values()), "mutations too weak or too strong to say anything"
    assert peak < MAX_BYTES


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
    assert protocol.next_reply() is None or protocol.lost_track


if __name__ == "__main__":
    sys.stdout.write(f"{fuzz(int(sys.argv[1]), int(sys.argv[2]))}\n")
