"""A Jolokia agent that misbehaves: each fault is a clear error, and never waits or grows for ever.

What agents answer when they are well is in tests/real/test_jolokia.py.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from jmxbridge.jmx import (
    ConnectionFailed,
    Credentials,
    JmxError,
    MBeanInfo,
    ObjectName,
    RemoteException,
    Tls,
)
from jmxbridge.transports import exposure, jolokia_http
from jmxbridge.transports.jolokia_agent import JolokiaAgent

MEMORY = ObjectName.parse("java.lang:type=Memory")
PASSWORD = "swordfish"  # noqa: S105 - of a server that lives as long as this test
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Take one request and return its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return await reader.readexactly(int(sizes[0].split(b":")[1]))


def http(body: bytes, *, status: str = "200 OK", head: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


@asynccontextmanager
async def agent_at(serve: Serve, *, path: str = "/jolokia/") -> AsyncIterator[JolokiaAgent]:
    """Our side of a connection to a server on a free port."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # we went away first
        finally:
            writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    agent = JolokiaAgent(
        f"http://127.0.0.1:{port}{path}", credentials=Credentials("monitor", PASSWORD)
    )
    try:
        yield agent
    finally:
        await agent.close()
        server.close()


def answers(*replies: bytes) -> Serve:
    """Answer each request of a connection with the next of these, then close it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await read_request(reader)
            writer.write(reply)
            await writer.drain()

    return serve


FAULTS = [
    (http(b"", status="401 Unauthorized"), "access", "credentials of monitor"),
    (http(b"", status="403 Forbidden"), "access", "jolokia-access.xml"),
    (http(b"<h1>no</h1>", status="404 Not Found"), "not_jolokia", "nothing at this path"),
    (http(b"oops", status="500 Internal Server Error"), "remote", "HTTP 500"),
    (
        http(b"", status="302 Found", head="Location: https://me:hush@sso/login?token=hush\r\n"),
        "not_jolokia",
        "redirects to https://sso/login (HTTP 302)",
    ),
    (http(b"", status="307 Temporary Redirect"), "not_jolokia", "an address it does not name"),
    (http(b"\n<html><form>Log in</form>"), "not_jolokia", "a web page"),
    (http(b"# HELP jvm_up\njvm_up 1\n"), "protocol", "not JSON"),
    (http(b"[" * 200_000), "protocol", "not JSON"),
    (http(b'"\xff"'), "protocol", "not JSON"),
    (http(b'{"status": "UP"}'), "not_jolokia", "no agent would send"),
    (http(b"[1]"), "not_jolokia", "no agent would send"),
    (http(b'[{"status": "green"}]'), "not_jolokia", "no agent would send"),
    (http(b"[]"), "protocol", "answered 0 of 1 requests"),
    (http(b'[{"status": 200, "value": {"a": 1}}]'), "protocol", "a search returned a dict"),
    (http(b'[{"status": 200, "value": ["not a name"]}]'), "protocol", "a malformed name"),
    (http(b'[{"status": 200}]'), "protocol", "a search returned nothing"),
    (b"SSH-2.0-OpenSSH_9.6\r\n", "not_jolokia", "does not speak HTTP"),
    (b"", "closed", "closed the connection"),
    (http(b"[{}]")[:-2], "closed", "closed the connection"),
    (
        http(b'{"error_type": "java.lang.SecurityException", "error": "no", "status": 403}'),
        "access",
        "no",
    ),
    (
        http(b'[{"error_type": "java.lang.SecurityException", "error": "no", "status": 403}]'),
        "access",
        "no",
    ),
]


@pytest.mark.parametrize(("reply", "word", "said"), FAULTS, ids=[said for _, _, said in FAULTS])
async def test_an_answer_that_is_none(reply: bytes, word: str, said: str) -> None:
    """Each has its class and its sentence; none has the password, or a secret of a redirect."""
    async with agent_at(answers(reply)) as agent:
        with pytest.raises(JmxError) as caught:
            await agent.query(None)
    assert caught.value.error_class == word
    assert said in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "hush" not in str(caught.value)


async def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What exceeds the bound is not read on, and not kept."""
    monkeypatch.setattr(jolokia_http, "MAX_REPLY_BYTES", 2**20)
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()
            sent += 65536

    async with agent_at(pour) as agent:
        with pytest.raises(JmxError, match="more than 1 MiB") as caught:
            await agent.query(None)
    assert caught.value.error_class == "protocol"
    assert sent < 64 * 2**20  # the bound, and what buffers of sockets hold


