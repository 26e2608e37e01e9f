"""BrokerConnection: matching of replies, limits, and every way it ends."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest

from jmxbridge.jmx.credentials import Tls
from jmxbridge.kafka.connection import MAX_IN_FLIGHT, BrokerConnection, connect
from jmxbridge.kafka.login.security import Security
from jmxbridge.kafka.wire.api_numbers import LIST_GROUPS, OFFSET_FETCH
from jmxbridge.kafka.wire.errors import (
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    NotBroker,
    NotKafka,
    ReplyUnreadable,
    RequestFailed,
    VersionMismatch,
)
from jmxbridge.kafka.wire.requests import ListGroups, OffsetFetch
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import KAFKA_2_3, FakeCluster, HangUp, Silence

StartFake = Callable[..., Awaitable[FakeCluster]]
Serve = Callable[[Callable[[asyncio.StreamReader], Awaitable[bytes]]], Awaitable[int]]


@pytest.fixture
async def fake(start_fake: StartFake) -> FakeCluster:
    """One healthy broker with a group."""
    fake = await start_fake()
    fake.groups["g"] = Group({})
    return fake


@pytest.fixture
async def dial() -> AsyncIterator[Callable[[int], Awaitable[BrokerConnection]]]:
    """Connect to a port on loopback."""
    async with AsyncExitStack() as stack:

        async def start(port: int) -> BrokerConnection:
            connection = await connect("127.0.0.1", port)
            stack.push_async_callback(connection.wait_closed)
            stack.callback(connection.close)
            return connection

        yield start


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server that reads as it likes, sends what its function returns, and closes."""
    async with AsyncExitStack() as stack:

        async def start(
            answer: Callable[[asyncio.StreamReader], Awaitable[bytes]], **options: Any
        ) -> int:
            async def on_connect(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter
            ) -> None:
                writer.write(await answer(reader))
                writer.close()

            server = await asyncio.start_server(on_connect, "127.0.0.1", 0, **options)
            stack.callback(server.close)
            port: int = server.sockets[0].getsockname()[1]
            return port

        yield start


