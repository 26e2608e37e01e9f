"""One channel: greeting, batches of calls, timeouts, and how it ends."""

import asyncio
import ssl
from typing import Any

import pytest

from jmxbridge.jmx.connection import connect
from jmxbridge.jmx.errors import (
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
)
from jmxbridge.jmx.net.channel import Channel
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from tests.jmx.java_bytes import string
from tests.jmx.scripted import (
    ACK,
    REQUEST_START,
    Captured,
    Domain,
    MakeReply,
    Serve,
    Target,
    Visit,
    failure,
    shorten_timeout,
    silence,
)

NAME = ObjectName.parse("odd:type=Any")
ENDPOINT = Endpoint("host-1", 9999)


class FakeTransport(asyncio.Transport):
    """A transport that keeps what is written to it, with no socket."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_aborted = False

    def write(self, data: Any) -> None:
        """Keep the data."""
        self.written.append(bytes(data))

    def abort(self) -> None:
        """Note that the connection was aborted."""
        self.is_aborted = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the default: there is no socket."""
        return default


@pytest.fixture
async def transport() -> FakeTransport:
    """The transport of `channel`."""
    return FakeTransport()


@pytest.fixture
async def channel(transport: FakeTransport) -> Channel:
    """A channel that has exchanged greetings; without a socket there is no low-water mark."""
    channel = Channel(ENDPOINT, 60.0, ssl.create_default_context())
    channel.connection_made(transport)
    channel.data_received(ACK)
    return channel


async def test_replies_are_delivered_to_the_batches_in_order(
    channel: Channel, as_is: Call[Any], make_reply: MakeReply
) -> None:
    """Replies that arrive together are split among the batches that wait for them."""
    first = asyncio.create_task(channel.run([as_is, as_is]))
    second = asyncio.create_task(channel.run([as_is]))
    await asyncio.sleep(0)
    channel.data_received(b"".join(make_reply(string(text)) for text in "abc"))
    assert await first == ["a", "b"]
    assert await second == ["c"]


async def test_no_calls_have_no_outcomes(channel: Channel, transport: FakeTransport) -> None:
    """Nothing is written for an empty batch."""
    written = len(transport.written)
    assert await channel.run([]) == []
    assert len(transport.written) == written


async def test_an_answered_channel_that_the_peer_closes_is_replaceable(
    channel: Channel, as_is: Call[Any], make_reply: MakeReply
) -> None:
    """The batch gets the outcomes there are, later batches none, and nothing is raised."""
    batch = asyncio.create_task(channel.run([as_is, as_is]))
    await asyncio.sleep(0)
    channel.data_received(make_reply(string("a")))
    channel.connection_lost(None)
    assert await batch == ["a"]
    assert channel.is_replaceable
    assert await channel.run([as_is]) == []


async def test_a_channel_that_answered_nothing_is_not_replaceable(
    channel: Channel, as_is: Call[Any]
) -> None:
    """The batch gets the error, with the reason of the transport."""
    batch = asyncio.create_task(channel.run([as_is]))
    await asyncio.sleep(0)
    channel.connection_lost(OSError("no route"))
    with pytest.raises(ConnectionFailed, match=r"host-1:9999 closed the connection \(no route\)$"):
        await batch
    assert not channel.is_replaceable


async def test_a_channel_that_was_closed_here_is_not_replaceable(
    channel: Channel, as_is: Call[Any], make_reply: MakeReply
) -> None:
    """An abort is on purpose, so the remaining calls fail, with how many were answered."""
    batch = asyncio.create_task(channel.run([as_is, as_is]))
    await asyncio.sleep(0)
    channel.data_received(make_reply(string("a")))
    channel.abort()
    channel.connection_lost(None)
    with pytest.raises(ConnectionFailed, match=r"closed here \(1 of 2 calls were answered\)"):
        await batch
    assert not channel.is_replaceable


async def test_a_cancelled_batch_that_was_answered_leaves_the_channel_open(
    channel: Channel, as_is: Call[Any], make_reply: MakeReply
) -> None:
    """No reply is outstanding, so replies can still be matched to calls."""
    batch = asyncio.create_task(channel.run([as_is]))
    await asyncio.sleep(0)
    channel.data_received(make_reply(string("a")))
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert channel.protocol.error is None


async def test_a_batch_that_is_answered_as_it_is_cancelled_leaves_the_channel_open(
    channel: Channel, as_is: Call[Any], make_reply: MakeReply
) -> None:
    """The replies arrive before the task learns of its cancellation."""
    batch = asyncio.create_task(channel.run([as_is]))
    await asyncio.sleep(0)
    batch.cancel()
    channel.data_received(make_reply(string("a")))
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert channel.protocol.error is None


async def test_a_reply_after_a_cancellation_is_dropped(
    channel: Channel, transport: FakeTransport, as_is: Call[Any], make_reply: MakeReply
) -> None:
    """The channel is dead, and the late reply reaches no other batch."""
    batch = asyncio.create_task(channel.run([as_is]))
    other = asyncio.create_task(channel.run([as_is]))
    await asyncio.sleep(0)
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert transport.is_aborted
    channel.data_received(make_reply(string("late")))
    with pytest.raises(ConnectionFailed, match="was cancelled"):
        await other


