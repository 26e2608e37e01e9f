"""Replies made wrong, and what a connection may do with them.

Rule: a reply is decoded, refused with RemoteProtocolError, or waits for more; and where a template
reads it, the decoder reads the same. `corpus/` holds replies that once ended in a way of their own,
one for each: what is mutated starts from them too.

`python -m tests.jmx.fuzz SEED SECONDS` goes on for that long and adds to the corpus what ends in a
way that nothing in it does.
"""

import hashlib
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jmxbridge.jmx.errors import ConnectionFailed, RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi.calls import AttributeCalls, Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.serialization.reader import Limits
from jmxbridge.jmx.values import Value

HERE = Path(__file__).parent
WIRE = HERE / "wire"
CORPUS = HERE / "corpus"
ACK = b"\x4e\x00\x00\x00\x00\x00\x00"
FRAME_BYTES = 22
# A corpus is small: it is read at every run of the tests.
MAX_ENTRY_BYTES = 2048

# Small enough that what a mutated length announces runs into them.
LIMITS = Limits(reply_bytes=1 << 16, handles=2000, elements=20_000, string_bytes=4096, depth=40)
CALL: Call[Value] = Call("fuzz", b"", lambda value: value)

# Bytes that mean something, for mutations that get further than random ones.
TAGS = bytes(range(0x70, 0x7F)) + b"\x00\x01\x02\x03\x0c\x12\x7f\x80\xff"
# The captured answers with attributes, which templates are learned from.
ATTRIBUTES = ("numbers", "texts", "arrays", "collections", "objects", "open", "faulty")


def captured() -> list[bytes]:
    """All captured replies but the greeting."""
    return [path.read_bytes() for path in sorted(WIRE.glob("*.bin")) if path.stem != "greeting"]


def corpus() -> list[bytes]:
    """All replies that were kept."""
    return [path.read_bytes() for path in sorted(CORPUS.glob("*.bin"))]


def mutate(raw: bytes, others: Sequence[bytes], rng: random.Random, most: int = 8) -> bytes:
    """Return `raw` with one to `most` things wrong with it, mostly after its frame."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, most)):
        if not data:
            break
        first = min(FRAME_BYTES, len(data) - 1) if rng.random() < 0.9 else 0
        at = rng.randrange(first, len(data))
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
            other = rng.choice(others)
            start = rng.randrange(len(other))
            data[at:at] = other[start : start + rng.randint(1, 200)]
        else:
            data[at : at + 4] = rng.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x00\x7e\x00\x00"))
    return bytes(data)


def connected() -> Protocol:
    """A connection that has exchanged greetings."""
    protocol = Protocol(limits=LIMITS)
    protocol.receive_data(ACK)
    protocol.next_reply()
    return protocol


def feed(protocol: Protocol, data: bytes, rng: random.Random) -> str:
    """Give `data` to a connection in pieces of random size; return how it ended."""
    whole = rng.random() < 0.5
    return read(protocol, data, lambda: len(data) if whole else rng.randint(1, 64))


def read(protocol: Protocol, data: bytes, piece: Callable[[], int]) -> str:
    """Give `data` to a connection in pieces of the size that `piece` says; return how it ended."""
    protocol.call(CALL)
    protocol.data_to_send()
    at = 0
    try:
        while at < len(data):
            size = piece()
            protocol.receive_data(data[at : at + size])
            at += size
            if protocol.next_reply() is not None:
                return "decoded"
    except RemoteProtocolError:
        return "refused"
    return "waits"


def reusable(protocol: Protocol, end: str) -> Protocol | None:
    """Return the connection if it goes on: decoded, and with nothing left over."""
    if end != "decoded" or protocol.lost_sync:
        return None
    try:
        protocol.next_reply()
    except (RemoteProtocolError, ConnectionFailed):
        return None
    return protocol


def fuzz(seed: int, rounds: int) -> dict[str, int]:
    """Feed mutated replies; return how many were decoded, refused, or wait for more."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    sources = captured() + corpus()
    ends = {"decoded": 0, "refused": 0, "waits": 0}
    protocol: Protocol | None = None
    for _ in range(rounds):
        protocol = protocol or connected()
        end = feed(protocol, mutate(rng.choice(sources), sources, rng), rng)
        ends[end] += 1
        protocol = reusable(protocol, end)
    return ends


