"""Replies as bytes, captured and made, and a server that sends what a test tells it to."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.serialization.reader import Limits
from jmxbridge.jmx.values import Composite, JavaObject

WIRE = Path(__file__).parent / "wire"
ACK = b"\x4e\x00\x00\x00\x00\x00\x00"
REQUEST_START = b"\x50\xac\xed\x00\x05\x77\x22"
GREETING_BYTES = 7
ENDPOINT_BYTES = 6


@pytest.fixture
def captured() -> Callable[[str], bytes]:
    """Read a captured reply by its name."""
    return lambda name: (WIRE / f"{name}.bin").read_bytes()


@pytest.fixture
def make_reply() -> Callable[..., bytes]:
    """Put an object into the frame of a reply: normal (1) or exceptional (2)."""

    def make(content: bytes, kind: int = 1) -> bytes:
        return b"\x51\xac\xed\x00\x05\x77\x0f" + bytes((kind,)) + bytes(range(14)) + content

    return make


@pytest.fixture
def as_is() -> Call[Any]:
    """A call whose answer is taken as it is."""
    return Call("anything", b"request", lambda value: value)


@pytest.fixture
def connection_ref() -> RemoteRef:
    """A reference to some connection object."""
    return RemoteRef(Endpoint("127.0.0.1", 9999), b"\x07" * 22, None)


@pytest.fixture
def greeted() -> Callable[..., Protocol]:
    """Make a protocol that has exchanged greetings."""

    def make(**options: Any) -> Protocol:
        protocol = Protocol(**options)
        protocol.data_to_send()
        protocol.receive_data(ACK)
        assert protocol.next_reply() is None
        protocol.data_to_send()
        return protocol

    return make


@pytest.fixture
def outcomes(greeted: Callable[..., Protocol]) -> Callable[..., list[Any]]:
    """Feed the replies to one call, made several times, in the given pieces; return outcomes."""

    def feed(
        call: Call[Any], pieces: Sequence[bytes], *, calls: int = 1, limits: Limits | None = None
    ) -> list[Any]:
        protocol = greeted(limits=limits)
        for _ in range(calls):
            protocol.call(call)
        protocol.data_to_send()
        found = []
        for piece in pieces:
            protocol.receive_data(piece)
            while reply := protocol.next_reply():
                found.append(reply.outcome)
        return found

    return feed


@pytest.fixture
def plain() -> Callable[[Any], Any]:
    """Return a value in a form that compares: a float as text, a JavaObject by names."""

    def convert(value: Any) -> Any:
        if isinstance(value, float):
            return repr(value)
        if isinstance(value, tuple | list):
            return tuple(map(convert, value))
        if isinstance(value, Composite | dict):
            return {key: convert(item) for key, item in value.items()}
        if isinstance(value, JavaObject):
            return ("java", value.class_name, tuple(sorted(value.fields)))
        if isinstance(value, ObjectName):
            return ("name", value.canonical)
        if isinstance(value, datetime):
            return value.isoformat()
        return value

    return convert


class Visit:
    """A client at the scripted server, with the greeting done."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unread = b""

    async def greet(self) -> None:
        await self._reader.readexactly(GREETING_BYTES)
        self._writer.write(ACK)
        await self._reader.readexactly(ENDPOINT_BYTES)

    async def request(self) -> None:
        """Wait for the beginning of the next request."""
        while REQUEST_START not in self._unread:
            data = await self._reader.read(1 << 16)
            if not data:
                raise ConnectionResetError
            self._unread += data
        self._unread = self._unread.partition(REQUEST_START)[2]

    async def answer(self, reply: bytes) -> None:
        """Wait for a request and send `reply`."""
        await self.request()
        await self.send(reply)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        while await self._reader.read(1 << 16):
            pass


Script = Callable[[Visit], Awaitable[None]]
Serve = Callable[[Script], Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve a script at a port of 127.0.0.1: it is run for each client; then the socket closes."""
    servers: list[asyncio.Server] = []
    visits: set[asyncio.Task[None]] = set()
    broken: list[BaseException] = []

    async def start(script: Script) -> int:
        async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            visits.add(task)
            try:
                await script(Visit(reader, writer))
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # the client left, or the test is over
            except BaseException as exc:
                broken.append(exc)
            finally:
                visits.discard(task)
                writer.close()
                with suppress(OSError, asyncio.CancelledError):
                    await writer.wait_closed()

        server = await asyncio.start_server(visit, "127.0.0.1", 0)
        servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()
    for task in list(visits):
        task.cancel()
    await asyncio.gather(*visits, return_exceptions=True)
    for server in servers:
        await server.wait_closed()
    assert broken == []


@pytest.fixture
def stub_at(captured: Callable[[str], bytes]) -> Callable[[int], bytes]:
    """Return the captured reply with a stub, leading to another port of 127.0.0.1."""

    def make(port: int) -> bytes:
        raw = captured("lookup")
        host = b"\x00\x09127.0.0.1"
        at = raw.index(host) + len(host)
        return raw[:at] + struct.pack(">i", port) + raw[at + 4 :]

    return make