async def test_too_many_calls_leave_the_channel_open(
    channel: Channel, as_is: Call[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that is too large for the queue raises before anything is sent."""
    monkeypatch.setattr("jmxbridge.jmx.rmi.protocol.MAX_QUEUED", 1)
    with pytest.raises(LocalProtocolError):
        await channel.run([as_is, as_is])
    assert channel.protocol.error is None


async def test_a_tls_error_after_the_handshake_is_reported_as_tls(
    channel: Channel, as_is: Call[Any]
) -> None:
    """A server may reject a client certificate only after the handshake (TLS 1.3)."""
    batch = asyncio.create_task(channel.run([as_is]))
    await asyncio.sleep(0)
    error = ssl.SSLError(1, "alert")
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    channel.connection_lost(error)
    with pytest.raises(ConnectionFailed, match="client certificate") as caught:
        await batch
    assert caught.value.error_class == "tls"


async def test_a_tls_error_before_the_greeting_is_reported_as_tls(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening the channel fails with it, and not with a hint about the port."""

    class RejectedChannel(Channel):
        def data_received(self, data: bytes) -> None:
            error = ssl.SSLError(1, "alert")
            error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
            self.connection_lost(error)
            monkeypatch.setattr(self, "connection_lost", lambda exc: None)

    async def greet(visit: Visit) -> None:
        await visit.send(ACK)
        await visit.gone()

    with pytest.raises(ConnectionFailed, match="client certificate") as caught:
        await RejectedChannel.open(Endpoint("127.0.0.1", await serve(greet)), 60.0)
    assert caught.value.error_class == "tls"


async def test_a_channel_without_a_transport_knows_no_round_trip(channel: Channel) -> None:
    """Neither before it is connected, nor if the transport has no socket."""
    assert Channel(ENDPOINT, 60.0).round_trip_us is None


async def test_a_timed_out_channel_fails_before_it_is_connected() -> None:
    """`abort` works without a transport."""
    channel = Channel(ENDPOINT, 60.0)
    channel.abort()
    assert "dead" in repr(channel)


async def test_a_web_server_is_recognised(serve: Serve) -> None:
    """The error names what answered the greeting."""

    async def web(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await visit.gone()

    error = await failure("127.0.0.1", await serve(web))
    assert error.error_class == "not_rmi"
    assert "HTTP server" in str(error)


async def test_a_port_that_closes_at_once_is_not_rmi(serve: Serve) -> None:
    """A Kafka listener closes on the greeting, which it takes for an enormous request."""

    async def kafka(visit: Visit) -> None:
        return

    error = await failure("127.0.0.1", await serve(kafka))
    assert error.error_class == "not_rmi"
    assert "JMX port" in str(error)


async def test_a_port_without_a_greeting_times_out(serve: Serve) -> None:
    """The error names address and time, and the servers that stay silent like that."""
    port = await serve(silence)
    error = await failure("127.0.0.1", port, timeout_s=0.1)
    assert error.error_class == "timeout"
    assert f"127.0.0.1:{port} did not answer within 0.1 s" in str(error)
    assert "HTTP server" in str(error)
    assert "Jolokia" in str(error)


async def test_a_tls_server_is_recognised_on_a_plain_connection(serve: Serve) -> None:
    """Its alert is an error that names the settings."""

    async def alert(visit: Visit) -> None:
        await visit.send(b"\x15\x03\x03\x00\x02\x02\x50")

    with pytest.raises(ConnectionFailed, match=r"tls\.registry") as caught:
        await connect("127.0.0.1", await serve(alert))
    assert caught.value.error_class == "tls"


async def test_a_port_without_tls_is_recognised(serve: Serve) -> None:
    """A handshake that gets an answer in plain text is `tls`, with the setting to check."""

    async def registry(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await visit.gone()

    endpoint = Endpoint("127.0.0.1", await serve(registry))
    with pytest.raises(
        ConnectionFailed, match=r"does this port speak TLS\? \(tls\.registry"
    ) as caught:
        await Channel.open(endpoint, 60.0, ssl.create_default_context())
    assert caught.value.error_class == "tls"


async def test_a_batch_is_one_write(
    target: Target, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All calls that fit into the window are written together, and nothing for the replies."""
    count = 500

    async def script(visit: Visit) -> None:
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


async def test_the_reply_to_a_cancelled_call_reaches_no_other_call(
    target: Target, domain: Domain
) -> None:
    """After a cancellation the connection is dead, even if the old reply arrives later."""
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
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


async def test_a_missing_reply_kills_the_connection(target: Target, captured: Captured) -> None:
    """The error is `timeout` and counts the answered calls; later calls fail at once."""

    async def script(visit: Visit) -> None:
        await visit.answer(captured("faulty"))
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    shorten_timeout(connection)
    with pytest.raises(ConnectionFailed, match=r"1 of 2 calls were answered") as caught:
        await connection.get_many([(NAME, ["Fine"])] * 2)
    assert caught.value.error_class == "timeout"
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get_default_domain()
    assert caught.value.error_class == "timeout"
    await connection.close()


async def test_half_a_reply_times_out(target: Target, captured: Captured) -> None:
    """A server that stops in the middle of a reply kills the connection."""

    async def script(visit: Visit) -> None:
        await visit.answer(captured("numbers")[:-10])
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    shorten_timeout(connection)
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get(NAME, ["Fine"])
    assert caught.value.error_class == "timeout"
    await connection.close()


async def test_garbage_kills_the_connection(target: Target) -> None:
    """Bytes that are no reply are RemoteProtocolError; later calls are ConnectionFailed."""

    async def script(visit: Visit) -> None:
        await visit.answer(b"garbage")
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    with pytest.raises(RemoteProtocolError, match="garbage"):
        await connection.get_default_domain()
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get_default_domain()
    assert caught.value.error_class == "protocol"
    await connection.close()


async def test_the_timeout_counts_from_the_last_reply(target: Target, domain: Domain) -> None:
    """The watchdog of an answered call aborts neither an idle channel nor a later call."""
    asked, looked = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
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
