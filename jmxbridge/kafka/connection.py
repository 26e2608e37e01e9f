"""One connection to one broker.

Rule: every request has exactly one outcome: its reply, the error that ended the connection, or
none, because its task no longer waits.

Requests carry a correlation id and may be in flight together; the broker answers them one after
the other. A task that stops waiting (a deadline, a cancellation) leaves its id behind, so a late
reply is recognised and dropped. A reply to an id that was never used, an impossible length and the
end of the stream each end the connection for good, and every waiting request fails with it.
"""

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from jmxbridge import __version__
from jmxbridge.kafka.facts.address_map import HostPort
from jmxbridge.kafka.login.sasl import Mechanism
from jmxbridge.kafka.login.security import PLAINTEXT, Security, log_in, tls_failed
from jmxbridge.kafka.wire import codec
from jmxbridge.kafka.wire.api_numbers import API_VERSIONS, BROKER_REGISTRATION, METADATA, Api
from jmxbridge.kafka.wire.codec import KafkaRequest
from jmxbridge.kafka.wire.error_codes import UNSUPPORTED_VERSION, error_name
from jmxbridge.kafka.wire.errors import (
    BrokerFailed,
    ConnectFailed,
    ConnectionLost,
    KafkaError,
    NotBroker,
    NotKafka,
    ReplyUnreadable,
    RequestFailed,
)
from jmxbridge.kafka.wire.frames import BadFrame, FrameReader
from jmxbridge.kafka.wire.requests import ApiVersions

T = TypeVar("T")

MAX_IN_FLIGHT = 64
"""Requests sent and not yet answered. A broker reads the next request of a connection only after it
has answered the one before, so this many hide any round trip, and more would only fill buffers."""

NEXT_ADDRESS_S = 0.25
"""Head start of each address of a name with several (RFC 8305): the address of a dead machine does
not answer at all, and would use up the time of all others."""

SESSION_SHARE = 0.8
"""Share of a session's lifetime in which it is used: the rest must be enough for the requests in
flight and for the next login."""


@dataclass(slots=True)
class PeerRecord:
    """What all connections to one peer have seen so far.

    `was_reached` is true after the first connection, `throttled_ms` adds up the delays that replies
    announce because of a quota.
    """

    was_reached: bool = False
    throttled_ms: int = 0


async def connect(
    host: str,
    port: int,
    security: Security = PLAINTEXT,
    *,
    reached_at: HostPort | None = None,
    record: PeerRecord | None = None,
) -> "BrokerConnection":
    """Connect, read the broker's API versions, and log in if `security` has a mechanism.

    `reached_at` is where to connect to, if not to `host` and `port`, which TLS and Kerberos verify
    all the same. What the connection sees of the broker is added to `record`. No deadline of its
    own; a cancelled attempt leaves no connection behind. Raises ConnectFailed, ConnectionLost,
    NotKafka or NotBroker.
    """
    connection = BrokerConnection(host, port, security, reached_at=reached_at, record=record)
    dial_host, dial_port = reached_at or (host, port)
    tls = await security.context(connection.peer)
    loop = asyncio.get_running_loop()
    try:
        await loop.create_connection(
            lambda: connection,
            dial_host,
            dial_port,
            ssl=tls,
            server_hostname=None if tls is None else host,
            happy_eyeballs_delay=NEXT_ADDRESS_S,
        )
    except OSError as exc:
        if tls is not None and isinstance(exc, ssl.SSLError | ConnectionResetError):
            raise tls_failed(connection.peer, exc) from exc
        raise ConnectFailed(f"{connection.peer}: {_reason(exc)}") from exc
    try:
        await connection.handshake()
        if security.mechanism is not None:
            await connection.log_in(security.mechanism, host)
    except BaseException:
        connection.close()
        raise
    return connection


