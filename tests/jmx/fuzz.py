"""Fuzzer: mutated replies, and what a connection may do with them.

Rule: a reply is decoded, rejected with RemoteProtocolError, or waits for more bytes; and if a
template reads it, the decoder reads the same. `corpus/` holds one reply for each ending that
fuzzing has found; mutations start from them and from the captured replies.

`python -m tests.jmx.fuzz SEED SECONDS` fuzzes for that long and adds replies with new endings to
the corpus.
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
from tests.jmx.scripted import ACK

HERE = Path(__file__).parent
WIRE = HERE / "wire"
CORPUS = HERE / "corpus"
FRAME_BYTES = 22
# The corpus is small, because every run of the tests reads it.
MAX_ENTRY_BYTES = 2048

# Small enough that a mutated length exceeds them.
LIMITS = Limits(reply_bytes=1 << 16, handles=2000, elements=20_000, string_bytes=4096, depth=40)
CALL: Call[Value] = Call("fuzz", b"", lambda value: value)

# Bytes with a meaning: such mutations get further than random ones.
TAGS = bytes(range(0x70, 0x7F)) + b"\x00\x01\x02\x03\x0c\x12\x7f\x80\xff"
# The captured replies to getAttributes, of which templates are built.
ATTRIBUTES = ("numbers", "texts", "arrays", "collections", "objects", "open", "faulty")


def captured() -> list[bytes]:
    """Return all captured replies except the greeting."""
    return [path.read_bytes() for path in sorted(WIRE.glob("*.bin")) if path.stem != "greeting"]


def corpus() -> list[bytes]:
    """Return all replies of the corpus."""
    return [path.read_bytes() for path in sorted(CORPUS.glob("*.bin"))]


def mutate(raw: bytes, others: Sequence[bytes], rng: random.Random, most: int = 8) -> bytes:
    """Return `raw` with one to `most` mutations, mostly after its frame."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, most)):
        if not data:
            break
        first = min(FRAME_BYTES, len(data) - 1) if rng.random() < 0.9 else 0
        index = rng.randrange(first, len(data))
        kind = rng.randrange(6)
        if kind == 0:
            data[index] = rng.randrange(256)
        elif kind == 1:
            data[index] = rng.choice(TAGS)
        elif kind == 2:
            del data[index : index + rng.randint(1, 40)]
        elif kind == 3:
            data[index:index] = rng.randbytes(rng.randint(1, 8))
        elif kind == 4:
            other = rng.choice(others)
            start = rng.randrange(len(other))
            data[index:index] = other[start : start + rng.randint(1, 200)]
        else:
            data[index : index + 4] = rng.choice(
                (b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x00\x7e\x00\x00")
            )
    return bytes(data)


def connected() -> Protocol:
    """Return a connection that has exchanged greetings."""
    protocol = Protocol(limits=LIMITS)
    protocol.receive_data(ACK)
    protocol.next_reply()
    return protocol


def feed(protocol: Protocol, data: bytes, rng: random.Random) -> str:
    """Feed `data` to a connection, whole or in random pieces; return how that ended."""
    whole = rng.random() < 0.5
    return read(protocol, data, lambda: len(data) if whole else rng.randint(1, 64))


def read(protocol: Protocol, data: bytes, piece_size: Callable[[], int]) -> str:
    """Feed `data` to a connection in pieces; return decoded, rejected or waits."""
    protocol.call(CALL)
    protocol.data_to_send()
    start = 0
    try:
        while start < len(data):
            size = piece_size()
            protocol.receive_data(data[start : start + size])
            start += size
            if protocol.next_reply() is not None:
                return "decoded"
    except RemoteProtocolError:
        return "rejected"
    return "waits"


def reusable(protocol: Protocol, end: str) -> Protocol | None:
    """Return the connection if it is usable: the reply was decoded and nothing is left over."""
    if end != "decoded" or protocol.lost_sync:
        return None
    try:
        protocol.next_reply()
    except (RemoteProtocolError, ConnectionFailed):
        return None
    return protocol


def fuzz(seed: int, rounds: int) -> dict[str, int]:
    """Feed mutated replies; return how many were decoded, rejected, or wait for more."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    sources = captured() + corpus()
    endings = {"decoded": 0, "rejected": 0, "waits": 0}
    protocol: Protocol | None = None
    for _ in range(rounds):
        protocol = protocol or connected()
        end = feed(protocol, mutate(rng.choice(sources), sources, rng), rng)
        endings[end] += 1
        protocol = reusable(protocol, end)
    return endings


def fuzz_templates(seed: int, rounds: int) -> int:
    """Compare templates with the decoder on mutated replies; return the number of hits."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    sources = [(WIRE / f"{name}.bin").read_bytes() for name in ATTRIBUTES]
    hits = 0
    for _ in range(rounds):
        raw = rng.choice(sources)
        changed = mutate_values(raw, rng) if rng.random() < 0.5 else mutate(raw, sources, rng, 2)
        hits += compare(raw, changed)
    return hits


def mutate_values(raw: bytes, rng: random.Random) -> bytes:
    """Change one to four bytes near the end of a reply, where most values are."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        data[-rng.randint(1, min(len(data) - FRAME_BYTES, 200))] = rng.randrange(256)
    return bytes(data)


def compare(raw: bytes, changed: bytes) -> bool:
    """Read a reply and a changed one, with templates and without; return whether one was hit.

    Raises AssertionError, with the reply, if the outcomes differ.
    """
    by_template, hits = outcomes(raw, changed, use_templates=True)
    decoded, _ = outcomes(raw, changed, use_templates=False)
    assert by_template == decoded, f"{changed.hex()}: {by_template} and {decoded}"
    return hits > 0


def outcomes(*replies: bytes, use_templates: bool) -> tuple[list[str], int]:
    """Return the outcomes of replies to the same call, and the number of template hits.

    Outcomes are text, because NaN does not equal itself.
    """
    calls = AttributeCalls(RemoteRef(Endpoint("127.0.0.1", 1), b"\x07" * FRAME_BYTES, None))
    protocol, texts = connected(), list[str]()
    try:
        for raw in replies:
            protocol.call(calls.call(ObjectName.parse("a:type=A"), ["A"]))
            protocol.data_to_send()
            protocol.receive_data(raw)
            if use_templates:
                texts += map(repr, protocol.next_by_template())
            while reply := protocol.next_reply():
                texts.append(repr(reply.outcome))
    except (RemoteProtocolError, ConnectionFailed) as exc:
        texts.append(type(exc).__name__)
    return texts, protocol.traffic.template_hits


def ending(raw: bytes) -> str:
    """Return the ending of a reply: function and words of the error, or the type of the value."""
    protocol = connected()
    protocol.call(CALL)
    protocol.data_to_send()
    protocol.receive_data(raw)
    try:
        reply = protocol.next_reply()
    except RemoteProtocolError as exc:
        [*_, function, _] = [frame.name for frame in traceback.extract_tb(exc.__traceback__)] + [""]
        return f"{function}: {' '.join(str(exc).split()[3:5])}"
    return "waits" if reply is None else kind(reply.outcome)


def kind(outcome: Any) -> str:
    """Return the type of an outcome, for a tuple those of its items."""
    if isinstance(outcome, tuple):
        return f"({', '.join(sorted({type(item).__name__ for item in outcome}))})"
    return type(outcome).__name__


def grow(seed: int, seconds: float) -> int:
    """Mutate for some time; add replies with new endings to the corpus, and return their number."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    sources = captured() + corpus()
    known = {ending(raw) for raw in sources}
    ends_s = time.monotonic() + seconds
    added = 0
    while time.monotonic() < ends_s:
        raw = mutate(rng.choice(sources), sources, rng)
        if len(raw) > MAX_ENTRY_BYTES or (new_ending := ending(raw)) in known:
            continue
        known.add(new_ending)
        sources.append(raw)
        CORPUS.mkdir(exist_ok=True)
        name = hashlib.sha256(raw).hexdigest()[:12]
        (CORPUS / f"{name}.bin").write_bytes(raw)
        added += 1
    return added


if __name__ == "__main__":
    sys.stdout.write(f"{grow(int(sys.argv[1]), float(sys.argv[2]))} added to {CORPUS.name}\n")
