"""JMX servers with faults, built of captured replies, polled together with one that works.

Each fault comes where a poll is hurt most: when the attributes are read. The poll ends by its
deadline with `up=0` and an error class, memory stays bounded, and other targets are read meanwhile.
"""

import asyncio
import functools
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from jmxbridge.jmx.connection import connect
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.points import PointMaker
from jmxbridge.mbeans.rule import Field, FieldType, Rule
from jmxbridge.point import Point
from jmxbridge.pollers.backoff import Backoff
from jmxbridge.pollers.schedule import RuleSchedule, Tick
from jmxbridge.pollers.target import Target
from jmxbridge.transports import rmi
from jmxbridge.transports.rmi import RmiTransport
from tests.jmx.scripted import Captured, MakeReply, Script, Serve, StubAt, Visit

S = 1_000_000_000
DEADLINE_S = 0.5
FOREVER_S = 86_400.0
MB = 1 << 20
RULE = Rule(
    "odd",
    (ObjectName.parse("odd:type=Numbers"),),
    "odd",
    {},
    (Field("MaxLong", (), "max_long", type=FieldType.INT),),
)
# An Integer as a JVM writes it, without its four bytes at the end.
INTEGER = (
    b"\x73\x72\x00\x11java.lang.Integer\x12\xe2\xa0\xa4\xf7\x81\x87\x38\x02\x00\x01\x49\x00\x05value"
    b"\x70\x78\x72\x00\x10java.lang.Number\x86\xac\x95\x1d\x0b\x94\xe0\x8b\x02\x00\x00\x70\x78\x70"
)


@pytest.fixture
def count(make_reply: MakeReply) -> bytes:
    """A reply to getMBeanCount."""
    return make_reply(INTEGER + struct.pack(">i", 40))


@pytest.fixture
def jvm(
    serve: Serve, stub_at: StubAt, captured: Captured, count: bytes
) -> Callable[[Script], Awaitable[int]]:
    """Return a function that serves a JVM: it works until `polls` goes on, for the attributes."""

    async def start(polls: Script) -> int:
        is_dead = False

        async def script(visit: Visit) -> None:
            nonlocal is_dead
            await visit.greet()
            if is_dead:
                return
            for reply in (
                stub_at(port),
                stub_at(port),
                captured("names"),
                captured("info_numbers"),
            ):
                await visit.answer(reply)
            await visit.answer(count)
            try:
                await polls(visit)
            except ConnectionAbortedError:
                is_dead = True

        port = 0
        port = await serve(script)
        return port

    return start


@pytest.fixture
async def target() -> AsyncIterator[Callable[[int], Target]]:
    """Return a function that makes targets of JVMs on ports of 127.0.0.1."""
    targets: list[Target] = []

    def make(
        port: int, deadline_s: float = DEADLINE_S, connect_timeout_s: float | None = None
    ) -> Target:
        targets.append(
            Target(
                f"at-{port}",
                transport=RmiTransport(
                    "127.0.0.1",
                    port,
                    clock_s=lambda: 0.0,
                    connect_timeout_s=connect_timeout_s,
                ),
                rules=RuleSchedule((RULE,), S),
                point_maker=PointMaker({"target": f"at-{port}"}),
                deadline_s=deadline_s,
                backoff=Backoff(0.0, lambda: 0.0),
            )
        )
        return targets[-1]

    yield make
    for polled in targets:
        await polled.close()


@pytest.fixture
def working(captured: Captured, count: bytes) -> Script:
    """The polls of a JVM that works."""

    async def polls(visit: Visit) -> None:
        while True:
            await visit.answer(captured("numbers"))
            await visit.answer(count)

    return polls


async def silence(visit: Visit) -> None:
    await visit.gone()


async def drip(visit: Visit, reply: bytes) -> None:
    for byte in reply:
        await visit.send(bytes((byte,)))
        await asyncio.sleep(0.02)
    await visit.gone()


def target_fields(points: Sequence[Point]) -> dict[str, Any]:
    """Return the fields of the target's own point."""
    assert points[-1].measurement == "jmxbridge_target"
    return dict(points[-1].fields)


@pytest.fixture
def faults(captured: Captured, make_reply: MakeReply) -> dict[str, Script]:
    """Faults of a JVM when the attributes of an MBean are read."""
    numbers = captured("numbers")

    async def reset(visit: Visit) -> None:
        await visit.request()
        await visit.send(numbers[:300])
        linger = struct.pack("ii", 1, 0)  # RST in place of FIN
        sock = visit._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        raise ConnectionAbortedError

    def answered(content: bytes, kind: int = 1) -> Script:
        async def answer(visit: Visit) -> None:
            await visit.answer(make_reply(content, kind))
            await visit.gone()

        return answer

    async def garbage(visit: Visit) -> None:
        await visit.answer(b"\x00\xff" * 500)
        await visit.gone()

    array = b"\x75\x72\x00\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\x00\x00\x70\x78\x70"
    boxes = (
        b"\x75\x72\x00\x13[Ljava.lang.Object;"
        b"\x90\xce\x58\x9f\x10\x73\x29\x6c\x02\x00\x00\x70\x78\x70"
    )
    again = b"\x75\x71\x00\x7e\x00\x00"
    one = struct.pack(">i", 1)

    async def endless(visit: Visit) -> None:
        text = b"\x7c" + struct.pack(">q", MB) + b"x" * MB
        await visit.answer(make_reply(b"\x73" + collection))
        while True:
            await visit.send(text)

    collection = b"\x72\x00\x13java.util.ArrayList" + bytes(8) + b"\x03\x00\x00\x70\x78\x70"
    return {
        "never answers": silence,
        "a byte now and then": lambda visit: drip(visit, numbers),
        "resets in the middle": reset,
        "sends garbage": garbage,
        "announces a gigabyte of text": answered(b"\x7c" + struct.pack(">q", 1 << 30)),
        "announces a gigabyte of bytes": answered(array + struct.pack(">i", 1 << 30)),
        "nests ten thousand deep": answered(boxes + one + (again + one) * 10_000),
        "answers with another answer": answered(captured("names")[22:]),
        "never ends its answer": endless,
    }


