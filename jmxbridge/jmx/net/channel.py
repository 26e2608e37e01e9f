"""One TCP connection that carries JRMP: a socket around `Protocol`.

Rule: reading never waits for writing. Received bytes are decoded at once, and then everything the
window allows is written; the window (`protocol.Window`) also bounds the send buffer.

A batch of calls waits on one future. If a batch ends before its last reply, by cancellation or
because no reply came for `timeout_s`, later replies can no longer be matched to calls: the
connection is aborted, and every other batch with it.

`low_water` reduces the wake-ups for many replies. With TLS it is not used: the number of bytes in
TLS records cannot be known.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

from jmxbridge.jmx.errors import ConnectionFailed, JmxError, RemoteProtocolError
from jmxbridge.jmx.net import happy_eyeballs, tls
from jmxbridge.jmx.net.low_water import LowWaterMark
from jmxbridge.jmx.net.round_trip import round_trip_us
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Protocol


class _CallBatch:
    """Calls made together; `done` is set when all are answered, or when the connection ends."""

    __slots__ = ("done", "outcomes", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.outcomes: list[Any] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_complete(self) -> bool:
        return len(self.outcomes) == self.size


class Channel(asyncio.Protocol):
    """A connection to one endpoint; made by `Channel.open`."""

    def __init__(
        self, endpoint: Endpoint, timeout_s: float, tls_context: ssl.SSLContext | None = None
    ) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self.tls_context = tls_context
        self.protocol = Protocol()
        self.peer_host: str | None = None  # the IP address of the endpoint
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._low_water: LowWaterMark | None = None
        self._batches: deque[_CallBatch] = deque()
        self._last_reply = 0.0
        self._watchdog: asyncio.TimerHandle | None = None
        self._closed_by_peer = False
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()

    def __repr__(self) -> str:
        return f"<Channel to {self.endpoint}, {self.protocol!r}>"

    @property
    def is_replaceable(self) -> bool:
        """Whether the connection ended and a new one can answer the remaining calls.

        It can if neither side was at fault: the peer closed the connection, or the end of a reply
        could not be found. At least one call must have been answered: a server that answers nothing
        is not worth another connection.
        """
        ended = self._closed_by_peer or self.protocol.lost_sync
        return ended and self.protocol.calls_answered > 0

    @property
    def round_trip_us(self) -> int | None:
        """The network's share of a call, in microseconds; None if that is not known."""
        if self._transport is None:
            return None
        return round_trip_us(self._transport.get_extra_info("socket"))

    @classmethod
    async def open(
        cls, endpoint: Endpoint, timeout_s: float, tls_context: ssl.SSLContext | None = None
    ) -> "Channel":
        """Connect, with TLS if there is a context, and exchange greetings.

        `timeout_s` bounds the wait for each reply; the caller bounds the time of this method.
        Raises ConnectionFailed.
        """
        sock, peer_host = await happy_eyeballs.connect_socket(endpoint)
        channel = cls(endpoint, timeout_s, tls_context)
        channel.peer_host = peer_host
        try:
            await channel._attach(sock)
            await channel._greeted
        except BaseException:
            channel.abort()
            sock.close()
            raise
        error = channel.protocol.error
        if error is not None:
            raise channel._greeting_error(error)
        return channel

    async def reopen(self) -> "Channel":
        """Return a new channel to the same endpoint; raises ConnectionFailed."""
        return await Channel.open(self.endpoint, self.timeout_s, self.tls_context)

    async def _attach(self, sock: socket.socket) -> None:
        """Make this the protocol of a connected socket, after the handshake in case of TLS."""
        if self.tls_context is None:
            await self._loop.create_connection(lambda: self, sock=sock)
            return
        try:
            await self._loop.create_connection(
                lambda: self,
                sock=sock,
                ssl=self.tls_context,
                server_hostname=self.endpoint.host,
            )
        except OSError as exc:
            raise tls.handshake_error(self.endpoint, exc) from exc

    def _greeting_error(self, error: JmxError) -> ConnectionFailed:
        """Return the error for a failed greeting: it says what listens there instead of RMI."""
        if isinstance(error, ConnectionFailed) and error.error_class == "tls":
            return error
        if self.protocol.peer_speaks_tls:
            return ConnectionFailed(
                f"{self.endpoint} requires TLS, but the connection was plain: set tls (and"
                " tls.registry: true if this is the JMX port itself)",
                "tls",
            )
        if isinstance(error, RemoteProtocolError):
            return ConnectionFailed(f"{self.endpoint} is not an RMI server: {error}", "not_rmi")
        return ConnectionFailed(
            f"{self.endpoint} closed the connection instead of answering RMI's greeting; is it a"
            " JMX port? (A Kafka listener does this.)",
            "not_rmi",
        )

    async def run(self, calls: Sequence[Call[Any]]) -> list[Any]:
        """Make calls, pipelined; return their outcomes in order: results or RemoteExceptions.

        Returns fewer outcomes than calls if the connection ended but `is_replaceable`. Raises
        RemoteProtocolError or ConnectionFailed if it is dead for another reason, such as an earlier
        cancellation.
        """
        if not calls or self.is_replaceable:
            return []
        if error := self.protocol.error:
            raise ConnectionFailed(str(error), error.error_class)
        batch = self._submit(calls)
        try:
            await batch.done
        except asyncio.CancelledError:
            if not batch.is_complete:
                self._fail(
                    ConnectionFailed(f"a call to {self.endpoint} was cancelled", "cancelled")
                )
            raise
        if not batch.is_complete and not self.is_replaceable:
            raise self._incomplete(batch)
        return batch.outcomes

    def _submit(self, calls: Sequence[Call[Any]]) -> _CallBatch:
        self.protocol.call_all(calls)
        batch = _CallBatch(len(calls))
        if not self._batches:
            self._last_reply = self._loop.time()
        self._batches.append(batch)
        self._start_watchdog()
        self._write()
        return batch

    def _incomplete(self, batch: _CallBatch) -> JmxError:
        """Return the error of the connection, with how many calls of the batch were answered."""
        error = self.protocol.error
        answered = ""
        if batch.size > 1:
            answered = f" ({len(batch.outcomes)} of {batch.size} calls were answered)"
        if isinstance(error, RemoteProtocolError):
            return RemoteProtocolError(f"{self.endpoint}: {error}{answered}")
        return ConnectionFailed(f"{error}{answered}", error.error_class if error else "closed")

    def abort(self) -> None:
        """Close the connection now; unanswered calls fail."""
        self._fail(ConnectionFailed(f"the connection to {self.endpoint} was closed here", "closed"))

    async def abort_and_wait(self) -> None:
        """Close the connection now, and return when the socket is closed."""
        self.abort()
        await self._closed

    # Callbacks of asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport, and send the greeting."""
        self._transport = cast(asyncio.Transport, transport)
        if self.tls_context is None:
            self._low_water = LowWaterMark(self._transport)
        self._write()

    def data_received(self, data: bytes) -> None:
        """Decode replies, hand them to their batches, and write what the window now allows."""
        protocol = self.protocol
        protocol.receive_data(data)
        try:
            while True:
                if outcomes := protocol.next_by_template():
                    self._deliver(outcomes)
                elif reply := protocol.next_reply():
                    self._deliver([reply.outcome])
                else:
                    break
        except JmxError as exc:
            self._fail(exc)
            return
        if protocol.own_address is not None and not self._greeted.done():
            self._greeted.set_result(None)
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail unanswered calls; either side may have closed the socket."""
        self._closed_by_peer = self.protocol.error is None
        if isinstance(exc, ssl.SSLError):
            self._fail(tls.handshake_error(self.endpoint, exc))
        else:
            reason = f" ({exc})" if exc else ""
            self._fail(ConnectionFailed(f"{self.endpoint} closed the connection{reason}", "closed"))
        self._closed.set_result(None)

    # Private.

    def _write(self) -> None:
        data = self.protocol.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)
        if self._low_water is not None:
            self._low_water.expect(self.protocol.bytes_to_wait_for)

    def _deliver(self, outcomes: list[Any]) -> None:
        """Hand outcomes to the oldest batches, as many as each has calls."""
        self._last_reply = self._loop.time()
        delivered = 0
        while delivered < len(outcomes):
            batch = self._batches[0]
            missing = batch.size - len(batch.outcomes)
            batch.outcomes += outcomes[delivered : delivered + missing]
            delivered += missing
            if batch.is_complete:
                self._batches.popleft()
                if not batch.done.done():
                    batch.done.set_result(None)

    def _start_watchdog(self) -> None:
        """Abort the connection if calls are waiting and no reply comes for `timeout_s`."""
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(
                self._last_reply + self.timeout_s, self._check_last_reply
            )

    def _check_last_reply(self) -> None:
        self._watchdog = None
        if not self._batches:
            return
        if self._loop.time() < self._last_reply + self.timeout_s:
            self._start_watchdog()
            return
        self._fail(
            ConnectionFailed(f"{self.endpoint} sent no reply for {self.timeout_s:g} s", "timeout")
        )

    def _fail(self, error: JmxError) -> None:
        self.protocol.fail(error)
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if self._low_water is not None:
            self._low_water.reset()
        if self._transport is not None:
            self._transport.abort()
        waiting = [self._greeted, *(batch.done for batch in self._batches)]
        self._batches.clear()
        for future in waiting:
            if not future.done():
                future.set_result(None)
