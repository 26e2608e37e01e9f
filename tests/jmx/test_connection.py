"""Connecting and calling, against a server that does what a real one cannot be made to do."""

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jmxbridge.jmx import connection as connection_module
from jmxbridge.jmx.connection import Connection, connect
from jmxbridge.jmx.errors import (
    ConnectionFailed,
    JmxError,
    RemoteException,
    RemoteProtocolError,
)
from jmxbridge.jmx.net.service_url import ServiceAddress, parse
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi.jrmp import Endpoint

Serve = Callable[[Callable[[Any], Awaitable[None]]], Awaitable[int]]
Script = Callable[[Any], Awaitable[None]]
Captured = Callable[[str], bytes]
StubAt = Callable[[int], bytes]
Reply = Callable[..., bytes]

REQUEST_START = b"\x50\xac\xed\x00\x05\x77\x22"
NAME = ObjectName.parse("odd:type=Any")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most scripts never answer `close`."""
    monkeypatch.setattr(connection_module, "CLOSE_S", 0.02)


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
def domain(make_reply: Reply) -> Callable[[str], bytes]:
    """Make an answer to getDefaultDomain."""
    return lambda text: make_reply(b"\x74" + len(text).to_bytes(2, "big") + text.encode())


@pytest.fixture
def target(serve: Serve, stub_at: StubAt) -> Callable[..., Awaitable[int]]:
    """Serve a target all on one port: lookup and newClient on the first visit, then the scripts.

    The first script continues the first visit, the next ones are for the visits after it.
    """

    async def start(*scripts: Script) -> int:
        port = 0
        left = list(scripts)

        async def script(visit: Any) -> None:
            await visit.greet()
            if len(left) == len(scripts):
                await visit.answer(stub_at(port))
                await visit.answer(stub_at(port))
            assert left, "one visit too many"
            await left.pop(0)(visit)

        port = await serve(script)
        return port

    return start


async def silence(visit: Any) -> None:
    """Read what comes and say nothing."""
    await visit.gone()


def hasten(connection: Connection) -> None:
    """Have it wait a short time only for answers from now on; connecting had all it needed."""
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


# Connecting.


async def test_one_socket_serves_when_all_is_at_one_address(
    target: Callable[..., Awaitable[int]], domain: Callable[[str], bytes]
) -> None:
    """Registry, server and connection at one address share a socket, also by another host name."""

    async def script(visit: Any) -> None:
        await visit.answer(domain("here"))
        await visit.gone()

    port = await target(script)
    async with await connect("localhost", port) as connection:
        assert await connection.get_default_domain() == "here"
        assert str(connection.asked) == f"localhost:{port}"
        assert str(connection.advertised) == f"127.0.0.1:{port}"
        assert connection.address == connection.asked
        assert connection.traffic.calls == 3


async def test_connecting_in_one_step(
    target: Callable[..., Awaitable[int]], domain: Callable[[str], bytes], captured: Captured
) -> None:
    """An address and names as texts; `async with` without an `await` closes at the end."""

    async def script(visit: Any) -> None:
        await visit.answer(captured("faulty"))
        await visit.gone()

    async with connect(f"127.0.0.1:{await target(script)}") as mbeans:
        assert await mbeans.get("odd:type=Faulty", ["Fine"]) == {"Fine": 1}
        with pytest.raises(ValueError, match="domain"):
            await mbeans.query("no name")
        assert mbeans.is_open
    assert not mbeans.is_open


async def test_a_service_url_names_both_ends(
    serve: Serve, stub_at: StubAt, domain: Callable[[str], bytes], closed_port: int
) -> None:
    """The server's address in it is used in place of the advertised one."""

    async def everything(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(closed_port))
        await visit.answer(stub_at(closed_port))
        await visit.answer(domain("here"))
        await visit.gone()

    port = await serve(everything)
    url = f"service:jmx:rmi://127.0.0.1:{port}/jndi/rmi://127.0.0.1:{port}/jmxrmi"
    async with connect(url) as connection:
        assert await connection.get_default_domain() == "here"


