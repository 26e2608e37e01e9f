"""One JRMP connection without I/O: replies for calls, the window, and how it ends."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.errors import (
    ConnectionFailed,
    LocalProtocolError,
    RemoteException,
    RemoteProtocolError,
)
from jmxbridge.jmx.rmi import protocol as protocol_module
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.protocol import Protocol, Window
from jmxbridge.jmx.values import Value
from tests.jmx.java_bytes import string
from tests.jmx.scripted import ACK, Captured, MakeReply

Greeted = Callable[..., Protocol]


def call(name: str, size: int = 10) -> Call[Value]:
    """Return a call with a request of `size` bytes."""
    return Call(name, name.encode().ljust(size, b"."), lambda value: value)


def replies(protocol: Protocol) -> list[tuple[str, Any]]:
    """Return the names of the calls that are answered, and their outcomes."""
    answered = []
    while reply := protocol.next_reply():
        answered.append((reply.call.name, reply.outcome))
    return answered


def test_calls_wait_for_the_greeting() -> None:
    """The client's address goes before them."""
    protocol = Protocol()
    protocol.call(call("a"))
    assert protocol.data_to_send() == b"JRMI\x00\x02\x4b"
    assert protocol.data_to_send() == b""
    protocol.receive_data(ACK)
    assert protocol.next_reply() is None
    assert protocol.data_to_send() == bytes(6) + b"a........."


def test_the_greeting_may_arrive_byte_by_byte() -> None:
    """The greeting holds the address of the client."""
    protocol = Protocol()
    protocol.receive_data(b"")
    assert protocol.next_reply() is None
    for byte in b"\x4e\x00\x03abc\x00\x00\x12\x34":
        assert protocol.own_address is None
        protocol.receive_data(bytes((byte,)))
        assert protocol.next_reply() is None
    assert str(protocol.own_address) == "abc:4660"


def test_replies_are_matched_to_calls_in_order(greeted: Greeted, make_reply: MakeReply) -> None:
    """The first reply is for the first call, whatever its content."""
    protocol = greeted()
    for name in "abc":
        protocol.call(call(name))
    protocol.data_to_send()
    protocol.receive_data(make_reply(string("1")) + make_reply(string("2")))
    assert replies(protocol) == [("a", "1"), ("b", "2")]
    assert protocol.unanswered == 1
    protocol.receive_data(make_reply(string("3")))
    assert replies(protocol) == [("c", "3")]
    assert protocol.unanswered == 0


def test_the_buffer_is_freed_when_all_calls_are_answered(
    greeted: Greeted, make_reply: MakeReply
) -> None:
    """The replies of a poll take no memory until the next one, which is read as usual."""
    protocol = greeted()
    protocol.call_all((call("a"), call("b")))
    protocol.data_to_send()
    protocol.receive_data(make_reply(string("x")) + make_reply(string("y"))[:-1])
    assert replies(protocol) == [("a", "x")]
    assert protocol._reader.buf
    protocol.receive_data(b"y")
    assert replies(protocol) == [("b", "y")]
    assert not protocol._reader.buf
    protocol.call(call("c"))
    protocol.data_to_send()
    protocol.receive_data(make_reply(string("z")))
    assert replies(protocol) == [("c", "z")]


def test_the_reply_to_a_void_call_has_no_value(greeted: Greeted, make_reply: MakeReply) -> None:
    """The reply ends after its frame, and the next reply starts there."""
    protocol = greeted()
    protocol.call(Call("close", b"close", lambda value: value, is_void=True))
    protocol.call(call("next"))
    protocol.data_to_send()
    protocol.receive_data(make_reply(b"") + make_reply(string("x")))
    assert replies(protocol) == [("close", None), ("next", "x")]


def test_the_window_bounds_calls(greeted: Greeted, make_reply: MakeReply) -> None:
    """No more calls are written than the window allows; each reply makes room for one."""
    protocol = greeted(window=Window(calls=2))
    for name in "abcd":
        protocol.call(call(name, 1))
    assert protocol.data_to_send() == b"ab"
    assert protocol.data_to_send() == b""
    protocol.receive_data(make_reply(string("1")))
    assert replies(protocol) == [("a", "1")]
    assert protocol.data_to_send() == b"c"


def test_the_window_bounds_bytes(greeted: Greeted, make_reply: MakeReply) -> None:
    """No more unanswered bytes are written than the window allows."""
    protocol = greeted(window=Window(bytes=25))
    for name in "abcd":
        protocol.call(call(name, 10))
    assert len(protocol.data_to_send()) == 20
    protocol.receive_data(make_reply(string("1")))
    assert len(replies(protocol)) == 1
    assert len(protocol.data_to_send()) == 10


