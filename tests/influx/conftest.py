"""Scripted HTTP server, for answers that a real InfluxDB cannot be made to give."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jmxbridge.influx.client import Writer
from jmxbridge.store import Store

GIBIBYTE = 1024**3
LONG_S = 60.0  # a deadline that the test must not need


@dataclass
class Request:
    """A received request: its target, headers in lower case, and the unpacked body."""

    target: str
    headers: dict[str, str]
    body: bytes


Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Script:
    """A server that sends its replies in turn, and repeats the last one."""

    replies: list[Reply | bytes] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                self.requests.append(await read_request(reader))
                self.arrived.set()
                reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
                if isinstance(reply, bytes):
                    writer.write(reply)
                else:
                    await reply(reader, writer)
                await writer.drain()
        writer.close()


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request with a body of its Content-Length, if it has one."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = [line.split(":", 1) for line in head[1:] if line]
    headers = {name.lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    packed = headers.get("content-encoding") == "gzip"
    return Request(head[0].split()[1], headers, gzip.decompress(body) if packed else body)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    """A server on a port of its own; set `replies`, read `requests`."""
    script = Script()
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        tasks.add(asyncio.create_task(script.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    yield script
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for writer in writers:
        writer.transport.abort()
    await asyncio.gather(*(w.wait_closed() for w in writers), return_exceptions=True)


@pytest.fixture
def reply() -> Callable[..., bytes]:
    """Make a complete HTTP answer: `reply(400, body, "Content-Type: …", …)`."""

    def make(status: int, body: str | bytes = b"", *headers: str) -> bytes:
        data = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(data)}", *headers, "", ""]
        return "\r\n".join(lines).encode("latin-1") + (b"" if status == 204 else data)

    return make


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with await Store.open(
        tmp_path / "local.sqlite3", max_bytes=GIBIBYTE, retain_s=None
    ) as store:
        yield store


@pytest.fixture
async def make_writer(script: Any) -> AsyncIterator[Callable[..., Writer]]:
    """Make a writer to the scripted server, unless another URL is given, with a test's timeouts."""
    made: list[Writer] = []

    def make(url: str = "", **options: Any) -> Writer:
        options = {"bucket": "kafka", "read_s": LONG_S, "deadline_s": LONG_S, **options}
        made.append(Writer(url or script.url, **options))
        return made[-1]

    yield make
    for writer in made:
        await writer.close()


@pytest.fixture
async def unused_port() -> int:
    """A port where nothing listens."""
    server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    return port