@pytest.mark.parametrize(
    "text", ["host", "host:", ":1", "host:0", "host:65536", "::1:9", "service:jmx:rmi://host:1"]
)
def test_what_is_no_address(text: str) -> None:
    """It is refused before anything is connected to."""
    with pytest.raises(ValueError, match="neither HOST:PORT nor"):
        connect(text)


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("[::1]:9999", "[::1]:9999"),
        ("service:jmx:rmi:///jndi/rmi://[::1]:9999/jmxrmi", "[::1]:9999"),
    ],
)
def test_addresses(text: str, registry: str) -> None:
    """IPv6 addresses stand in brackets; the usual URL says no more than HOST:PORT."""
    assert parse(text) == ServiceAddress(Endpoint("::1", 9999))
    assert str(parse(text).registry) == registry


async def test_the_advertised_address_is_followed(
    serve: Serve, stub_at: StubAt, domain: Callable[[str], bytes]
) -> None:
    """A server at another port than the registry gets a socket of its own; the first is closed."""
    registry_left = asyncio.Event()
    server_port = 0

    async def registry(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(server_port))
        await visit.gone()
        registry_left.set()

    async def server(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(server_port))
        await visit.answer(domain("there"))
        await visit.gone()

    server_port = await serve(server)
    port = await serve(registry)
    async with await connect("127.0.0.1", port) as connection:
        assert connection.address.port == server_port
        assert await connection.get_default_domain() == "there"
        await registry_left.wait()


async def test_the_connection_object_may_be_at_a_third_address(
    serve: Serve, stub_at: StubAt, domain: Callable[[str], bytes]
) -> None:
    """The server's answer to newClient is followed as the registry's is."""

    async def last(visit: Any) -> None:
        await visit.greet()
        await visit.answer(domain("third"))
        await visit.gone()

    third = await serve(last)

    async def first(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(port))
        await visit.answer(stub_at(third))
        await visit.gone()

    port = 0
    port = await serve(first)
    async with await connect("127.0.0.1", port) as connection:
        assert connection.address.port == third
        assert await connection.get_default_domain() == "third"


async def test_an_unreachable_advertised_address_names_both(
    serve: Serve, stub_at: StubAt, closed_port: int
) -> None:
    """The error says what was asked, what was advertised, why that fails, and the way out."""

    async def registry(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(closed_port))
        await visit.gone()

    port = await serve(registry)
    error = await failure("127.0.0.1", port)
    assert error.error_class == "unreachable_advertised"
    for words in (
        f"127.0.0.1:{port}",
        f"127.0.0.1:{closed_port}",
        "refused",
        "rmi_host",
        "rmi_port",
    ):
        assert words in str(error)


async def test_an_advertised_address_that_does_not_answer_names_both(
    serve: Serve, stub_at: StubAt
) -> None:
    """An address that takes connections and stays silent is as useless as a closed one."""
    mute = await serve(silence)

    async def registry(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(mute))
        await visit.gone()

    port = await serve(registry)
    error = await failure("127.0.0.1", port, timeout_s=0.5)
    assert error.error_class == "unreachable_advertised"
    assert f"127.0.0.1:{port}" in str(error)
    assert f"127.0.0.1:{mute} did not answer" in str(error)


async def test_the_advertised_address_can_be_replaced(
    serve: Serve, stub_at: StubAt, closed_port: int, domain: Callable[[str], bytes]
) -> None:
    """`rmi_host` and `rmi_port` lead where the advertised address does not."""

    async def everything(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(closed_port))
        await visit.answer(stub_at(closed_port))
        await visit.answer(domain("here"))
        await visit.gone()

    port = await serve(everything)
    async with await connect("127.0.0.1", port, rmi_port=port) as connection:
        assert await connection.get_default_domain() == "here"
        assert connection.advertised.port == closed_port
    error = await failure("127.0.0.1", port, rmi_host="127.0.0.2", rmi_port=closed_port)
    assert error.error_class == "unreachable_advertised"
    assert f"replaced by 127.0.0.2:{closed_port}" in str(error)
    assert "Correct rmi_host" in str(error)


