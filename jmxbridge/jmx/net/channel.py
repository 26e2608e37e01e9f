"""One TCP connection that carries JRMP: a socket around `Protocol`.

Rule: reading never waits for writing. Whatever comes is decoded at once, and what the window then
allows is written; the window (`protocol.Window`) is also the bound of our send buffer.

A batch of calls waits on one future. When a batch is given up before its last reply, by a
cancellation or because no reply came for `timeout_s`, replies can no longer be told apart: the
connection is aborted, and with it every other batch.

We are woken for many replies at once (`low_water`), but not through TLS: how many bytes its records
take cannot be known.
"""

import asyncio
import os
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

from jmxbridge.jmx.errors import ConnectionFailed, JmxError, RemoteProtocolError
from jmxbridge.jmx.net import lookup, tls
from jmxbridge.jmx.net.low_water import LowWater
from jmxbridge.jmx.net.round_trip import round_trip_us
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Protocol

# After so long the next address of a host is tried as well (RFC 8305, 8): one that answers nothing,
# IPv6 behind a firewall that drops it, say, would take the time of all others.
SILENT_S = 0.25


class _Batch:
    """Calls made together; `done` is set when all are answered, or when none will be any more."""

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
        self.peer_host: str | None = None  # the address that the endpoint's host stood for
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._low_water: LowWater | None = None
        self._batches: deque[_Batch] = deque()
        self._last_reply = 0.0
        self._watchdog: asyncio.TimerHandle | None = None
        self._ended_by_peer = False
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()

    def __repr__(self) -> str:
        return f"<Channel to {self.endpoint}, {self.protocol!r}>"

    @property
    def was_left(self) -> bool:
        """Whether it ended without a fault of either side, and after calls had been answered."""
        ended = self._ended_by_peer or self.protocol.lost_track
        return ended and self.protocol.calls_answered > 0

    @property
    def round_trip_us(self) -> int | None:
        """The network's share of a call, in microseconds; None where that is not known."""
        if self._transport is None:
            return None
        return round_trip_us(self._transport.get_extra_info("socket"))

    @classmethod
    async def open(
        cls, endpoint: Endpoint, timeout_s: float, tls_context: ssl.SSLContext | None = None
    ) -> "Channel":
        """Connect, by TLS where there is a context, and exchange greetings.

        Raises ConnectionFailed. The wait for a reply is bounded by `timeout_s`; bounding this call
        is up to the caller.
        """
        sock, peer_host = await _connected_socket(endpoint)
        channel = cls(endpoint, timeout_s, tls_context)
        channel.peer_host = peer_host
        try:
            await channel._take(sock)
            await channel._greeted
        except BaseException:
            channel.abort()
            sock.close()
            raise
        error = channel.protocol.error
        if error is not None:
            raise channel._not_rmi(error)
        return channel

    async def reopened(self) -> "Channel":
        """Return another channel to the same end; raises ConnectionFailed."""
        return await Channel.open(self.endpoint, self.timeout_s, self.tls_context)

    async def _take(self, sock: socket.socket) -> None:
        """Make the socket ours; with TLS, after the handshake."""
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
            raise tls.failed(self.endpoint, exc) from exc

    def _not_rmi(self, error: JmxError) -> ConnectionFailed:
        """Say what listens there instead of RMI, as far as the answer to the greeting tells."""
        if isinstance(error, ConnectionFailed) and error.error_class == "tls":
            return error
        if self.protocol.peer_speaks_tls:
            return ConnectionFailed(
                f"{self.endpoint} speaks TLS and was spoken to in plain: set tls (and tls.registry:"
                " true, for the port that was asked for)",
                "tls",
            )
        if isinstance(error, RemoteProtocolError):
            return ConnectionFailed(f"{self.endpoint} is not an RMI server: {error}", "not_rmi")
        return ConnectionFailed(
            f"{self.endpoint} closed the connection instead of answering RMI's greeting; is that a"
            " JMX port? (A Kafka listener does this.)",
            "not_rmi",
        )

    async def run(self, calls: Sequence[Call[Any]]) -> list[Any]:
        """Make calls, pipelined; return what each gave: a result or a RemoteException, in order.

        Fewer than calls where the connection ended but can be replaced (`was_left`). Raises
        RemoteProtocolError or ConnectionFailed where it is dead for another reason; a cancellation
        is one.
        """
        if self.was_left or not calls:
            return []
        if error := self.protocol.error:
            raise ConnectionFailed(str(error), error.error_class)
        self.protocol.call_all(calls)
        batch = _Batch(len(calls))
        if not self._batches:
            self._last_reply = self._loop.time()
        self._batches.append(batch)
        self._watch()
        self._write()
        try:
            await batch.done
        except asyncio.CancelledError:
            if not batch.is_complete:
                self._fail(ConnectionFailed(f"a call to {self.endpoint} was given up", "cancelled"))
            raise
        return batch.outcomes if batch.is_complete else self._partly(batch.outcomes, batch.size)

    def abort(self) -> None:
        """Close the connection now; calls still unanswered fail."""
        self._fail(ConnectionFailed(f"the connection to {self.endpoint} was closed here", "closed"))

    async def aborted(self) -> None:
        """Close the connection now, and return when the socket is closed."""
        self.abort()
        await self._gone

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ours now."""
        self._transport = cast(asyncio.Transport, transport)
        if self.tls_context is None:
            self._low_water = LowWater(self._transport)
        self._write()

    def data_received(self, data: bytes) -> None:
        """Decode what came, answer whom it is for, write what there is room for."""
        protocol = self.protocol
        protocol.receive_data(data)
        try:
            while True:
                if outcomes := protocol.next_alike():
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
        """The socket is closed, by whomever."""
        self._ended_by_peer = self.protocol.error is None
        if isinstance(exc, ssl.SSLError):
            self._fail(tls.failed(self.endpoint, exc))
        else:
            why = f" ({exc})" if exc else ""
            self._fail(ConnectionFailed(f"{self.endpoint} closed the connection{why}", "closed"))
        self._gone.set_result(None)

    # Inside.

    def _write(self) -> None:
        data = self.protocol.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)
        if self._low_water is not None:
            self._low_water.expect(self.protocol.worth_waking_for)

    def _deliver(self, outcomes: list[Any]) -> None:
        self._last_reply = self._loop.time()
        given = 0
        while given < len(outcomes):
            batch = self._batches[0]
            room = batch.size - len(batch.outcomes)
            batch.outcomes += outcomes[given : given + room]
            given += room
            if batch.is_complete:
                self._batches.popleft()
                if not batch.done.done():
                    batch.done.set_result(None)

    def _watch(self) -> None:
        """Give the connection up when it owes a reply and none came for `timeout_s`."""
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(self._last_reply + self.timeout_s, self._look)

    def _look(self) -> None:
        self._watchdog = None
        if not self._batches:
            return
        if self._loop.time() < self._last_reply + self.timeout_s:
            self._watch()
            return
        self._fail(
            ConnectionFailed(f"{self.endpoint} gave no answer for {self.timeout_s:g} s", "timeout")
        )

    def _fail(self, error: JmxError) -> None:
        self.protocol.fail(error)
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if self._low_water is not None:
            self._low_water.lower()
        if self._transport is not None:
            self._transport.abort()
        waiting = [self._greeted, *(batch.done for batch in self._batches)]
        self._batches.clear()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _partly(self, outcomes: list[Any], size: int) -> list[Any]:
        """Return what was answered, or raise why not all was: an error of the caller's own."""
        if self.was_left:
            return outcomes
        error = self.protocol.error
        answered = f" ({len(outcomes)} of {size} calls were answered)" if size > 1 else ""
        if isinstance(error, RemoteProtocolError):
            raise RemoteProtocolError(f"{self.endpoint}: {error}{answered}")
        raise ConnectionFailed(f"{error}{answered}", error.error_class if error else "closed")


