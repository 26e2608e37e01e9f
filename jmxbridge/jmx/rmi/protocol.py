"""One JRMP connection, without I/O.

Rule: everything that decides which reply belongs to which call lives in this file.

Replies carry no id. The server answers in order, so calls in flight are a queue and the next reply
is for its head. After any error that pairing is lost: the connection is dead, every later use
raises that error again, and queued calls are never answered.

Calls are pipelined: many are written before the first is answered. A window bounds their number and
bytes, so that little lies in the send buffer and in the two kernels when a server stops reading.
The caller must read while it writes.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jmxbridge.jmx.errors import (
    ConnectionFailed,
    JmxError,
    LocalProtocolError,
    RemoteException,
    RemoteProtocolError,
)
from jmxbridge.jmx.rmi import jrmp
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.template import ReplyTemplate
from jmxbridge.jmx.serialization.decoder import UndelimitedObject
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.reader import Limits, ReplyReader, Steps
from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS
from jmxbridge.jmx.values import Value

# More than the MBeans of any JVM whose names fit into a reply (Limits.reply_bytes).
MAX_QUEUED = 1 << 18


@dataclass(frozen=True, slots=True)
class Window:
    """Bound on the calls that are written and not answered.

    2,000 requests of 350 bytes, the poll of a large broker, fit at once, so the poll takes one
    round trip. A single request may exceed `bytes` if nothing else is in flight.
    """

    calls: int = 4096
    bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counters of a connection.

    `round_trips` is how often calls had to wait for the replies to earlier ones. Of the replies
    with attributes or descriptions of MBeans, `template_hits` were read by a template and
    `template_misses` were decoded.
    """

    calls: int = 0
    round_trips: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    template_hits: int = 0
    template_misses: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            self.calls + other.calls,
            self.round_trips + other.round_trips,
            self.bytes_sent + other.bytes_sent,
            self.bytes_received + other.bytes_received,
            self.template_hits + other.template_hits,
            self.template_misses + other.template_misses,
        )


@dataclass(frozen=True, slots=True)
class CallReply:
    """A call and its outcome: the result of `call.read`, or the RemoteException it threw."""

    call: Call[Any]
    outcome: Any