async def test_nothing_listens(closed_port: int) -> None:
    """A closed port is `refused`, with the address."""
    error = await failure("127.0.0.1", closed_port)
    assert error.error_class == "refused"
    assert f"127.0.0.1:{closed_port}" in str(error)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".invalid"])
async def test_no_such_host(host: str) -> None:
    """A name without address is `resolve`, with the name."""
    error = await failure(host, 9999)
    assert error.error_class == "resolve"
    assert host in str(error)


async def test_something_else_listens(serve: Serve) -> None:
    """A web server is told by its answer."""

    async def web(visit: Any) -> None:
        await visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await visit.gone()

    error = await failure("127.0.0.1", await serve(web))
    assert error.error_class == "not_rmi"
    assert "HTTP server" in str(error)


async def test_something_closes_at_once(serve: Serve) -> None:
    """A Kafka listener closes on a greeting that it takes for an enormous request."""

    async def kafka(visit: Any) -> None:
        return

    error = await failure("127.0.0.1", await serve(kafka))
    assert error.error_class == "not_rmi"
    assert "JMX port" in str(error)


async def test_something_stays_silent(serve: Serve) -> None:
    """No greeting within the time is `timeout`, with address and time, and who waits like that."""
    port = await serve(silence)
    error = await failure("127.0.0.1", port, timeout_s=0.1)
    assert error.error_class == "timeout"
    assert f"127.0.0.1:{port} did not answer within 0.1 s" in str(error)
    assert "HTTP server" in str(error)
    assert "Jolokia" in str(error)


async def test_a_registry_stays_silent(serve: Serve) -> None:
    """It greeted us, so it is no question of the port."""

    async def registry(visit: Any) -> None:
        await visit.greet()
        await visit.gone()

    error = await failure("127.0.0.1", await serve(registry), timeout_s=0.1)
    assert error.error_class == "timeout"
    assert "HTTP server" not in str(error)


@pytest.mark.parametrize(
    ("name", "word", "words"),
    [
        ("not_bound", "not_bound", "no 'jmxrmi' in it"),
        ("missing", "remote", "InstanceNotFoundException"),
        ("lookup_tls", "tls", "SslRMIClientSocketFactory"),
    ],
)
async def test_the_registry_answers_otherwise(
    name: str, word: str, words: str, serve: Serve, captured: Captured
) -> None:
    """What a registry can say instead of a plain stub has an error of its own."""

    async def registry(visit: Any) -> None:
        await visit.greet()
        await visit.answer(captured(name))
        await visit.gone()

    error = await failure("127.0.0.1", await serve(registry))
    assert error.error_class == word
    assert words in str(error)


@pytest.mark.parametrize(
    ("name", "word", "words"),
    [
        ("no_password", "access", "Credentials required"),
        ("no_such_object", "unreachable_advertised", "is another JVM than"),
        ("missing", "remote", "InstanceNotFoundException"),
    ],
)
async def test_the_server_answers_otherwise(
    name: str, word: str, words: str, serve: Serve, stub_at: StubAt, captured: Captured
) -> None:
    """What a JMX server can say instead of a connection has an error of its own."""

    async def script(visit: Any) -> None:
        await visit.greet()
        await visit.answer(stub_at(port))
        await visit.answer(captured(name))
        await visit.gone()

    port = 0
    port = await serve(script)
    error = await failure("127.0.0.1", port)
    assert error.error_class == word
    assert words in str(error)


async def test_a_stub_that_is_none(serve: Serve, domain: Callable[[str], bytes]) -> None:
    """A registry that answers with something else breaks the protocol."""

    async def registry(visit: Any) -> None:
        await visit.greet()
        await visit.answer(domain("not a stub"))
        await visit.gone()

    with pytest.raises(RemoteProtocolError, match="expected a stub"):
        await connect("127.0.0.1", await serve(registry))


