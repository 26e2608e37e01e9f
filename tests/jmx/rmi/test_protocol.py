"""One connection without I/O: which reply is for which call, how much is in flight, how it ends."""

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

Greeted = Callable[..., Protocol]
Reply = Callable[..., bytes]

ACK = b"\x4e\x00\x00\x00\x00\x00\x00"


def call(name: str, size: int = 10) -> Call[Value]:
    return Call(name, name.encode().ljust(size, b"."), lambda value: value)


def text(value: str) -> bytes:
    return b"\x74" + len(value).to_bytes(2, "big") + value.encode()


def replies(protocol: Protocol) -> list[tuple[str, Any]]:
    found = []
    while reply := protocol.next_reply():
        found.append((reply.call.name, reply.outcome))
    return found


def test_nothing_but_the_greeting_is_sent_first() -> None:
    """Calls wait for the server's greeting, and our address goes before them."""
    protocol = Protocol()
    protocol.call(call("a"))
    assert protocol.data_to_send() == b"JRMI\x00\x02\x4b"
    assert protocol.data_to_send() == b""
    protocol.receive_data(ACK)
    assert protocol.next_reply() is None
    assert protocol.data_to_send() == bytes(6) + b"a........."


def test_a_greeting_in_pieces() -> None:
    """The server's greeting may come byte by byte, with our address in it."""
    protocol = Protocol()
    protocol.receive_data(b"")
    assert protocol.next_reply() is None
    for byte in b"\x4e\x00\x03abc\x00\x00\x12\x34":
        assert protocol.own_address is None
        protocol.receive_data(bytes((byte,)))
        assert protocol.next_reply() is None
    assert str(protocol.own_address) == "abc:4660"


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"\x4f", "stream protocol"),
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP server"),
        (b"SSH-2.0-x", "SSH server"),
        (b"\x00\x00", "ProtocolAck"),
    ],
)
def test_a_greeting_of_something_else(wire: bytes, words: str) -> None:
    """Who does not speak RMI is recognised by its first bytes."""
    protocol = Protocol()
    protocol.receive_data(wire)
    with pytest.raises(RemoteProtocolError, match=words):
        protocol.next_reply()
    assert protocol.own_address is None


def test_replies_are_for_calls_in_order(greeted: Greeted, make_reply: Reply) -> None:
    """The first reply is for the first call, whatever is in it."""
    protocol = greeted()
    for name in "abc":
        protocol.call(call(name))
    protocol.data_to_send()
    protocol.receive_data(make_reply(text("1")) + make_reply(text("2")))
    assert replies(protocol) == [("a", "1"), ("b", "2")]
    assert protocol.unanswered == 1
    protocol.receive_data(make_reply(text("3")))
    assert replies(protocol) == [("c", "3")]
    assert protocol.unanswered == 0


def test_what_was_read_is_let_go_when_all_is_answered(greeted: Greeted, make_reply: Reply) -> None:
    """Nothing of a poll's answers is held until the next one; what comes next is read as ever."""
    protocol = greeted()
    protocol.call_all((call("a"), call("b")))
    protocol.data_to_send()
    protocol.receive_data(make_reply(text("x")) + make_reply(text("y"))[:-1])
    assert replies(protocol) == [("a", "x")]
    assert protocol._reader.buf
    protocol.receive_data(b"y")
    assert replies(protocol) == [("b", "y")]
    assert not protocol._reader.buf
    protocol.call(call("c"))
    protocol.data_to_send()
    protocol.receive_data(make_reply(text("z")))
    assert replies(protocol) == [("c", "z")]


def test_a_call_without_a_result(greeted: Greeted, make_reply: Reply) -> None:
    """A void call's reply ends after its frame, and the next one begins there."""
    protocol = greeted()
    protocol.call(Call("close", b"close", lambda value: value, is_void=True))
    protocol.call(call("next"))
    protocol.data_to_send()
    protocol.receive_data(make_reply(b"") + make_reply(text("x")))
    assert replies(protocol) == [("close", None), ("next", "x")]


def test_the_window_bounds_calls(greeted: Greeted, make_reply: Reply) -> None:
    """Not more calls are written than the window has; each reply makes room for one."""
    protocol = greeted(window=Window(calls=2))
    for name in "abcd":
        protocol.call(call(name, 1))
    assert protocol.data_to_send() == b"ab"
    assert protocol.data_to_send() == b""
    protocol.receive_data(make_reply(text("1")))
    assert replies(protocol) == [("a", "1")]
    assert protocol.data_to_send() == b"c"


def test_the_window_bounds_bytes(greeted: Greeted, make_reply: Reply) -> None:
    """Not more bytes are written and unanswered than the window has."""
    protocol = greeted(window=Window(bytes=25))
    for name in "abcd":
        protocol.call(call(name, 10))
    assert len(protocol.data_to_send()) == 20
    protocol.receive_data(make_reply(text("1")))
    assert len(replies(protocol)) == 1
    assert len(protocol.data_to_send()) == 10