async def _connected_socket(endpoint: Endpoint) -> tuple[socket.socket, str]:
    """Try each address of the host; return a socket, and the address that it leads to.

    (One that was reset meanwhile could not say.) Raises ConnectionFailed for the last one's reason.
    """
    try:
        found = await lookup.addresses(endpoint.host, endpoint.port)
    except (OSError, UnicodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConnectionFailed(
            f"no address for host {endpoint.host!r}: {reason}", "resolve"
        ) from exc
    try:
        return await _first_connected(found)
    except OSError as exc:
        word = "refused" if isinstance(exc, ConnectionRefusedError) else "unreachable"
        why = os.strerror(exc.errno) if exc.errno else str(exc)
        raise ConnectionFailed(f"cannot connect to {endpoint}: {why}", word) from exc


async def _first_connected(found: lookup.Addresses) -> tuple[socket.socket, str]:
    """Try one address after the other, the next one also while those before it stay silent."""
    untried = deque(found)
    trying: set[asyncio.Task[tuple[socket.socket, str]]] = set()
    failed: BaseException | None = None
    try:
        while untried or trying:
            if untried:
                family, kind, proto, _, address = untried.popleft()
                trying.add(asyncio.create_task(_connected_to(family, kind, proto, address)))
            done, _ = await asyncio.wait(
                trying,
                timeout=SILENT_S if untried else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                trying.remove(attempt)
                failed = attempt.exception()
                if failed is None:
                    return attempt.result()
    finally:
        for attempt in trying:  # not waited for: who is cancelled there loses what is returned
            attempt.add_done_callback(_close_unused)
            attempt.cancel()
    raise failed or OSError("it has no address")


def _close_unused(attempt: asyncio.Task[tuple[socket.socket, str]]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result()[0].close()


async def _connected_to(
    family: int, kind: int, proto: int, address: Any
) -> tuple[socket.socket, str]:
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock, str(address[0])
