"""A proxy in front of InfluxDB that injects a fault, chosen by a seed, into each request."""

import asyncio
import gzip
import random
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Self

LARGEST_BODY = 8_000
POISON = b"poison"
"""Lines with this word get the 500 that InfluxDB 2.0 gave for lines it would never take."""

TRICKLE_S = 0.2

Client = asyncio.StreamWriter
Fault = Callable[["FaultProxy", bytes, bytes, Client], Awaitable[None]]


class FaultProxy:
    """Serves on `port`; `done` counts the injected faults by name."""

    def __init__(self, upstream: int, seed: int, *, healthy: float) -> None:
        self._upstream = upstream
        self._choose = random.Random(seed)  # noqa: S311 - must be repeatable
        self.healthy = healthy
        self.done: Counter[str] = Counter()
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[Client] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients:
            client.transport.abort()
        await asyncio.gather(*(c.wait_closed() for c in self._clients), return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, client: Client) -> None:
        self._clients.add(client)
        self._tasks.add(asyncio.create_task(self._serve(reader, client)))

    async def _serve(self, reader: asyncio.StreamReader, client: Client) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            if self._choose.random() > self.healthy and self._choose.random() < 1 / len(FAULTS):
                self.done["reset_on_accept"] += 1
                reset(client)
            while not client.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                (length,) = [
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ]
                body = await reader.readexactly(length)
                await self._answer(head, body, client)
                await client.drain()
        client.transport.abort()

    async def _answer(self, head: bytes, body: bytes, client: Client) -> None:
        text = gzip.decompress(body)
        if len(text) > LARGEST_BODY:
            self.done["too_large"] += 1
            client.write(answer(413, "text/html", "<html>too large</html>"))
        elif POISON in text:
            self.done["poison"] += 1
            error = '{"code":"internal error","message":"partial write: field type conflict"}'
            client.write(answer(500, "application/json", error))
        elif self._choose.random() < self.healthy:
            self.done["passed"] += 1
            client.write(await self.forward(head, body))
        else:
            fault = self._choose.choice(FAULTS)
            self.done[fault.__name__] += 1
            await fault(self, head, body, client)

    async def forward(self, head: bytes, body: bytes) -> bytes:
        """Forward the request and return InfluxDB's full response."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        self._clients.add(writer)
        closing = head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        writer.write(closing + body)
        reply = await reader.read()
        writer.close()
        return reply.replace(b"Connection: close\r\n", b"")


def answer(status: int, kind: str, body: str, *headers: str) -> bytes:
    """Return a complete HTTP response."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", body]).encode()


def reset(client: Client) -> None:
    """Reset the connection (RST), like a crashed peer."""
    sock = client.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.transport.abort()


async def swallow_the_answer(proxy: FaultProxy, head: bytes, body: bytes, client: Client) -> None:
    """Forward the request and drop the response, so the lines are sent again."""
    await proxy.forward(head, body)
    reset(client)


async def trickle(proxy: FaultProxy, head: bytes, body: bytes, client: Client) -> None:
    """Send the response one byte at a time, slower than any timeout."""
    for byte in await proxy.forward(head, body):
        client.write(bytes([byte]))
        await client.drain()
        await asyncio.sleep(TRICKLE_S)


async def wait_seconds(_: FaultProxy, __: bytes, ___: bytes, client: Client) -> None:
    """Answer 429 with Retry-After in seconds."""
    client.write(answer(429, "application/json", '{"message":"slow down"}', "Retry-After: 0"))


async def wait_until(_: FaultProxy, __: bytes, ___: bytes, client: Client) -> None:
    """Answer 503 with Retry-After as a past date."""
    date = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)
    client.write(answer(503, "text/html", "<title>Busy</title>", f"Retry-After: {date}"))


async def full(_: FaultProxy, __: bytes, ___: bytes, client: Client) -> None:
    """Answer 500 like an InfluxDB 2 whose cache is full, a passing fault."""
    error = '{"code":"internal error","message":"engine: cache-max-memory-size exceeded"}'
    client.write(answer(500, "application/json", error))


async def gateway(_: FaultProxy, __: bytes, ___: bytes, client: Client) -> None:
    """Answer with a gateway's HTML page and a status that InfluxDB uses for bad lines."""
    client.write(answer(400, "text/html", "<title>Bad gateway</title>"))


async def login_page(_: FaultProxy, __: bytes, ___: bytes, client: Client) -> None:
    """Answer 200 with a login page; nothing is stored."""
    client.write(answer(200, "text/html", "<title>Sign in</title>"))


async def wrong_length(proxy: FaultProxy, head: bytes, body: bytes, client: Client) -> None:
    """Forward the request; cut the response before its Content-Length."""
    await proxy.forward(head, body)
    client.write(answer(400, "application/json", '{"error":"cut')[:-3])
    client.close()


FAULTS: tuple[Fault, ...] = (
    swallow_the_answer,
    trickle,
    wait_seconds,
    wait_until,
    full,
    gateway,
    login_page,
    wrong_length,
)
