"""A JMX server that replays recorded replies: many JVMs without a JVM.

A JVM's reply to each request of a poll is recorded once. `python -m bench.replay FILE PORT` prints
"ready" and gives the same replies to any number of clients, one write per reply as a JVM does,
until its standard input ends. `Replay` runs it in a separate process, so its CPU is not counted.
"""

import asyncio
import json
import socket
import struct
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, cast

from demo.servers import Process, ServerError, free_port
from jmxbridge.jmx.rmi import calls
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.mbeans.discovery import attributes, find_claims, patterns
from jmxbridge.mbeans.rule import Rule

Replies = dict[bytes, bytes]
"""Reply by request, both as bytes."""

HOST = "127.0.0.1"
GREETING_BYTES = 7
ENDPOINT_BYTES = 6
ACK = b"\x4e\x00\x00\x00\x00\x00\x00"
REQUEST_START = b"\x50\xac\xed\x00\x05\x77\x22"
WAIT_S = 60.0


class _Recorder:
    """One blocking connection to a JVM; keeps the bytes of each answer."""

    def __init__(self, port: int) -> None:
        self.replies: Replies = {}
        self._port = port
        self._protocol = Protocol()
        self._socket = socket.create_connection((HOST, port), timeout=WAIT_S)
        while self._protocol.own_address is None:
            self._exchange()
            self._protocol.next_reply()

    def ask(self, call: Call[Any]) -> Any:
        """Return the outcome of a call."""
        self._protocol.call(call)
        raw = b""
        while True:
            raw += self._exchange()
            if reply := self._protocol.next_reply():
                self.replies[call.request] = raw
                return reply.outcome

    def _exchange(self) -> bytes:
        self._socket.sendall(self._protocol.data_to_send())
        data = self._socket.recv(1 << 16)
        self._protocol.receive_data(data)
        return data

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def record(port: int, rules: Sequence[Rule]) -> Replies:
    """Make every call of a poll, the first poll included; return the replies."""
    recorder = _Recorder(port)
    server: RemoteRef = recorder.ask(calls.lookup("jmxrmi"))
    own: RemoteRef = recorder.ask(calls.new_client(server))
    names = {
        name
        for pattern in patterns(rules)
        for name in recorder.ask(calls.query_names(own, pattern))
    }
    for claim in find_claims(rules, names):
        info = recorder.ask(calls.get_mbean_info(own, claim.name))
        existing = attributes(claim.rule, {attribute.name for attribute in info.attributes})
        recorder.ask(calls.get_attributes(own, claim.name, existing))
    recorder.ask(calls.get_mbean_count(own))
    recorder.ask(calls.close(own))
    recorder.close()
    return {request: _at(reply, port, 0) for request, reply in recorder.replies.items()}


def _at(reply: bytes, port: int, other: int) -> bytes:
    """Replace the port in a stub's address."""
    host = struct.pack(">H", len(HOST)) + HOST.encode()
    return reply.replace(host + struct.pack(">i", port), host + struct.pack(">i", other))


class Replay:
    """A running server that answers like the recorded JVM; JMX is at `port`."""

    def __init__(self, replies: Replies) -> None:
        self.port = free_port()
        self._replies = replies
        self._folder = tempfile.TemporaryDirectory(prefix="replay-")
        self._process: Process | None = None

    def __enter__(self) -> Self:
        file = Path(self._folder.name, "replies.json")
        file.write_text(json.dumps({key.hex(): raw.hex() for key, raw in self._replies.items()}))
        command = [sys.executable, "-m", "bench.replay", str(file), str(self.port)]
        process = self._process = Process(command, log=file.with_name("replay.log"), talk=True)
        if process.popen.stdout is None or process.popen.stdout.readline() != b"ready\n":
            raise ServerError(f"the replay did not start:\n{process.tail()}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stop()
        self._folder.cleanup()


class _Visitor(asyncio.Protocol):
    """One client of the server."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._unread = b""
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if not self._greeted:
            if len(self._unread) < GREETING_BYTES:
                return
            self._greeted = True
            self._transport.write(ACK)
            self._unread = self._unread[GREETING_BYTES:]
        *whole, last = self._unread.split(REQUEST_START)
        for request in whole:
            if request and len(request) != ENDPOINT_BYTES:  # not the client's endpoint
                self._transport.write(self._replies[REQUEST_START + request])
        reply = self._replies.get(REQUEST_START + last)
        if reply is not None:
            self._transport.write(reply)
            self._unread = b""
        elif whole:
            self._unread = REQUEST_START + last


async def serve(replies: Replies, port: int) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: _Visitor(replies), HOST, port):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Serve one recording."""
    file, port = sys.argv[1:]
    recorded = json.loads(Path(file).read_text())
    replies = {
        bytes.fromhex(key): _at(bytes.fromhex(raw), 0, int(port)) for key, raw in recorded.items()
    }
    asyncio.run(serve(replies, int(port)))


if __name__ == "__main__":
    main()
