"""Fixtures: captured and built replies, and a scripted server."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from jmxbridge.jmx import connection as connection_module
from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.serialization.reader import Limits
from jmxbridge.jmx.values import Composite, JavaObject
from tests.jmx.java_bytes import OBJECT_OFFSET, string
from tests.jmx.scripted import (
    ACK,
    AssertDecodes,
    AssertRejected,
    Captured,
    Domain,
    MakeReply,
    Outcomes,
    Script,
    Serve,
    StubAt,
    Target,
    Visit,
)

WIRE = Path(__file__).parent / "wire"


@pytest.fixture(autouse=True)
def short_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most scripts never answer `close`."""
    monkeypatch.setattr(connection_module, "CLOSE_S", 0.02)


@pytest.fixture
def captured() -> Captured:
    """Return a function that reads a captured reply by name."""
    return lambda name: (WIRE / f"{name}.bin").read_bytes()


@pytest.fixture
def make_reply() -> MakeReply:
    """Return a function that frames an object as a reply: normal (1) or exceptional (2)."""

    def make(content: bytes, kind: int = 1) -> bytes:
        return b"\x51\xac\xed\x00\x05\x77\x0f" + bytes((kind,)) + bytes(range(14)) + content

    return make


@pytest.fixture
def as_is() -> Call[Any]:
    """A call whose outcome is the value of the reply."""
    return Call("anything", b"request", lambda value: value)


@pytest.fixture
def connection_ref() -> RemoteRef:
    """A reference to a connection object."""
    return RemoteRef(Endpoint("127.0.0.1", 9999), b"\x07" * 22, None)


@pytest.fixture
def greeted() -> Callable[..., Protocol]:
    """Return a function that makes a Protocol that has exchanged greetings."""

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
    """Return a function that feeds pieces of the replies to a call, and returns the outcomes."""

    def feed(
        call: Call[Any], pieces: Sequence[bytes], *, calls: int = 1, limits: Limits | None = None
    ) -> list[Any]:
        protocol = greeted(limits=limits)
        for _ in range(calls):
            protocol.call(call)
        protocol.data_to_send()
        results = []
        for piece in pieces:
            protocol.receive_data(piece)
            while reply := protocol.next_reply():
                results.append(reply.outcome)
        return results

    return feed


@pytest.fixture
def plain() -> Callable[[Any], Any]:
    """Return a function that makes values comparable: floats become text, JavaObjects names."""

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


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return a function that runs a script for each client of a new port of 127.0.0.1.

    The socket is closed when the script ends.
    """
    servers: list[asyncio.Server] = []
    visits: set[asyncio.Task[None]] = set()
    failures: list[BaseException] = []

    async def start(script: Script) -> int:
        async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            visits.add(task)
            try:
                await script(Visit(reader, writer))
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # the client left, or the test ended
            except BaseException as exc:
                failures.append(exc)
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
    assert failures == []


@pytest.fixture
def stub_at(captured: Captured) -> StubAt:
    """Return a function that makes a reply with a stub that leads to a port of 127.0.0.1."""

    def make(port: int) -> bytes:
        raw = captured("lookup")
        host = b"\x00\x09127.0.0.1"
        start = raw.index(host) + len(host)
        return raw[:start] + struct.pack(">i", port) + raw[start + 4 :]

    return make


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
def domain(make_reply: MakeReply) -> Domain:
    """Return a function that makes a reply to getDefaultDomain."""
    return lambda text: make_reply(string(text))


@pytest.fixture
def target(serve: Serve, stub_at: StubAt) -> Target:
    """Return a function that serves registry, JMX server and connection object on one port.

    The first visit answers lookup and newClient and continues with the first script; the other
    scripts are for the visits after it.
    """

    async def start(*scripts: Script) -> int:
        port = 0
        left = list(scripts)

        async def script(visit: Visit) -> None:
            await visit.greet()
            if len(left) == len(scripts):
                await visit.answer(stub_at(port))
                await visit.answer(stub_at(port))
            assert left, "one visit too many"
            await left.pop(0)(visit)

        port = await serve(script)
        return port

    return start


@pytest.fixture
def assert_decodes(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes, plain: Callable[[Any], Any]
) -> AssertDecodes:
    """Return a function that asserts what an object is decoded to.

    The object is fed whole, in small pieces, and a second time, when its classes are known.
    """

    def check(wire: bytes, value: Any) -> None:
        raw = make_reply(wire)
        assert plain(outcomes(as_is, [raw])) == (value,)
        step = 1 if len(raw) < 1000 else 997
        pieces = [raw[i : i + step] for i in range(0, len(raw), step)]
        assert plain(outcomes(as_is, pieces)) == (value,)
        assert plain(outcomes(as_is, [raw, raw[:-1], raw[-1:]], calls=2)) == (value, value)

    return check


@pytest.fixture
def assert_rejected(make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes) -> AssertRejected:
    """Return a function that asserts that an object is a protocol error, whole and byte by byte.

    It takes the offset of the error in the object and words of the message.
    """

    def check(wire: bytes, offset: int, words: str) -> None:
        raw = make_reply(wire)
        for pieces in ([raw], [raw[i : i + 1] for i in range(len(raw))]):
            with pytest.raises(RemoteProtocolError) as caught:
                outcomes(as_is, pieces)
            assert words in str(caught.value)
            assert caught.value.offset == OBJECT_OFFSET + offset

    return check