def test_a_call_larger_than_the_window_goes_alone(greeted: Greeted, make_reply: Reply) -> None:
    """It waits until nothing else is in flight, and does not wait for ever."""
    protocol = greeted(window=Window(bytes=25))
    protocol.call(call("a", 10))
    protocol.call(call("b", 100))
    protocol.call(call("c", 10))
    assert len(protocol.data_to_send()) == 10
    protocol.receive_data(make_reply(text("1")))
    assert len(replies(protocol)) == 1
    assert len(protocol.data_to_send()) == 100
    protocol.receive_data(make_reply(text("2")))
    assert len(replies(protocol)) == 1
    assert len(protocol.data_to_send()) == 10


def test_too_many_calls_are_our_fault(greeted: Greeted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue before the window is bounded too; the connection does not suffer."""
    monkeypatch.setattr(protocol_module, "MAX_QUEUED", 3)
    protocol = greeted()
    for name in "abc":
        protocol.call(call(name))
    with pytest.raises(LocalProtocolError, match="3 calls"):
        protocol.call(call("d"))
    assert protocol.error is None


def test_round_trips(greeted: Greeted, make_reply: Reply) -> None:
    """A flight of calls is one round trip, whatever its size; what waits for it is the next one."""
    protocol = greeted(window=Window(calls=3))
    assert protocol.traffic.round_trips == 1  # the greeting
    for _ in range(6):
        protocol.call(call("x"))
    protocol.data_to_send()
    assert protocol.traffic.round_trips == 2
    for _ in range(6):
        protocol.receive_data(make_reply(text("1")))
        assert len(replies(protocol)) == 1
        protocol.data_to_send()
    assert protocol.traffic.round_trips == 3
    assert protocol.traffic.calls == 6
    assert protocol.traffic.bytes_sent == len(b"JRMI\x00\x02\x4b") + 6 + 60
    assert protocol.traffic.bytes_received == len(ACK) + 6 * len(make_reply(text("1")))


def test_an_exception_is_the_outcome_of_its_call_alone(
    greeted: Greeted, make_reply: Reply, captured: Callable[[str], bytes]
) -> None:
    """What is thrown for one call leaves the others and the connection as they are."""
    protocol = greeted()
    for name in "abc":
        protocol.call(call(name))
    protocol.data_to_send()
    protocol.receive_data(make_reply(text("1")) + captured("missing") + make_reply(text("3")))
    [first, second, third] = replies(protocol)
    assert (first, third) == (("a", "1"), ("c", "3"))
    assert isinstance(second[1], RemoteException)
    assert protocol.error is None


def test_an_error_is_the_end(greeted: Greeted, make_reply: Reply) -> None:
    """After bytes the protocol does not allow every use fails with that error, for good."""
    protocol = greeted()
    protocol.call(call("a"))
    protocol.call(call("b"))
    protocol.data_to_send()
    protocol.receive_data(make_reply(text("1")) + b"\x00" + make_reply(text("2")))
    assert protocol.next_reply() is not None
    with pytest.raises(RemoteProtocolError):
        protocol.next_reply()
    protocol.receive_data(make_reply(text("3")))
    with pytest.raises(RemoteProtocolError):
        protocol.next_reply()
    with pytest.raises(RemoteProtocolError):
        protocol.call(call("c"))
    assert protocol.data_to_send() == b""
    assert protocol.unanswered == 0
    assert "dead" in repr(protocol)


def test_an_answer_of_the_wrong_kind_is_the_end(greeted: Greeted, make_reply: Reply) -> None:
    """A well-formed value that is no answer to its call ends the connection as well."""

    def read(value: Value) -> Value:
        raise RemoteProtocolError("not that")

    protocol = greeted()
    protocol.call(Call("a", b"a", read))
    protocol.data_to_send()
    protocol.receive_data(make_reply(text("1")))
    with pytest.raises(RemoteProtocolError, match="not that"):
        protocol.next_reply()
    assert protocol.error is not None


def test_the_first_error_is_kept(greeted: Greeted) -> None:
    """Why a connection died is what it died of first."""
    protocol = greeted()
    protocol.fail(ConnectionFailed("first", "timeout"))
    protocol.fail(ConnectionFailed("second", "closed"))
    with pytest.raises(ConnectionFailed, match="first"):
        protocol.call(call("a"))


def test_bytes_that_nobody_asked_for(greeted: Greeted, make_reply: Reply) -> None:
    """A reply before its call is an error, not the reply to the next call."""
    protocol = greeted()
    protocol.receive_data(make_reply(text("1")))
    with pytest.raises(RemoteProtocolError, match="no call is waiting"):
        protocol.next_reply()


@given(cuts=st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_same_replies(cuts: Sequence[int]) -> None:
    """However the bytes are cut, the replies and their order are the same."""
    frame = b"\x51\xac\xed\x00\x05\x77\x0f\x01" + bytes(14)
    stream = b"".join(frame + text(f"value {i}") for i in range(12))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    protocol = Protocol()
    protocol.receive_data(ACK)
    for i in range(12):
        protocol.call(call(str(i)))
    found = replies(protocol)
    protocol.data_to_send()
    for start, stop in itertools.pairwise(places):
        protocol.receive_data(stream[start:stop])
        found += replies(protocol)
    assert found == [(str(i), f"value {i}") for i in range(12)]