async def test_ask_matches_replies_by_id(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """Of many requests in flight each gets its own answer."""
    fake.groups |= {f"g{n}": Group({"t": {0: n}}) for n in range(50)}
    connection = await dial(fake.ports[1])

    replies = await asyncio.gather(
        *(connection.ask(OffsetFetch((f"g{n}",))) for n in range(50)),
    )

    assert [reply[f"g{n}"] for n, reply in enumerate(replies)] == [
        (0, {"t": {0: n}}) for n in range(50)
    ]


async def test_ask_limits_requests_in_flight(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """More requests than MAX_IN_FLIGHT wait for their turn, and all are answered."""
    held: list[Asked] = []
    all_held = asyncio.Event()
    broker = fake.brokers[1]

    def hold(asked: Asked) -> Any:
        held.append(asked)
        if len(held) == MAX_IN_FLIGHT:
            all_held.set()
        raise Silence

    broker.scripts["list_groups"] = hold
    connection = await dial(fake.ports[1])
    asking = [asyncio.create_task(connection.ask(ListGroups())) for _ in range(3 * MAX_IN_FLIGHT)]
    await all_held.wait()
    assert repr(connection).endswith(f"{MAX_IN_FLIGHT} in flight>")

    connection.close(DeadlineExceeded("enough"))
    outcomes = await asyncio.gather(*asking, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {DeadlineExceeded}
    assert len(held) == MAX_IN_FLIGHT


async def test_ask_drops_a_late_reply_to_a_cancelled_request(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """No task waits for it any more; the next request gets its own answer."""
    broker = fake.brokers[1]
    taken = asyncio.Event()

    def not_now(asked: Asked) -> Any:
        taken.set()
        raise Silence

    broker.scripts["list_groups"] = not_now
    connection = await dial(fake.ports[1])
    asking = asyncio.create_task(connection.ask(ListGroups()))
    await taken.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    broker.scripts.clear()
    fake.groups["h"] = Group({"t": {0: 5}})
    broker.answer_late()

    reply = await connection.ask(OffsetFetch(("h",)))

    assert reply == {"h": (0, {"t": {0: 5}})}
    assert fake.connections == 1


async def test_ask_counts_cancelled_requests_until_they_are_answered(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """However often a caller gives up, at most MAX_IN_FLIGHT ids are remembered."""
    broker = fake.brokers[1]
    enough = asyncio.Event()

    def not_now(asked: Asked) -> Any:
        if len(fake.asked("list_groups")) == MAX_IN_FLIGHT:
            enough.set()
        raise Silence

    broker.scripts["list_groups"] = not_now
    connection = await dial(fake.ports[1])
    asking = [asyncio.create_task(connection.ask(ListGroups())) for _ in range(MAX_IN_FLIGHT + 9)]
    await enough.wait()
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    broker.scripts.clear()
    one_more = asyncio.create_task(connection.ask(ListGroups()))
    assert repr(connection).endswith(f"{MAX_IN_FLIGHT} in flight>")

    broker.answer_late()

    assert (await one_more)[0] == 0
    assert repr(connection).endswith(" 0 in flight>")


async def test_handshake_falls_back_to_version_0(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """An old broker answers our version with error 35, in version 0 (KIP-511)."""
    fake.versions = KAFKA_2_3

    connection = await dial(fake.ports[1])

    assert [asked.version for asked in fake.asked("api_versions")] == [0]
    assert connection.version(OFFSET_FETCH) == 5


async def test_ask_raises_version_mismatch_for_a_missing_api(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """Before anything is sent, with the name of the broker."""
    del fake.versions[16]
    connection = await dial(fake.ports[1])

    with pytest.raises(VersionMismatch, match=r"127.0.0.1:.* does not offer ListGroups"):
        connection.version(LIST_GROUPS)


async def test_connect_tells_a_controller_from_a_broker(fake: FakeCluster) -> None:
    """A KRaft controller offers registration to brokers and no Metadata to clients."""
    del fake.versions[3], fake.versions[16]
    fake.versions[62] = (0, 4)

    with pytest.raises(NotBroker, match=rf"^127.0.0.1:{fake.ports[1]}: this is a KRaft controller"):
        await connect("127.0.0.1", fake.ports[1])


async def test_ask_fails_only_the_request_with_an_unencodable_name(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """A group name from the command line may hold bytes that are not text."""
    connection = await dial(fake.ports[1])

    with pytest.raises(RequestFailed, match="cannot be sent with OffsetFetch"):
        await connection.ask(OffsetFetch(("\udcff",)))
    assert (await connection.ask(ListGroups()))[0] == 0


async def test_ask_fails_only_the_request_with_an_unreadable_reply(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """The frame was whole, so the next one can be read."""
    fake.brokers[1].scripts["list_groups"] = lambda asked: b"\0\0\0\0\0\0\0\xff\xff\xff\xff\x07"
    connection = await dial(fake.ports[1])

    with pytest.raises(ReplyUnreadable, match="'groups' of 2147483646 elements in 0 bytes"):
        await connection.ask(ListGroups())
    fake.brokers[1].scripts.clear()
    assert (await connection.ask(ListGroups()))[0] == 0


async def test_ask_rejects_a_reply_with_bytes_left_over(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """It is not in the version requested, so nothing in it is trusted."""
    broker = fake.brokers[1]
    broker.scripts["list_groups"] = lambda asked: (
        asked.schema.encode(broker.answer_list_groups(asked)) + b"\0"
    )
    connection = await dial(fake.ports[1])

    with pytest.raises(ReplyUnreadable, match="1 bytes are left over"):
        await connection.ask(ListGroups())


async def test_an_unknown_correlation_id_ends_the_connection(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """It is no longer known which reply belongs to which request."""
    broker = fake.brokers[1]

    def stranger(asked: Asked) -> Any:
        broker.send_to_all((8).to_bytes(4) + b"\x7f\xff\xff\xff" + b"1234")
        raise Silence

    broker.scripts["list_groups"] = stranger
    connection = await dial(fake.ports[1])

    with pytest.raises(NotKafka, match="answered request 2147483647, which was never sent"):
        await connection.ask(ListGroups())
    with pytest.raises(NotKafka):
        await connection.ask(ListGroups())


async def test_a_huge_announced_reply_ends_the_connection_at_once(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """The four bytes of the length are enough; nothing more is awaited or stored."""
    broker = fake.brokers[1]

    def huge(asked: Asked) -> Any:
        broker.send_to_all((2**30).to_bytes(4))
        raise Silence

    broker.scripts["list_groups"] = huge
    connection = await dial(fake.ports[1])

    with pytest.raises(NotKafka, match="announced a message of 1073741824 bytes, limit 67108864"):
        await connection.ask(ListGroups())


async def test_a_connection_closed_at_the_first_request_hints_at_sasl(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """A SASL listener sends its versions to anyone and then closes."""

    def hang_up(asked: Asked) -> Any:
        raise HangUp

    fake.brokers[1].scripts["list_groups"] = hang_up
    connection = await dial(fake.ports[1])

    with pytest.raises(
        ConnectionLost, match=r"at the first request: .* its listener requires SASL"
    ):
        await connection.ask(ListGroups())


async def test_connect_verifies_the_advertised_host_at_another_address(
    fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates are for the names that brokers advertise, not for the end of a tunnel."""
    dialled: list[tuple[str, int, str | None]] = []

    async def create_connection(
        _: object, host: str, port: int, *, server_hostname: str | None, **options: object
    ) -> None:
        dialled.append((host, port, server_hostname))
        raise ConnectionRefusedError(errno.ECONNREFUSED, "")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", create_connection)
    for security in (Security(tls=Tls()), Security()):
        with pytest.raises(ConnectFailed, match=r"^kafka-1:9093 via 127\.0\.0\.1:19093: Conn"):
            await connect("kafka-1", 9093, security, reached_at=("127.0.0.1", 19093))

    assert dialled == [("127.0.0.1", 19093, "kafka-1"), ("127.0.0.1", 19093, None)]


async def test_connect_names_a_closed_port(free_port: int) -> None:
    """Host, port and the system's message."""
    with pytest.raises(ConnectFailed, match=f"^127.0.0.1:{free_port}: Connection refused$"):
        await connect("127.0.0.1", free_port)


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the name kafka.test have these addresses."""

    def to(*hosts: str) -> None:
        def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
            assert host == "kafka.test"
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in hosts
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return to


async def test_connect_uses_the_next_address_after_a_dead_one(
    fake: FakeCluster, resolve: Callable[..., None]
) -> None:
    """The address of a machine that is off does not answer at all, not even by a refusal."""
    resolve("127.0.0.2", "127.0.0.1")
    port = fake.ports[1]
    with ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.2", port))
        silent.listen(0)
        for _ in range(8):  # more than its queue holds: what comes after them is dropped
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", port))

        async with asyncio.timeout(30):
            connection = await connect("kafka.test", port)

        assert await connection.ask(ListGroups())
        connection.close()
        await connection.wait_closed()


async def test_connect_reports_one_refusal_for_all_addresses(
    free_port: int, resolve: Callable[..., None]
) -> None:
    """As for localhost, which has two on most machines."""
    resolve("127.0.0.1", "127.0.0.2")
    with pytest.raises(ConnectFailed, match=f"^kafka.test:{free_port}: Connection refused$"):
        await connect("kafka.test", free_port)


async def test_connect_names_a_host_that_does_not_exist() -> None:
    """The resolver's message, not a traceback."""
    with pytest.raises(ConnectFailed, match=r"^no-such-host\.invalid:9092: \w+"):
        await connect("no-such-host.invalid", 9092)


async def test_connect_recognises_an_http_server(serve: Serve) -> None:
    """It answers our bytes with an error of its own."""

    async def answer(reader: asyncio.StreamReader) -> bytes:
        await reader.read(1)
        return b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"

    port = await serve(answer)

    with pytest.raises(NotKafka, match=f"127.0.0.1:{port}: this does not speak .* HTTP server"):
        await connect("127.0.0.1", port)


async def test_connect_fails_at_once_when_the_listener_closes(serve: Serve) -> None:
    """A JMX port reads four foreign bytes and closes silently."""

    async def answer(reader: asyncio.StreamReader) -> bytes:
        await reader.readexactly(4)
        return b""

    port = await serve(answer)

    with pytest.raises(NotKafka, match="before its first answer: not a Kafka listener"):
        await connect("127.0.0.1", port)


async def test_connect_recognises_a_tls_listener(free_port: int) -> None:
    """A real one, met in plaintext: it answers with an alert or closes; never a hang."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", free_port)) as listening:

        def serve_one() -> None:
            plain, _ = listening.accept()
            with pytest.raises(ssl.SSLError), plain:
                context.wrap_socket(plain, server_side=True)

        serving = loop.run_in_executor(None, serve_one)
        with pytest.raises(NotKafka, match="TLS"):
            await connect("127.0.0.1", free_port)
        await serving


async def test_handshake_names_the_error_of_a_refusal(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """The broker's error code, by Kafka's name for it."""
    fake.brokers[1].scripts["api_versions"] = lambda asked: asked.schema.reply(
        error_code=58, api_keys=()
    )

    with pytest.raises(NotKafka, match=r"refused to name its versions: SASL_AUTHENTICATION_FAILED"):
        await dial(fake.ports[1])


async def test_connect_leaves_no_connection_when_cancelled(fake: FakeCluster) -> None:
    """Cancelled in the handshake: the broker sees the connection close."""
    asked = asyncio.Event()
    gone = fake.brokers[1].all_gone

    def silent(_: Asked) -> Any:
        asked.set()
        raise Silence

    fake.brokers[1].scripts["api_versions"] = silent
    connecting = asyncio.create_task(connect("127.0.0.1", fake.ports[1]))
    await asked.wait()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting

    await gone.wait()


async def test_repr_has_peer_and_state(
    fake: FakeCluster, dial: Callable[[int], Awaitable[BrokerConnection]]
) -> None:
    """The number of requests in flight, or the error that ended the connection."""
    connection = await dial(fake.ports[1])
    peer = f"127.0.0.1:{fake.ports[1]}"

    assert repr(connection) == f"<Connection {peer}: 0 in flight>"
    connection.close()
    assert repr(connection) == f"<Connection {peer}: {peer}: closed by us>"