# The megabytes are the most that a poll of both targets may take: announced sizes take none. A
# reply without an end is read as far as the Limits allow, and joined once.
@pytest.mark.parametrize(
    ("fault", "error", "most_mb"),
    [
        ("never answers", "timeout", 4),
        ("a byte now and then", "timeout", 4),
        ("resets in the middle", "closed", 4),
        ("sends garbage", "protocol", 4),
        ("announces a gigabyte of text", "protocol", 4),
        ("announces a gigabyte of bytes", "protocol", 4),
        ("nests ten thousand deep", "protocol", 4),
        ("answers with another answer", "protocol", 4),
        ("never ends its answer", "protocol", 100),
    ],
)
async def test_a_fault_does_not_affect_another_target(
    fault: str,
    error: str,
    most_mb: int,
    faults: dict[str, Script],
    jvm: Callable[[Script], Awaitable[int]],
    working: Script,
    target: Callable[..., Target],
) -> None:
    """One poll of the faulty JVM ends with `up=0` and an error class; the other JVM is read."""
    # A deadline that is not the point has room for a busy machine that traces every allocation.
    deadline_s = DEADLINE_S if error == "timeout" else 60.0
    bad = target(await jvm(faults[fault]), deadline_s=deadline_s)
    good = target(await jvm(working), deadline_s=60.0)
    tracemalloc.start()
    try:
        at_fault = asyncio.create_task(bad.poll(Tick(S, 0)))
        for number in range(5):
            point, *_ = points = await good.poll(Tick(number * S, 0))
            assert target_fields(points)["up"] == 1
            assert point.fields == {"max_long": (1 << 63) - 1}
        fields = target_fields(await at_fault)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert fields["up"] == 0
    assert fields["error"] == error
    assert peak < most_mb * MB


@pytest.mark.parametrize("fault", ["never answers", "a byte now and then"])
async def test_a_hanging_target_does_not_delay_others(
    fault: str,
    faults: dict[str, Script],
    jvm: Callable[[Script], Awaitable[int]],
    working: Script,
    target: Callable[..., Target],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even without a deadline, the other targets are polled tick by tick."""
    monkeypatch.setattr(rmi, "connect", functools.partial(connect, timeout_s=FOREVER_S))
    bad = target(await jvm(faults[fault]), deadline_s=FOREVER_S)
    others = [target(await jvm(working), deadline_s=FOREVER_S) for _ in range(3)]
    at_fault = asyncio.create_task(bad.poll(Tick(S, 0)))
    for number in range(5):
        polls = await asyncio.gather(*(other.poll(Tick(number * S, 0)) for other in others))
        assert [target_fields(points)["up"] for points in polls] == [1, 1, 1]
        assert not at_fault.done()
    at_fault.cancel()
    with pytest.raises(asyncio.CancelledError):
        await at_fault


async def test_unexpected_replies_reach_no_call(
    jvm: Callable[[Script], Awaitable[int]],
    captured: Captured,
    count: bytes,
    target: Callable[..., Target],
) -> None:
    """They end the connection; the next poll has a new one and its own replies."""
    visits = 0

    async def polls(visit: Visit) -> None:
        nonlocal visits
        visits += 1
        await visit.request()
        await visit.send(captured("numbers") + captured("faulty") * 3)
        await visit.gone()

    chatty = target(await jvm(polls))
    for number in range(3):
        point, *_ = points = await chatty.poll(Tick(number * S, 0))
        assert target_fields(points)["up"] == 1
        assert point.fields == {"max_long": (1 << 63) - 1}
    assert visits == 3


async def test_a_half_open_socket_is_replaced(
    jvm: Callable[[Script], Awaitable[int]],
    captured: Captured,
    count: bytes,
    working: Script,
    target: Callable[..., Target],
) -> None:
    """A firewall that forgot the connection costs one poll."""
    visits = 0

    async def polls(visit: Visit) -> None:
        nonlocal visits
        visits += 1
        if visits > 1:
            await working(visit)
        await visit.answer(captured("numbers"))
        await visit.answer(count)
        await silence(visit)  # no answer, no end of the stream, no reset

    forgotten = target(await jvm(polls))
    states = [target_fields(await forgotten.poll(Tick(number * S, 0))) for number in range(4)]
    assert [fields["up"] for fields in states] == [1, 0, 1, 1]
    assert states[1]["error"] == "timeout"
    assert visits == 2


async def test_a_silent_port_times_out(serve: Serve, target: Callable[..., Target]) -> None:
    """Connecting counts as part of the poll."""
    fields = target_fields(await target(await serve(silence), deadline_s=0.1).poll(Tick(S, 0)))
    assert (fields["up"], fields["error"]) == (0, "timeout")


async def test_a_silent_advertised_address_is_named_in_the_status_line(
    serve: Serve, stub_at: StubAt, target: Callable[..., Target]
) -> None:
    """With the fix, and not only as a timeout."""
    mute = await serve(silence)

    async def registry(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(mute))
        await visit.gone()

    port = await serve(registry)
    away = target(port, deadline_s=60.0, connect_timeout_s=0.1)
    fields = target_fields(await away.poll(Tick(S, 0)))
    assert (fields["up"], fields["error"]) == (0, "unreachable_advertised")
    for words in (f"127.0.0.1:{port}", f"127.0.0.1:{mute} did not answer", "rmi_host"):
        assert words in away.line.text
