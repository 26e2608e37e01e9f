"""One JRMP connection, without I/O.

Rule: everything that decides which reply belongs to which call lives in this file.

Replies carry no id. The server answers in order, so calls in flight are a queue and the next reply
is for its head. After any error that pairing is lost: the connection is dead, whoever asks it for
something gets that error again, and the calls still queued are never answered.

Calls are pipelined: many are written before the first is answered. How many is bounded, by number
and by bytes, so that what lies unread in the two kernels and in our own send buffer stays small
when a server stops reading; whoever drives this must read while it writes.
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
from jmxbridge.jmx.rmi.calls import Call, Habit
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.serialization.decoder import Endless
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.reader import Limits, Reader, Steps
from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS
from jmxbridge.jmx.values import Value

# More than the MBeans of any JVM whose names fit a reply (Limits.reply_bytes).
MAX_QUEUED = 1 << 18


@dataclass(frozen=True, slots=True)
class Window:
    """How much may be written and not answered yet.

    2,000 requests of 350 bytes, the poll of a large broker, go out at once, so it takes one round
    trip. A single request may exceed `bytes` when nothing else is in flight.
    """

    calls: int = 4096
    bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was exchanged; `round_trips` is how often an answer had to be awaited before more.

    Of the answers with attributes or what MBeans say about themselves, `template_hits` were read by
    what earlier ones were like and `template_misses` were decoded.
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
class Reply:
    """The answer to one call: what `call.read` made of it, or what the Java side threw."""

    call: Call[Any]
    outcome: Any


class Protocol:
    """The client's end of one connection: calls in, bytes out; bytes in, replies out."""

    def __init__(self, *, window: Window | None = None, limits: Limits | None = None) -> None:
        self.window = window or Window()
        self.error: JmxError | None = None
        self.lost_track = False
        self.own_address: Endpoint | None = None  # as the server sees it; None until it answered
        self.calls_answered = 0
        self._calls_sent = 0
        self._bytes_sent = 0
        self._bytes_received = 0
        self._round_trips = 1  # the greeting
        self._reader = Reader(KnownClasses(UNWRAPS, BOXES), limits or Limits())
        self._steps: Steps[Any] | None = jrmp.read_ack(self._reader)
        self._can_go_on = False
        self._output = [jrmp.HELLO]
        self._queued: deque[Call[Any]] = deque()
        self._in_flight: deque[Call[Any]] = deque()
        self._bytes_in_flight = 0
        self._bytes_expected = 0  # of answers, as far as calls in flight were answered before
        self._template_hits = 0
        self._template_misses = 0
        self._whole = (b"", 0)  # what there was to read, and from where, when this reply was begun
        self._round_trip_ends = 0  # with the answer to the call of this number

    def __repr__(self) -> str:
        state = "dead" if self.error else "open" if self.own_address else "greeting"
        return f"<Protocol {state}, {self.unanswered} unanswered>"

    @property
    def unanswered(self) -> int:
        """Calls that were made and not answered yet."""
        return len(self._queued) + len(self._in_flight)

    @property
    def traffic(self) -> Traffic:
        """What was exchanged so far, the greeting included."""
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
        """Whether our greeting was answered with a TLS alert."""
        return self.own_address is None and self._reader.buf.startswith(jrmp.TLS_ALERT)

    @property
    def worth_waking_for(self) -> int:
        """How many bytes to wait for: nearly all that is to come, by what came the last time.

        The last answer is not counted but for its first byte: a JVM writes an answer at once, and
        as long as the others are together no more than that one shorter, nothing waits in vain.
        """
        if len(self._in_flight) < 2 or (last := self._in_flight[-1].habit) is None:
            return 1
        begun = 0 if self._steps is None else self._reader.offset
        return max(1, self._bytes_expected - last.size - self._reader.unread - begun + 1)

    # Sending.

    def call(self, call: Call[Any]) -> None:
        """Queue a call; its reply comes after those of all calls before it."""
        self.call_all((call,))

    def call_all(self, calls: Sequence[Call[Any]]) -> None:
        """Queue calls; the replies come in their order."""
        if self.error is not None:
            raise self.error
        if len(self._queued) + len(calls) > MAX_QUEUED:
            raise LocalProtocolError(f"more than {MAX_QUEUED} calls queued on one connection")
        self._queued.extend(calls)

    def data_to_send(self) -> bytes:
        """Return what is to be written now; ask again after every reply."""
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
        starts_trip = self.calls_answered >= self._round_trip_ends
        calls = self.window.calls - len(in_flight)
        room = self.window.bytes - self._bytes_in_flight
        expected = taken = 0
        while queued:
            call = queued[0]
            size = len(call.request)
            if in_flight and (taken == calls or size > room):
                break
            room -= size
            taken += 1
            if call.habit is not None:
                expected += call.habit.size
            output.append(call.request)
            in_flight.append(queued.popleft())
        self._bytes_in_flight = self.window.bytes - room
        self._bytes_expected += expected
        self._calls_sent += taken
        if starts_trip:
            self._round_trips += 1
            self._round_trip_ends = self._calls_sent

    # Receiving.

    def receive_data(self, data: bytes) -> None:
        """Take bytes that came; `next_reply` tells what they were. A dead connection drops them."""
        if self.error is not None:
            return
        self._bytes_received += len(data)
        self._can_go_on = self._reader.feed(data)

    def next_alike(self) -> list[Any]:
        """Return the outcomes of the next replies, as far as templates read them.

        Those that are there in full and of a shape that was learned; `next_reply` decodes others,
        as it would these.
        """
        if self._steps is not None or not self._can_go_on or self.error is not None:
            return []
        reader, in_flight = self._reader, self._in_flight
        buf, pos = reader.buf, reader.pos
        outcomes: list[Any] = []
        expected = asked = 0
        for call in in_flight:
            habit = call.habit
            if habit is None:
                break
            size = habit.size
            values = habit.read(buf, pos)
            if values is None:
                break
            outcomes.append(values)
            pos += habit.size
            expected += size
            asked += len(call.request)
        for _ in outcomes:
            in_flight.popleft()
        self._bytes_expected -= expected
        self._bytes_in_flight -= asked
        reader.pos = pos
        if not in_flight:
            self._all_answered()
        self.calls_answered += len(outcomes)
        self._template_hits += len(outcomes)
        return outcomes

    def next_reply(self) -> Reply | None:
        """Decode the next complete reply; None when more bytes are needed for it.

        Raises RemoteProtocolError for what the protocol does not allow, and nothing else; the
        connection is dead then. It also is, without an error of anybody's, after a reply whose end
        cannot be told: that one's outcome says so, and `lost_track` is set.
        """
        if self.error is not None:
            raise self.error
        try:
            return self._next_reply()
        except Endless as value:
            reply = self._answer(
                RemoteException(
                    "java.io.Externalizable",
                    f"a value of class {value.class_name}, which only that class can read",
                )
            )
            self.lost_track = True
            self.fail(ConnectionFailed("an answer could not be read to its end", "closed"))
            return reply
        except RemoteProtocolError as exc:
            self.fail(exc)
            raise

    def fail(self, error: JmxError) -> None:
        """Declare the connection dead, for this reason unless there was one before."""
        self.error = self.error or error
        self._queued.clear()
        self._in_flight.clear()
        self._output.clear()

    def _next_reply(self) -> Reply | None:
        while self._can_go_on:
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
        self._can_go_on = False
        return None

    def _begin_reply(self) -> Steps[Value | RemoteException]:
        self._reader.begin()
        self._whole = (self._reader.buf, self._reader.pos)
        if not self._in_flight:
            raise self._reader.bad("the server sent something without being asked")
        return jrmp.read_return(self._reader, self._in_flight[0].is_void)

    def _answer(self, result: Value | RemoteException) -> Reply:
        call = self._in_flight[0]
        outcome = result if isinstance(result, RemoteException) else call.read(result)
        if call.habit is not None:
            self._learn(call.habit, outcome)
        return self._settle(outcome)

    def _learn(self, habit: Habit[Any], outcome: Any) -> None:
        """Note what a reply was like that was decoded."""
        self._template_misses += 1
        self._bytes_expected -= habit.size
        habit.size = self._reader.offset
        buf, start = self._whole
        if buf is self._reader.buf and not isinstance(outcome, RemoteException):
            habit.learn(buf[start : self._reader.pos], outcome)

    def _settle(self, outcome: Any) -> Reply:
        call = self._in_flight.popleft()
        self._bytes_in_flight -= len(call.request)
        self.calls_answered += 1
        if not self._in_flight:
            self._all_answered()
        return Reply(call, outcome)

    def _all_answered(self) -> None:
        self._bytes_expected = 0  # two calls in flight may have shared a habit
        self._whole = (b"", 0)
        self._reader.let_go()