class Protocol:
    """The client side of one connection: calls in, bytes out; bytes in, replies out."""

    def __init__(self, *, window: Window | None = None, limits: Limits | None = None) -> None:
        self.window = window or Window()
        self.error: JmxError | None = None
        self.lost_sync = False
        self.own_address: Endpoint | None = None  # as the server sees it; None until it greets
        self.calls_answered = 0
        self._calls_sent = 0
        self._bytes_sent = 0
        self._bytes_received = 0
        self._round_trips = 1  # the greeting
        self._reader = ReplyReader(KnownClasses(UNWRAPS, BOXES), limits or Limits())
        self._steps: Steps[Any] | None = jrmp.read_ack(self._reader)
        self._can_continue = False
        self._output = [jrmp.HELLO]
        self._queued: deque[Call[Any]] = deque()
        self._in_flight: deque[Call[Any]] = deque()
        self._bytes_in_flight = 0
        self._bytes_expected = 0  # of replies to calls in flight, by the size of their last reply
        self._template_hits = 0
        self._template_misses = 0
        self._reply_start = (b"", 0)  # the reader's buffer and position when this reply began
        self._round_trip_ends = 0  # number of the call whose reply ends the current round trip

    def __repr__(self) -> str:
        state = "dead" if self.error else "open" if self.own_address else "greeting"
        return f"<Protocol {state}, {self.unanswered} unanswered>"

    @property
    def unanswered(self) -> int:
        """Number of calls that are not answered."""
        return len(self._queued) + len(self._in_flight)

    @property
    def traffic(self) -> Traffic:
        """Counters so far, including the greeting."""
        return Traffic(
            self._calls_sent,
            self._round_trips,
            self._bytes_sent,
            self._bytes_received,
            self._template_hits,
            self._template_misses,
        )

    @property
    def peer_speaks_tls(self) -> bool:
        """Whether the server answered the greeting with a TLS alert."""
        return self.own_address is None and self._reader.buf.startswith(jrmp.TLS_ALERT)

    @property
    def bytes_to_wait_for(self) -> int:
        """Number of bytes worth waiting for: all expected replies except most of the last one.

        Replies are expected to have the size of the last ones. Of the last reply only the first
        byte counts: a JVM writes a reply at once, so while the other replies together are at most
        that reply shorter than expected, nothing waits in vain.
        """
        if len(self._in_flight) < 2 or (last := self._in_flight[-1].template) is None:
            return 1
        started = 0 if self._steps is None else self._reader.offset
        return max(1, self._bytes_expected - last.size - self._reader.unread - started + 1)

    # Sending.

    def call(self, call: Call[Any]) -> None:
        """Queue a call; its reply comes after those of all earlier calls."""
        self.call_all((call,))

    def call_all(self, calls: Sequence[Call[Any]]) -> None:
        """Queue calls; their replies come in the same order."""
        if self.error is not None:
            raise self.error
        if len(self._queued) + len(calls) > MAX_QUEUED:
            raise LocalProtocolError(f"more than {MAX_QUEUED} calls queued on one connection")
        self._queued.extend(calls)

    def data_to_send(self) -> bytes:
        """Return the bytes to write now; call this again after every reply."""
        if self.own_address is not None:
            self._fill_window()
        data = b"".join(self._output)
        self._output.clear()
        self._bytes_sent += len(data)
        return data

    def _fill_window(self) -> None:
        queued, in_flight, output = self._queued, self._in_flight, self._output
        if not queued:
            return
        starts_round_trip = self.calls_answered >= self._round_trip_ends
        calls = self.window.calls - len(in_flight)
        room = self.window.bytes - self._bytes_in_flight
        expected_bytes = taken = 0
        while queued:
            call = queued[0]
            size = len(call.request)
            if in_flight and (taken == calls or size > room):
                break
            room -= size
            taken += 1
            if call.template is not None:
                expected_bytes += call.template.size
            output.append(call.request)
            in_flight.append(queued.popleft())
        self._bytes_in_flight = self.window.bytes - room
        self._bytes_expected += expected_bytes
        self._calls_sent += taken
        if starts_round_trip:
            self._round_trips += 1
            self._round_trip_ends = self._calls_sent

    # Receiving.

    def receive_data(self, data: bytes) -> None:
        """Add received bytes for `next_by_template` and `next_reply`; ignored if dead."""
        if self.error is not None:
            return
        self._bytes_received += len(data)
        self._can_continue = self._reader.feed(data)

    def next_by_template(self) -> list[Any]:
        """Return the outcomes of the next replies, up to the first that no template reads.

        Templates read replies that are present in full and like an earlier one. `next_reply`
        decodes all others, and would decode these to the same outcomes.
        """
        if self._steps is not None or not self._can_continue or self.error is not None:
            return []
        reader, in_flight = self._reader, self._in_flight
        buf, pos = reader.buf, reader.pos
        outcomes: list[Any] = []
        expected_bytes = request_bytes = 0
        for call in in_flight:
            template = call.template
            if template is None:
                break
            size = template.size
            outcome = template.read(buf, pos)
            if outcome is None:
                break
            outcomes.append(outcome)
            pos += template.size
            expected_bytes += size
            request_bytes += len(call.request)
        for _ in outcomes:
            in_flight.popleft()
        self._bytes_expected -= expected_bytes
        self._bytes_in_flight -= request_bytes
        reader.pos = pos
        if not in_flight:
            self._all_answered()
        self.calls_answered += len(outcomes)
        self._template_hits += len(outcomes)
        return outcomes

    def next_reply(self) -> CallReply | None:
        """Decode and return the next complete reply; None if more bytes are needed.

        Raises RemoteProtocolError, and nothing else, for data that violates the protocol; the
        connection is dead then. A reply whose end cannot be found kills the connection too,
        although neither side is at fault: its outcome says so, and `lost_sync` is set.
        """
        if self.error is not None:
            raise self.error
        try:
            return self._next_reply()
        except UndelimitedObject as exc:
            reply = self._answer(
                RemoteException(
                    "java.io.Externalizable",
                    f"a value of class {exc.class_name}, which only that class can read",
                )
            )
            self.lost_sync = True
            self.fail(ConnectionFailed("an answer could not be read to its end", "closed"))
            return reply
        except RemoteProtocolError as exc:
            self.fail(exc)
            raise

    def fail(self, error: JmxError) -> None:
        """Declare the connection dead; the first error is kept."""
        self.error = self.error or error
        self._queued.clear()
        self._in_flight.clear()
        self._output.clear()

    def _next_reply(self) -> CallReply | None:
        while self._can_continue:
            if self._steps is None:
                if self._reader.short(1):
                    break
                self._steps = self._begin_reply()
            try:
                next(self._steps)
            except StopIteration as done:
                self._steps = None
                if self.own_address is not None:
                    return self._answer(done.value)
                self.own_address = done.value
                self._output.append(jrmp.CLIENT_ENDPOINT)
            else:
                break
        self._can_continue = False
        return None

    def _begin_reply(self) -> Steps[Value | RemoteException]:
        self._reader.begin()
        self._reply_start = (self._reader.buf, self._reader.pos)
        if not self._in_flight:
            raise self._reader.bad("unexpected data: no call is waiting for a reply")
        return jrmp.read_return(self._reader, self._in_flight[0].is_void)

    def _answer(self, result: Value | RemoteException) -> CallReply:
        call = self._in_flight[0]
        outcome = result if isinstance(result, RemoteException) else call.read(result)
        if call.template is not None:
            self._learn(call.template, outcome)
        return self._settle(outcome)

    def _learn(self, template: ReplyTemplate[Any], outcome: Any) -> None:
        """Update the template of the call whose reply was decoded."""
        self._template_misses += 1
        self._bytes_expected -= template.size
        template.size = self._reader.offset
        buf, start = self._reply_start
        if buf is self._reader.buf and not isinstance(outcome, RemoteException):
            template.learn(buf[start : self._reader.pos], outcome)

    def _settle(self, outcome: Any) -> CallReply:
        call = self._in_flight.popleft()
        self._bytes_in_flight -= len(call.request)
        self.calls_answered += 1
        if not self._in_flight:
            self._all_answered()
        return CallReply(call, outcome)

    def _all_answered(self) -> None:
        self._bytes_expected = 0  # may have drifted: two calls in flight may share a template
        self._reply_start = (b"", 0)
        self._reader.drop_read()
