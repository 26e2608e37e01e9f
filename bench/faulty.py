"""JMX servers that misbehave: `python -m bench.faulty` prints the port of each fault as JSON.

Each completes the RMI handshake and misbehaves on the registry lookup. They serve until standard
input ends; `Faulty` runs them in a separate process.
"""

import asyncio
import json
import socket
import struct
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Self

from bench.replay import ACK, ENDPOINT_BYTES, GREETING_BYTES, HOST, REQUEST_START
from demo.servers import Process, ServerError

RETURN = b"\x51\xac\xed\x00\x05\x77\x0f\x01" + bytes(14)
LONG_STRING = b"\x7c"
BYTES = b"\x75\x72\x00\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\x00\x00\x70\x78\x70"
OBJECTS = (
    b"\x75\x72\x00\x13[Ljava.lang.Object;\x90\xce\x58\x9f\x10\x73\x29\x6c\x02\x00\x00\x70\x78\x70"
)
OBJECTS_AGAIN = b"\x75\x71\x00\x7e\x00\x00"
LIST = b"\x73\x72\x00\x13java.util.ArrayList" + bytes(8) + b"\x03\x00\x00\x70\x78\x70"
ONE = struct.pack(">i", 1)
MB = 1 << 20
DRIP_S = 1.0

Fault = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def says(raw: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with `raw` and keep the connection open."""
    writer.write(raw)
    await reader.read()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one byte per second."""
    for byte in RETURN + LONG_STRING + bytes(MB):
        writer.write(bytes((byte,)))
        await asyncio.sleep(DRIP_S)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection in the middle of an answer."""
    writer.write(RETURN)
    await writer.drain()
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with an endless list of one-megabyte strings."""
    writer.write(RETURN + LIST)
    while True:
        writer.write(LONG_STRING + struct.pack(">q", MB) + b"x" * MB)
        await writer.drain()


FAULTS: Mapping[str, Fault] = {
    "never-answers": partial(says, b""),
    "drips": drips,
    "resets": resets,
    "garbage": partial(says, b"\x00\xff" * 500),
    "gigabyte-of-text": partial(says, RETURN + LONG_STRING + struct.pack(">q", 1 << 30)),
    "gigabyte-of-bytes": partial(says, RETURN + BYTES + struct.pack(">i", 1 << 30)),
    "deep": partial(says, RETURN + OBJECTS + ONE + (OBJECTS_AGAIN + ONE) * 10_000),
    "never-ends": never_ends,
}


async def visit(fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Complete the handshake, wait for the request, misbehave."""
    try:
        await reader.readexactly(GREETING_BYTES)
        writer.write(ACK)
        await reader.readexactly(ENDPOINT_BYTES)
        await reader.readuntil(REQUEST_START)
        await fault(reader, writer)
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client left
    finally:
        writer.close()


async def serve() -> None:
    """Serve each fault on its own port until standard input ends."""
    servers = {
        name: await asyncio.start_server(partial(visit, fault), HOST, 0)
        for name, fault in FAULTS.items()
    }
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


class Faulty:
    """The running servers; `ports` has the port of each fault."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="faulty-")
        self._process: Process | None = None

    def __enter__(self) -> Self:
        log = Path(self._folder.name, "faulty.log")
        process = Process([sys.executable, "-m", "bench.faulty"], log=log, talk=True)
        self._process = process
        line = b"" if process.popen.stdout is None else process.popen.stdout.readline()
        if not line:
            raise ServerError(f"the faulty servers did not start:\n{process.tail()}")
        self.ports = json.loads(line)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stop()
        self._folder.cleanup()


if __name__ == "__main__":
    asyncio.run(serve())
