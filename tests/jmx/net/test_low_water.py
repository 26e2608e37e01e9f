"""Low-water mark: few wake-ups for many replies, and no reply that waits in vain."""

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
    attribute_calls = AttributeCalls(connection_ref)
    return [attribute_calls.call(name, ["Fine"]) for name in NAMES]


def feed(protocol: Protocol, *replies: bytes) -> None:
    """Feed replies to a protocol, and read them."""
    protocol.receive_data(b"".join(replies))
    while protocol.next_by_template() or protocol.next_reply():
        pass


def test_all_replies_except_the_last_are_worth_waiting_for(
    greeted: Callable[..., Protocol], calls: list[Call[Any]], captured: Captured
) -> None:
    """The sizes are those of the last replies, less the bytes that are here; the last counts 1."""
    faulty, protocol = captured("faulty"), greeted()
    size = len(faulty)
    protocol.call_all(calls)
    protocol.data_to_send()
    assert protocol.bytes_to_wait_for == 1  # nothing is known yet
    feed(protocol, faulty * len(calls))

    protocol.call_all(calls)
    protocol.data_to_send()
    assert protocol.bytes_to_wait_for == 3 * size + 1
    feed(protocol, faulty, faulty[:100])
    assert protocol.bytes_to_wait_for == 2 * size - 100 + 1
    feed(protocol, faulty[100:], faulty)
    assert protocol.bytes_to_wait_for == 1  # one answer alone is read as it comes
    feed(protocol, faulty)
    assert protocol.bytes_to_wait_for == 1


def test_the_expected_size_is_that_of_the_last_reply_to_each_call(
    greeted: Callable[..., Protocol], calls: list[Call[Any]], captured: Captured
) -> None:
    """The size is that of the last reply, by template or decoded."""
    long, short, protocol = captured("open"), captured("faulty"), greeted()
    for reply in (long, short, short):
        protocol.call_all(calls)
        protocol.data_to_send()
        feed(protocol, reply * len(calls))
    protocol.call_all(calls)
    protocol.data_to_send()
    assert protocol.bytes_to_wait_for == 3 * len(short) + 1


def kernel_mark(sock: socket.socket) -> int:
    """Return the mark of the kernel."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


async def test_the_mark_is_set_in_the_kernel(pair: tuple[socket.socket, socket.socket]) -> None:
    """The mark is the expected size, up to a limit, and 1 after a reset."""
    near, _ = pair
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
    low = LowWaterMark(transport)
    low.expect(1000)
    assert kernel_mark(near) == 1000
    low.expect(1 << 20)
    assert kernel_mark(near) == MAX_BYTES
    low.reset()
    assert kernel_mark(near) == 1
    transport.close()


async def test_a_lull_resets_the_mark(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that have arrived are delivered even if the expected ones never come."""
    near, far = pair
    monkeypatch.setattr(low_water, "LULL_S", 0.0)
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Receiver(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            received.set_result(data)

    transport, _ = await asyncio.get_running_loop().create_connection(Receiver, sock=near)
    LowWaterMark(transport).expect(1000)
    far.sendall(b"less")
    assert await received == b"less"
    transport.close()


async def test_a_closed_socket_is_no_error(pair: tuple[socket.socket, socket.socket]) -> None:
    """The mark of a socket that was closed in the meantime stays as it is."""
    near, _ = pair
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
    low = LowWaterMark(transport)
    low.expect(1000)
    near.close()
    low.expect(10)
    transport.abort()


async def test_replies_shorter_than_expected_are_delivered(
    serve: Callable[..., Awaitable[int]],
    stub_at: Callable[[int], bytes],
    captured: Captured,
) -> None:
    """Long replies come twice, then short ones that together are less than the mark."""

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
        requests = [(name, ["Fine"]) for name in NAMES]
        await connection.get_many(requests)
        await connection.get_many(requests)
        assert await connection.get_many(requests) == [{"Fine": 1}] * len(NAMES)