async def test_a_connect_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that drops packets is given up in time, and the socket is closed."""

    async def hang(sock: socket.socket, address: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", hang)
    error = await failure("127.0.0.1", 9999, timeout_s=0.05)
    assert error.error_class == "timeout"


async def test_connecting_can_be_cancelled(serve: Serve) -> None:
    """A cancelled attempt closes its socket."""
    arrived, left = asyncio.Event(), asyncio.Event()

    async def script(visit: Any) -> None:
        arrived.set()
        await visit.gone()
        left.set()

    task = asyncio.ensure_future(connect("127.0.0.1", await serve(script)))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await left.wait()


# Calling.


async def test_many_calls_are_answered_in_order(
    target: Callable[..., Awaitable[int]], captured: Captured
) -> None:
    """One failing among many is a value in its place."""

    async def script(visit: Any) -> None:
        for name in ("faulty", "missing", "faulty"):
            await visit.answer(captured(name))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        before = connection.traffic
        first, second, third = await connection.get_many([(NAME, ["Fine"])] * 3)
        assert first == third == {"Fine": 1}
        assert isinstance(second, RemoteException)
        assert connection.traffic.calls == before.calls + 3
        assert connection.traffic.round_trips == before.round_trips + 1
        assert await connection.get_many([]) == []


async def test_many_calls_are_one_write(
    target: Callable[..., Awaitable[int]], captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the window has room for leaves together, and nothing is written for the answers."""
    count = 500

    async def script(visit: Any) -> None:
        for _ in range(count):
            await visit.answer(captured("faulty"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        transport = connection._channel._transport
        assert transport is not None
        write, writes = transport.write, list[bytes]()

        def noted(data: bytes) -> None:
            writes.append(data)
            write(data)

        monkeypatch.setattr(transport, "write", noted)
        assert await connection.get_many([(NAME, ["Fine"])] * count) == [{"Fine": 1}] * count
        assert [data.count(REQUEST_START) for data in writes] == [count]


async def test_a_single_call_raises_what_is_thrown(
    target: Callable[..., Awaitable[int]], captured: Captured
) -> None:
    """An exception of the Java side leaves the connection as it was."""

    async def script(visit: Any) -> None:
        await visit.answer(captured("missing"))
        await visit.answer(captured("faulty"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        with pytest.raises(RemoteException) as caught:
            await connection.get(NAME, ["Fine"])
        assert caught.value.error_class == "not_found"
        assert await connection.get(NAME, ["Fine"]) == {"Fine": 1}


async def test_names_and_infos(target: Callable[..., Awaitable[int]], captured: Captured) -> None:
    """The other calls answer with names and descriptions."""

    async def script(visit: Any) -> None:
        await visit.answer(captured("names"))
        await visit.answer(captured("info_numbers"))
        await visit.answer(captured("info_numbers"))
        await visit.answer(captured("missing"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        assert len(await connection.query(None)) > 10
        info = await connection.get_mbean_info(NAME)
        first, second = await connection.get_infos([NAME, NAME])
        assert first == info
        assert isinstance(second, RemoteException)


async def test_tasks_get_their_own_answers(
    target: Callable[..., Awaitable[int]], domain: Callable[[str], bytes]
) -> None:
    """Calls of several tasks share a connection; each gets the answer to its own call."""

    async def script(visit: Any) -> None:
        for i in range(20):
            await visit.answer(domain(str(i)))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        answers = await asyncio.gather(*(connection.get_default_domain() for _ in range(20)))
        assert answers == [str(i) for i in range(20)]


async def test_a_cancelled_call_never_leaves_its_answer_to_the_next(
    target: Callable[..., Awaitable[int]], domain: Callable[[str], bytes]
) -> None:
    """After a cancellation the connection is dead, also when the old answer comes at last."""
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def script(visit: Any) -> None:
        await visit.request()
        asked.set()
        await cancelled.wait()
        await visit.send(domain("old"))
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    task = asyncio.create_task(connection.get_default_domain())
    other = asyncio.create_task(connection.query(None))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    cancelled.set()
    with pytest.raises(ConnectionFailed, match="was cancelled"):
        await connection.get_default_domain()
    with pytest.raises(ConnectionFailed) as caught:
        await other
    assert caught.value.error_class == "cancelled"
    assert not connection.is_open
    await connection.close()


async def test_a_call_without_answer_kills_the_connection(
    target: Callable[..., Awaitable[int]], captured: Captured
) -> None:
    """No answer within the time is `timeout`; it says how far it came; later calls fail at once."""

    async def script(visit: Any) -> None:
        await visit.answer(captured("faulty"))
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    hasten(connection)
    with pytest.raises(ConnectionFailed, match=r"1 of 2 calls were answered") as caught:
        await connection.get_many([(NAME, ["Fine"])] * 2)
    assert caught.value.error_class == "timeout"
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get_default_domain()
    assert caught.value.error_class == "timeout"
    await connection.close()


async def test_half_an_answer_is_none(
    target: Callable[..., Awaitable[int]], captured: Captured
) -> None:
    """A server that stops in the middle of an answer is given up as well."""

    async def script(visit: Any) -> None:
        await visit.answer(captured("numbers")[:-10])
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    hasten(connection)
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get(NAME, ["Fine"])
    assert caught.value.error_class == "timeout"
    await connection.close()


async def test_garbage_kills_the_connection(target: Callable[..., Awaitable[int]]) -> None:
    """Bytes that are no answer are RemoteProtocolError, then ConnectionFailed for good."""

    async def script(visit: Any) -> None:
        await visit.answer(b"garbage")
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    with pytest.raises(RemoteProtocolError, match="garbage"):
        await connection.get_default_domain()
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get_default_domain()
    assert caught.value.error_class == "protocol"
    await connection.close()


@pytest.mark.parametrize("name", ["unserializable", "externalizable"])
async def test_a_value_that_cannot_be_carried_costs_a_socket_only(
    name: str, target: Callable[..., Awaitable[int]], captured: Captured
) -> None:
    """What was asked after it is asked again over a new socket; every answer finds its call."""

    async def first(visit: Any) -> None:
        await visit.answer(captured("faulty"))
        await visit.answer(captured(name))

    async def second(visit: Any) -> None:
        await visit.answer(captured("faulty"))
        await visit.answer(captured("missing"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(first, second)) as connection:
        outcomes = await connection.get_many([(NAME, ["Fine"])] * 4)
        assert [isinstance(outcome, RemoteException) for outcome in outcomes] == [
            *(False, True, False, True)
        ]
        assert getattr(outcomes[1], "error_class", None) == "unreadable"
        assert connection.is_open
        assert connection.traffic.calls >= 2 + 2 + 2


async def test_several_tasks_share_the_new_socket(
    target: Callable[..., Awaitable[int]], captured: Captured, domain: Callable[[str], bytes]
) -> None:
    """A connection that is replaced is replaced once, whoever notices first."""

    async def first(visit: Any) -> None:
        await visit.answer(captured("unserializable"))

    async def second(visit: Any) -> None:
        await visit.answer(domain("a"))
        await visit.answer(domain("b"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(first, second)) as connection:
        thrown, *answers = await asyncio.gather(
            connection.get(NAME, ["Fine"]),
            connection.get_default_domain(),
            connection.get_default_domain(),
            return_exceptions=True,
        )
        assert isinstance(thrown, RemoteException)
        assert sorted(map(str, answers)) == ["a", "b"]


async def test_a_socket_that_brings_nothing_is_not_replaced(
    target: Callable[..., Awaitable[int]],
) -> None:
    """A server that closes again before it has answered anything is not asked a third time."""

    async def listen(visit: Any) -> None:
        await visit.request()

    connection = await connect("127.0.0.1", await target(listen, listen))
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get_default_domain()
    assert caught.value.error_class == "closed"
    await connection.close()


@pytest.mark.parametrize("word", ["timeout", "refused"])
async def test_a_socket_that_cannot_be_replaced(
    word: str, serve: Serve, stub_at: StubAt, captured: Captured, closed_port: int
) -> None:
    """A target that went away in the middle is an error like any other that is away."""
    visits = 0

    async def script(visit: Any) -> None:
        nonlocal visits
        visits += 1
        if visits > 1:
            await visit.gone()
        await visit.greet()
        await visit.answer(stub_at(port))
        await visit.answer(stub_at(port))
        await visit.answer(captured("faulty"))

    port = 0
    port = await serve(script)
    connection = await connect("127.0.0.1", port)
    if word == "timeout":
        hasten(connection)
    else:
        connection._channel.endpoint = Endpoint("127.0.0.1", closed_port)
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get_many([(NAME, ["Fine"])] * 2)
    assert caught.value.error_class == word
    await connection.close()
    with pytest.raises(ConnectionFailed, match="closed here"):
        await connection.get_default_domain()


async def test_waiting_counts_from_the_last_answer(
    target: Callable[..., Awaitable[int]], domain: Callable[[str], bytes]
) -> None:
    """The clock that ran for an answered call gives nobody up, neither idle nor in the next."""
    asked, looked = asyncio.Event(), asyncio.Event()

    async def script(visit: Any) -> None:
        await visit.answer(domain("first"))
        await visit.request()
        asked.set()
        await looked.wait()
        await visit.send(domain("second"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        channel = connection._channel
        assert await connection.get_default_domain() == "first"
        channel._check_last_reply()  # what the clock does when it runs out
        assert connection.is_open
        waiting = asyncio.create_task(connection.get_default_domain())
        await asked.wait()
        channel._check_last_reply()
        looked.set()
        assert await waiting == "second"


async def test_a_dropped_connection_object_is_not_a_missing_mbean(
    target: Callable[..., Awaitable[int]], captured: Captured
) -> None:
    """What an idle or restarted server says for every MBean is the end of the connection."""

    async def script(visit: Any) -> None:
        await visit.answer(captured("no_such_object"))
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    with pytest.raises(ConnectionFailed, match="dropped") as caught:
        await connection.get_many([(NAME, ["Fine"])])
    assert caught.value.error_class == "closed"
    assert not connection.is_open
    await connection.close()


# Closing.


async def test_close_tells_the_server(
    target: Callable[..., Awaitable[int]], captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection object is closed over there; a second close does nothing."""
    closed = asyncio.Event()

    async def script(visit: Any) -> None:
        await visit.answer(captured("close"))
        closed.set()
        await visit.gone()

    monkeypatch.setattr(connection_module, "CLOSE_S", 10.0)
    connection = await connect("127.0.0.1", await target(script))
    await connection.close()
    assert closed.is_set()
    await connection.close()
    with pytest.raises(ConnectionFailed):
        await connection.get_default_domain()


async def leave(visit: Any) -> None:
    """Close the socket without another word."""


@pytest.mark.parametrize("script", [silence, leave])
async def test_close_does_not_wait_for_a_server_that_is_gone(
    script: Script, target: Callable[..., Awaitable[int]]
) -> None:
    """A server that says nothing more, or has closed, does not hold us up."""
    connection = await connect("127.0.0.1", await target(script))
    await connection.close()
    assert not connection.is_open


async def test_calls_that_wait_fail_when_it_is_closed(
    target: Callable[..., Awaitable[int]],
) -> None:
    """Closing gives up what another task is waiting for."""
    asked = asyncio.Event()

    async def script(visit: Any) -> None:
        await visit.request()
        asked.set()
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    waiting = asyncio.create_task(connection.get_default_domain())
    await asked.wait()
    await connection.close()
    with pytest.raises(JmxError):
        await waiting


async def test_it_shows_target_and_state(target: Callable[..., Awaitable[int]]) -> None:
    """Its text names the address and whether it lives."""
    port = await target(leave)
    connection: Connection = await connect("127.0.0.1", port)
    assert f"127.0.0.1:{port}" in repr(connection)
    await connection.close()
    assert "dead" in repr(connection)


async def test_a_socket_that_was_reset_at_once(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom it led to it can no longer say; the other end's doing all the same, with a word."""

    class Reset(socket.socket):
        def getpeername(self) -> Any:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    async def leave(visit: Any) -> None:
        """Say nothing and close."""

    port = await serve(leave)
    monkeypatch.setattr(socket, "socket", Reset)
    with pytest.raises(ConnectionFailed) as caught:
        await connect("127.0.0.1", port)
    assert caught.value.error_class == "not_rmi"


async def test_no_socket_left_to_connect_by(
    closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on open files fails connections, in its words, and nothing else."""

    def refuse(*args: Any, **options: Any) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(ConnectionFailed, match=r"cannot connect to .*: Too many open files"):
        await connect("127.0.0.1", closed_port)