def test_a_call_larger_than_the_window_is_sent_alone(
    greeted: Greeted, make_reply: MakeReply
) -> None:
    """The call is sent when nothing else is in flight."""
    protocol = greeted(window=Window(bytes=25))
    protocol.call(call("a", 10))
    protocol.call(call("b", 100))
    protocol.call(call("c", 10))
    assert len(protocol.data_to_send()) == 10
    protocol.receive_data(make_reply(string("1")))
    assert len(replies(protocol)) == 1
    assert len(protocol.data_to_send()) == 100
    protocol.receive_data(make_reply(string("2")))
    assert len(replies(protocol)) == 1
    assert len(protocol.data_to_send()) == 10


def test_too_many_queued_calls_are_a_local_error(
    greeted: Greeted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue before the window is bounded too; the connection stays usable."""
    monkeypatch.setattr(protocol_module, "MAX_QUEUED", 3)
    protocol = greeted()
    for name in "abc":
        protocol.call(call(name))
    with pytest.raises(LocalProtocolError, match="3 calls"):
        protocol.call(call("d"))
    assert protocol.error is None


def test_round_trips_are_counted(greeted: Greeted, make_reply: MakeReply) -> None:
    """Calls in flight together are one round trip; calls that wait for them are the next."""
    protocol = greeted(window=Window(calls=3))
    assert protocol.traffic.round_trips == 1  # the greeting
    for _ in range(6):
        protocol.call(call("x"))
    protocol.data_to_send()
    assert protocol.traffic.round_trips == 2
    for _ in range(6):
        protocol.receive_data(make_reply(string("1")))
        assert len(replies(protocol)) == 1
        protocol.data_to_send()
    assert protocol.traffic.round_trips == 3
    assert protocol.traffic.calls == 6
    assert protocol.traffic.bytes_sent == len(b"JRMI\x00\x02\x4b") + 6 + 60
    assert protocol.traffic.bytes_received == len(ACK) + 6 * len(make_reply(string("1")))


def test_an_exception_is_the_outcome_of_its_call_alone(
    greeted: Greeted, make_reply: MakeReply, captured: Captured
) -> None:
    """The other calls and the connection are not affected."""
    protocol = greeted()
    for name in "abc":
        protocol.call(call(name))
    protocol.data_to_send()
    protocol.receive_data(make_reply(string("1")) + captured("missing") + make_reply(string("3")))
    [first, second, third] = replies(protocol)
    assert (first, third) == (("a", "1"), ("c", "3"))
    assert isinstance(second[1], RemoteException)
    assert protocol.error is None


def test_a_protocol_error_kills_the_connection(greeted: Greeted, make_reply: MakeReply) -> None:
    """Every later use raises that error."""
    protocol = greeted()
    protocol.call(call("a"))
    protocol.call(call("b"))
    protocol.data_to_send()
    protocol.receive_data(make_reply(string("1")) + b"\x00" + make_reply(string("2")))
    assert protocol.next_reply() is not None
    with pytest.raises(RemoteProtocolError):
        protocol.next_reply()
    protocol.receive_data(make_reply(string("3")))
    with pytest.raises(RemoteProtocolError):
        protocol.next_reply()
    with pytest.raises(RemoteProtocolError):
        protocol.call(call("c"))
    assert protocol.data_to_send() == b""
    assert protocol.unanswered == 0
    assert "dead" in repr(protocol)


def test_a_value_of_the_wrong_type_kills_the_connection(
    greeted: Greeted, make_reply: MakeReply
) -> None:
    """A well-formed value that the call does not expect is a protocol error."""

    def read(value: Value) -> Value:
        raise RemoteProtocolError("not that")

    protocol = greeted()
    protocol.call(Call("a", b"a", read))
    protocol.data_to_send()
    protocol.receive_data(make_reply(string("1")))
    with pytest.raises(RemoteProtocolError, match="not that"):
        protocol.next_reply()
    assert protocol.error is not None


def test_the_first_error_is_kept(greeted: Greeted) -> None:
    """Later errors do not replace the reason why a connection died."""
    protocol = greeted()
    protocol.fail(ConnectionFailed("first", "timeout"))
    protocol.fail(ConnectionFailed("second", "closed"))
    with pytest.raises(ConnectionFailed, match="first"):
        protocol.call(call("a"))


def test_a_reply_without_a_call_is_an_error(greeted: Greeted, make_reply: MakeReply) -> None:
    """A reply before its call is not the reply to the next call."""
    protocol = greeted()
    protocol.receive_data(make_reply(string("1")))
    with pytest.raises(RemoteProtocolError, match="no call is waiting"):
        protocol.next_reply()


@given(cuts=st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_same_replies(cuts: Sequence[int]) -> None:
    """However the bytes are cut, the replies and their order are the same."""
    frame = b"\x51\xac\xed\x00\x05\x77\x0f\x01" + bytes(14)
    stream = b"".join(frame + string(f"value {i}") for i in range(12))
    cut_at = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    protocol = Protocol()
    protocol.receive_data(ACK)
    for i in range(12):
        protocol.call(call(str(i)))
    answered = replies(protocol)
    protocol.data_to_send()
    for start, stop in itertools.pairwise(cut_at):
        protocol.receive_data(stream[start:stop])
        answered += replies(protocol)
    assert answered == [(str(i), f"value {i}") for i in range(12)]