def fuzz_templates(seed: int, rounds: int) -> int:
    """Compare templates with the decoder on mutated replies; return how many a template read."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    sources = [(WIRE / f"{name}.bin").read_bytes() for name in ATTRIBUTES]
    hits = 0
    for _ in range(rounds):
        raw = rng.choice(sources)
        changed = mutate_values(raw, rng) if rng.random() < 0.5 else mutate(raw, sources, rng, 2)
        hits += compare(raw, changed)
    return hits


def mutate_values(raw: bytes, rng: random.Random) -> bytes:
    """Change one to four bytes near the end, where most values are."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        data[-rng.randint(1, min(len(data) - FRAME_BYTES, 200))] = rng.randrange(256)
    return bytes(data)


def compare(raw: bytes, changed: bytes) -> bool:
    """Read a reply and then a changed one, by templates and without; tell if a template did.

    Raises AssertionError, with the reply, where the two are not the same.
    """
    by_template, hits = outcomes(raw, changed, alike=True)
    decoded, _ = outcomes(raw, changed, alike=False)
    assert by_template == decoded, f"{changed.hex()}: {by_template} and {decoded}"
    return hits > 0


def outcomes(*replies: bytes, alike: bool) -> tuple[list[str], int]:
    """Return what replies to calls for the same attributes came to, and how many hits there were.

    As text: NaN is not equal to itself.
    """
    nowhere = RemoteRef(Endpoint("127.0.0.1", 1), b"\x07" * FRAME_BYTES, None)
    calls = AttributeCalls(nowhere)
    protocol, found = connected(), list[str]()
    try:
        for raw in replies:
            protocol.call(calls.call(ObjectName.parse("a:type=A"), ["A"]))
            protocol.data_to_send()
            protocol.receive_data(raw)
            if alike:
                found += map(repr, protocol.next_by_template())
            while reply := protocol.next_reply():
                found.append(repr(reply.outcome))
    except (RemoteProtocolError, ConnectionFailed) as exc:
        found.append(type(exc).__name__)
    return found, protocol.traffic.template_hits


def way(raw: bytes) -> str:
    """Say in what way a reply ends: where it was refused, or what kind of value it holds."""
    protocol = connected()
    protocol.call(CALL)
    protocol.data_to_send()
    protocol.receive_data(raw)
    try:
        reply = protocol.next_reply()
    except RemoteProtocolError as exc:
        [*_, refuses, _] = [frame.name for frame in traceback.extract_tb(exc.__traceback__)] + [""]
        return f"{refuses}: {' '.join(str(exc).split()[3:5])}"
    return "waits" if reply is None else kind(reply.outcome)


def kind(outcome: Any) -> str:
    """Name the type of a value and of what is in it."""
    if isinstance(outcome, tuple):
        return f"({', '.join(sorted({type(item).__name__ for item in outcome}))})"
    return type(outcome).__name__


def grow(seed: int, seconds: float) -> int:
    """Mutate for some time; keep what ends in a way that is new, and return how many there are."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    sources = captured() + corpus()
    known = {way(raw) for raw in sources}
    ends_s = time.monotonic() + seconds
    found = 0
    while time.monotonic() < ends_s:
        raw = mutate(rng.choice(sources), sources, rng)
        if len(raw) > MAX_ENTRY_BYTES or (its_way := way(raw)) in known:
            continue
        known.add(its_way)
        sources.append(raw)
        CORPUS.mkdir(exist_ok=True)
        name = hashlib.sha256(raw).hexdigest()[:12]
        (CORPUS / f"{name}.bin").write_bytes(raw)
        found += 1
    return found


if __name__ == "__main__":
    sys.stdout.write(f"{grow(int(sys.argv[1]), float(sys.argv[2]))} added to {CORPUS.name}\n")
