"""A client's visit at the scripted server, and helpers that many tests share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jmxbridge.jmx.connection import Connection, connect
from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.rmi.protocol import Protocol

ACK = b"\x4e\x00\x00\x00\x00\x00\x00"
REQUEST_START = b"\x50\xac\xed\x00\x05\x77\x22"
GREETING_BYTES = 7
ENDPOINT_BYTES = 6


class Visit:
    """A client that is connected to the scripted server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unread = b""

    async def greet(self) -> None:
        """Exchange greetings."""
        await self._reader.readexactly(GREETING_BYTES)
        self._writer.write(ACK)
        await self._reader.readexactly(ENDPOINT_BYTES)

    async def request(self) -> None:
        """Wait for the start of the next request."""
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
        """Send `data`."""
        self._writer.write(data)
        await self._writer.drain()

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        while await self._reader.read(1 << 16):
            pass


Script = Callable[[Visit], Awaitable[None]]
Serve = Callable[[Script], Awaitable[int]]
Target = Callable[..., Awaitable[int]]
Captured = Callable[[str], bytes]
StubAt = Callable[[int], bytes]
MakeReply = Callable[..., bytes]
Domain = Callable[[str], bytes]
Outcomes = Callable[..., list[Any]]
AssertDecodes = Callable[[bytes, Any], None]
AssertRejected = Callable[[bytes, int, str], None]


async def silence(visit: Visit) -> None:
    """Read until the client closes, and send nothing."""
    await visit.gone()


async def leave(visit: Visit) -> None:
    """Close the socket at once."""


def shorten_timeout(connection: Connection) -> None:
    """Shorten the wait for replies from now on; connecting had the usual time."""
    channel = connection._channel
    channel.timeout_s = 0.1
    if channel._watchdog is not None:
        channel._watchdog.cancel()
        channel._watchdog = None


async def failure(host: str, port: int, **options: Any) -> ConnectionFailed:
    """Return the error of an attempt to connect."""
    with pytest.raises(ConnectionFailed) as caught:
        await connect(host, port, **options)
    return caught.value


def take_outcomes(protocol: Protocol) -> list[Any]:
    """Return the outcomes of the replies that have arrived, read as a channel reads them."""
    outcomes: list[Any] = []
    while True:
        if read_by_template := protocol.next_by_template():
            outcomes += read_by_template
        elif reply := protocol.next_reply():
            outcomes.append(reply.outcome)
        else:
            return outcomes
