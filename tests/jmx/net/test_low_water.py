"""Few wake-ups for many answers: how much is waited for, and that nothing waits in vain."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from jmxbridge.jmx.connection import connect
from jmxbridge.jmx.net import low_water
from jmxbridge.jmx.net.low_water import MAX_BYTES, LowWaterMark
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi.calls import AttributeCalls, Call
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef

Captured = Callable[[str], bytes]
NAMES = [ObjectName.parse(f"odd:type=Any,n={number}") for number in range(4)]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected TCP sockets that do not block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:
        near.setblocking(False)
        yield near, far


@pytest.fixture
def calls(connection_ref: RemoteRef) -> list[Call[Any]]:
    """Calls for the same attribute of some MBeans."""
    made = AttributeCalls(connection_ref)
    return [made.call(name, ["Fine"]) for name in NAMES]


def answer(protocol: Protocol, *replies: bytes) -> None:
    """Have replies decoded."""
    protocol.receive_data(b"".join(replies))
    while protocol.next_by_template() or protocol.next_reply():
        pass


def test_all_but_the_last_answer_is_worth_waiting_for(
    greeted: Callable[..., Protocol], calls: list[Call[Any]], captured: Captured
) -> None:
    """By what came the last time, less what is there; of the last one the first byte."""
    faulty, protocol = captured("faulty"), greeted()
    size = len(faulty)
    protocol.call_all(calls)
    protocol.data_to_send()
    assert protocol.bytes_to_wait_for == 1  # nothing is known yet
    answer(protocol, faulty * len(calls))

    protocol.call_all(calls)
    protocol.data_to_send()
    assert protocol.bytes_to_wait_for == 3 * size + 1
    answer(protocol, faulty, faulty[:100])
    assert protocol.bytes_to_wait_for == 2 * size - 100 + 1
    answer(protocol, faulty[100:], faulty)
    assert protocol.bytes_to_wait_for == 1  # one answer alone is read as it comes
    answer(protocol, faulty)
    assert protocol.bytes_to_wait_for == 1


def test_answers_that_become_shorter_change_what_is_expected(
    greeted: Callable[..., Protocol], calls: list[Call[Any]], captured: Captured
) -> None:
    """What counts is the last answer to each call, decoded or not."""
    long, short, protocol = captured("open"), captured("faulty"), greeted()
    for reply in (long, short, short):
        protocol.call_all(calls)
        protocol.data_to_send()
        answer(protocol, reply * len(calls))
    protocol.call_all(calls)
    protocol.data_to_send()
    assert protocol.bytes_to_wait_for == 3 * len(short) + 1


def mark(sock: socket.socket) -> int:
    """Return what the kernel was told."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


async def test_the_kernel_is_told(pair: tuple[socket.socket, socket.socket]) -> None:
    """The mark is what is expected, up to a bound, and 1 after a lull or when told so."""
    near, _ = pair
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
    low = LowWaterMark(transport)
    low.expect(1000)
    assert mark(near) == 1000
    low.expect(1 << 20)
    assert mark(near) == MAX_BYTES
    low.reset()
    assert mark(near) == 1
    transport.close()


async def test_a_lull_lowers_the_mark(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there is handed over, also when what was expected never comes."""
    near, far = pair
    monkeypatch.setattr(low_water, "LULL_S", 0.0)
    came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Taker(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            came.set_result(data)

    transport, _ = await asyncio.get_running_loop().create_connection(Taker, sock=near)
    LowWaterMark(transport).expect(1000)
    far.sendall(b"less")
    assert await came == b"less"
    transport.close()


async def test_it_outlives_its_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    """A socket that was closed meanwhile is no error."""
    near, _ = pair
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
    low = LowWaterMark(transport)
    low.expect(1000)
    near.close()
    low.expect(10)
    transport.abort()


async def test_answers_shorter_than_expected_come_through(
    serve: Callable[..., Awaitable[int]],
    stub_at: Callable[[int], bytes],
    captured: Captured,
) -> None:
    """Twice the long answers, then short ones, together less than what is waited for."""

    async def script(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(port))
        await visit.answer(stub_at(port))
        for name in ("open", "open", "faulty"):
            for _ in NAMES:
                await visit.request()
            await visit.send(captured(name) * len(NAMES))
        await visit.gone()

    port = 0
    port = await serve(script)
    assert len(captured("faulty")) * len(NAMES) < len(captured("open")) * (len(NAMES) - 1)
    async with connect("127.0.0.1", port) as connection:
        wanted = [(name, ["Fine"]) for name in NAMES]
        await connection.get_many(wanted)
        await connection.get_many(wanted)
        assert await connection.get_many(wanted) == [{"Fine": 1}] * len(NAMES)