class BrokerConnection(asyncio.Protocol):
    """A connection that is open until `failure` is set."""

    def __init__(
        self,
        host: str,
        port: int,
        security: Security = PLAINTEXT,
        *,
        reached_at: HostPort | None = None,
        record: PeerRecord | None = None,
    ) -> None:
        self.peer = peer_name(host, port, reached_at)
        self._security = security
        self._record = record or PeerRecord()
        self._good_until_s: float | None = None
        self._retired = False
        self.failure: BrokerFailed | None = None
        self._transport: asyncio.Transport | None = None
        self._frames = FrameReader()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        # Starting anywhere makes it improbable that bytes of another protocol look like a reply.
        self._last_id = int.from_bytes(os.urandom(3))
        self._offered: Mapping[int, tuple[int, int]] = {}
        self._answers = 0
        self._gone = asyncio.Event()

    def __repr__(self) -> str:
        state = self.failure or f"{len(self._waiting)} in flight"
        return f"<Connection {self.peer}: {state}>"

    # For callers

    async def ask(self, request: KafkaRequest[T]) -> T:
        """Send a request and return its answer.

        Raises BrokerFailed if the connection ends first, RequestFailed if only this request does.
        """
        return await self._exchange(request, self.version(request.api))

    def version(self, api: Api) -> int:
        """Return the version in which an API is used here; raises VersionMismatch."""
        try:
            return api.negotiate(self._offered.get(api.number))
        except RequestFailed as exc:
            raise type(exc)(f"{self.peer}: {exc}") from None

    def close(self, failure: BrokerFailed | None = None) -> None:
        """Close the connection; requests still waiting fail. May be called again."""
        if self.failure is None:
            self.failure = failure or ConnectionLost(f"{self.peer}: closed by us")
        if self._transport is not None:
            self._transport.abort()
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            self._slots.release()
            if not future.done():
                future.set_exception(self.failure)

    @property
    def session_expiring(self) -> bool:
        """Whether the session expires soon: the broker then requires a new login (KIP-368)."""
        now_s = asyncio.get_running_loop().time()
        return self._good_until_s is not None and now_s >= self._good_until_s

    def retire(self) -> None:
        """Close the connection as soon as no request waits on it."""
        self._retired = True
        if not self._waiting:
            self.close()

    async def wait_closed(self) -> None:
        """Return when the socket is closed: at the loop's next turn after `close`."""
        if self._transport is not None:
            await self._gone.wait()

    # The handshake

    async def handshake(self) -> None:
        """Read the broker's API versions: by our version of the request, else by version 0.

        A broker that does not know our version answers in version 0 with error 35 (KIP-511). A
        KRaft controller answers too, but it has no topics and no groups; NotBroker names it.
        """
        request = ApiVersions(__version__)
        try:
            error, offered = await self._exchange(request, API_VERSIONS.highest)
        except _TooNewError:
            error, offered = await self._exchange(request, 0)
        except ReplyUnreadable as exc:
            raise NotKafka(f"{exc}; is this a Kafka listener?") from exc
        if error:
            raise NotKafka(f"{self.peer}: refused to name its versions: {error_name(error)}")
        if METADATA.number not in offered and BROKER_REGISTRATION.number in offered:
            raise NotBroker(
                f"{self.peer}: this is a KRaft controller, not a broker: name a broker's listener"
                " in kafka.bootstrap"
            )
        self._offered = offered

    async def log_in(self, mechanism: Mechanism, host: str) -> None:
        """Log in; raises LoginFailed, or what `ask` raises."""
        began_s = asyncio.get_running_loop().time()
        lifetime_s = await log_in(self.ask, mechanism, peer=self.peer, host=host)
        if lifetime_s is not None:
            self._good_until_s = began_s + lifetime_s * SESSION_SHARE

    # Every request

    async def _exchange(self, request: KafkaRequest[T], version: int) -> T:
        await self._slots.acquire()
        if self.failure is not None:
            self._slots.release()
            raise self._copy_of_failure()
        try:
            future = self._send(request, version)
        except KafkaError:
            self._slots.release()
            raise
        try:
            message = await future
        except BrokerFailed:
            raise self._copy_of_failure() from None
        return self._decode(request, version, message)

    def _send(self, request: KafkaRequest[Any], version: int) -> asyncio.Future[bytes]:
        """Write a request and return the future of its reply."""
        if self._transport is None:
            raise ConnectionLost(f"{self.peer}: not connected")
        self._last_id = (self._last_id + 1) & 0x7FFFFFFF
        frame = codec.encode(request, version, self._last_id)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = future
        self._transport.write(frame)
        return future

    def _decode(self, request: KafkaRequest[T], version: int, message: bytes) -> T:
        self._answers += 1
        if request.api is API_VERSIONS and version > 0:
            # Before decoding: this reply may be in version 0, whatever was asked.
            error = int.from_bytes(message[4:6])
            if error == UNSUPPORTED_VERSION:
                raise _TooNewError
        try:
            answer, throttle_ms = codec.decode(request, version, message)
        except ReplyUnreadable as exc:
            raise ReplyUnreadable(f"{self.peer}: {exc}") from exc
        self._record.throttled_ms += throttle_ms
        return answer

    def _copy_of_failure(self) -> BrokerFailed:
        """Return a copy of the error that ended the connection: a raised one belongs to a task."""
        failure = self.failure or ConnectionLost(f"{self.peer}: closed")
        return type(failure)(*failure.args)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop, once."""
        self._transport = cast(asyncio.Transport, transport)
        self._record.was_reached = True
        if self.failure is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by the loop with received bytes."""
        try:
            messages = self._frames.feed(data)
        except BadFrame as exc:
            self.close(NotKafka(f"{self.peer}: this does not speak Kafka's protocol: {exc}"))
            return
        for message in messages:
            self._deliver(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop at the end, also after `close`."""
        if self.failure is None:
            self.close(self._lost(exc))
        self._gone.set()

    def _deliver(self, message: bytes) -> None:
        correlation_id = int.from_bytes(message[:4])
        future = self._waiting.pop(correlation_id, None)
        if future is None:
            self.close(
                NotKafka(f"{self.peer}: answered request {correlation_id}, which was never sent")
            )
            return
        self._slots.release()
        if not future.done():
            future.set_result(message)
        if self._retired and not self._waiting:
            self.close()

    def _lost(self, exc: Exception | None) -> BrokerFailed:
        if isinstance(exc, ssl.SSLError):
            return tls_failed(self.peer, exc)
        how = f"lost the connection: {_reason(exc)}" if exc else "closed the connection"
        if self._answers == 0:
            plaintext = ", or one that requires TLS: then set kafka.tls"
            hint = f"not a Kafka listener{'' if self._security.tls else plaintext}"
            return NotKafka(f"{self.peer}: {how} before its first answer: {hint}")
        if self._answers == 1 and self._waiting and self._security.mechanism is None:
            hint = "it is stopping, or its listener requires SASL: then set kafka.sasl"
            return ConnectionLost(f"{self.peer}: {how} at the first request: {hint}")
        return ConnectionLost(f"{self.peer}: {how}")


class _TooNewError(KafkaError):
    """The broker does not know the version of ApiVersions that was sent."""


def peer_name(host: str, port: int, reached_at: HostPort | None) -> str:
    """Return host:port, with the address that is connected to where that is another one."""
    via = "" if reached_at is None else f" via {address(*reached_at)}"
    return f"{address(host, port)}{via}"


def address(host: str, port: int) -> str:
    """Return host:port, the host in brackets if it is an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(exc: Exception) -> str:
    """Return the system's message, without its number and without the address.

    For a name with several addresses asyncio joins the messages of all of them.
    """
    if several := dict.fromkeys(map(int, re.findall(r"\[Errno (\d+)\]", str(exc)))):
        return ", ".join(map(os.strerror, several))
    if isinstance(exc, OSError) and exc.errno and not isinstance(exc, socket.gaierror):
        return os.strerror(exc.errno)
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return str(exc) or type(exc).__name__