async def test_an_answer_byte_by_byte_ends_with_the_callers_patience() -> None:
    """Cancelling a call ends it where it waits, and closes the socket."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[")
        began.set()
        assert await reader.read() == b""
        ended.set()

    async with agent_at(dribble) as agent:
        call = asyncio.create_task(agent.query(None))
        await began.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await ended.wait()


async def test_its_own_patience() -> None:
    """Where a command sets a limit, silence is told; a plain agent asked by TLS is silent."""

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with agent_at(nothing) as unhurried:
        for url, tls, said in (
            (unhurried.url, None, r"did not answer within 0\.01 s$"),
            (unhurried.url.replace("http:", "https:"), Tls(), "does it speak TLS"),
        ):
            agent = JolokiaAgent(url, tls=tls, timeout_s=0.01)
            with pytest.raises(ConnectionFailed, match=said) as caught:
                await agent.query(None)
            await agent.close()
            assert caught.value.error_class == "timeout"


async def test_a_host_that_is_not_there() -> None:
    """A name that nobody has is told as that."""
    agent = JolokiaAgent("http://nowhere.invalid:8778/jolokia/")
    with pytest.raises(ConnectionFailed, match="no such host") as caught:
        await agent.query(None)
    await agent.close()
    assert caught.value.error_class == "resolve"


async def test_a_connection_that_ended_between_two_calls_is_replaced() -> None:
    """Servers close idle connections: what meets such an end is asked again, over another."""
    found = http(json.dumps([{"status": 200, "value": [MEMORY.text]}]).encode())
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(found)
        await read_request(reader)  # and hang up

    async with agent_at(serve) as agent:
        for asked in (1, 2, 3):
            assert await agent.query(None) == [MEMORY]
            assert connections == asked


async def test_an_agent_that_never_answered_is_asked_once() -> None:
    """What hangs up at the first request is an error at once."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await read_request(reader)

    async with agent_at(serve) as agent:
        with pytest.raises(ConnectionFailed):
            await agent.query(None)
    assert asked == 1


async def test_one_mbean_that_failed_leaves_the_others() -> None:
    """What an agent says instead of one MBean's values stands in their place."""
    gone = {"status": 404, "error_type": "javax.management.InstanceNotFoundException", "error": "x"}
    fine = {"status": 200, "value": {"a": 1}}
    async with agent_at(answers(http(json.dumps([gone, fine]).encode()))) as agent:
        failed, read = await agent.get_many([(MEMORY, ["a"]), (MEMORY, ["a"])])
    assert isinstance(failed, RemoteException)
    assert failed.error_class == "not_found"
    assert read == {"a": 1}


async def test_what_is_forbidden_is_no_lack_of_attributes() -> None:
    """One MBean that may not be listed stands for itself; where none may be, that is an error."""
    refused = {"status": 403, "error_type": "java.lang.SecurityException", "error": "not allowed"}
    fine = {"status": 200, "value": {"Used": {"type": "long", "rw": False}}}
    replies = [http(json.dumps(each).encode()) for each in ([refused, fine], [refused, refused])]
    async with agent_at(answers(*replies)) as agent:
        failed, info = await agent.get_infos([MEMORY, MEMORY])
        assert isinstance(failed, RemoteException)
        assert isinstance(info, MBeanInfo)
        assert [each.name for each in info.attributes] == ["Used"]
        with pytest.raises(RemoteException, match="not allowed"):
            await agent.get_infos([MEMORY, MEMORY])


@pytest.mark.parametrize(
    ("peer", "credentials", "said"),
    [
        ("192.0.2.7", None, "without TLS and without a password"),
        ("192.0.2.7", Credentials("me", PASSWORD), "the password goes over the network"),
        (None, Credentials("me", PASSWORD), None),
    ],
)
async def test_what_goes_over_the_network_unprotected_is_said_once(
    peer: str | None,
    credentials: Credentials | None,
    said: str | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One warning, with the URL and without the password; none on this machine."""
    if peer is not None:
        monkeypatch.setattr(exposure, "is_loopback", lambda host: False)
    found = http(b'[{"status": 200, "value": []}]')
    async with agent_at(answers(found, found)) as example:
        agent = JolokiaAgent(example.url, credentials=credentials)
        with caplog.at_level(logging.WARNING):
            await agent.query(None)
            await agent.query(None)
        assert agent.peer_host == "127.0.0.1"
        await agent.close()
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == (said is not None)
    for warning in warnings:
        assert said is not None
        assert said in warning
        assert example.url in warning
        assert PASSWORD not in warning
