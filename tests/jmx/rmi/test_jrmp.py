"""JRMP frames: greeting, call, reply."""

from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi import jrmp
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Protocol
from tests.jmx.java_bytes import string
from tests.jmx.scripted import MakeReply, Outcomes


def test_a_call_is_byte_for_byte() -> None:
    """A call is its frame, object id, operation, hash, and then the arguments."""
    assert jrmp.call(jrmp.REGISTRY_ID, 2, 0x44154DC9D4E63BDF, string("jmxrmi")) == (
        b"\x50\xac\xed\x00\x05\x77\x22"
        + bytes(22)
        + b"\x00\x00\x00\x02"
        + b"\x44\x15\x4d\xc9\xd4\xe6\x3b\xdf"
        + b"\x74\x00\x06jmxrmi"
    )


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"\x4f", "stream protocol"),
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP server"),
        (b"SSH-2.0-x", "SSH server"),
        (b"\x00\x00", "ProtocolAck"),
    ],
)
def test_a_greeting_of_another_server_is_recognised(wire: bytes, words: str) -> None:
    """The error names the server by its first bytes."""
    protocol = Protocol()
    protocol.receive_data(wire)
    with pytest.raises(RemoteProtocolError, match=words):
        protocol.next_reply()
    assert protocol.own_address is None


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"\x52", "expected a reply"),
        (b"HTTP/1.1 400 Bad Request", "HTTP server"),
        (b"\x15\x03\x03\x00\x02", "TLS server"),
        (b"\x51\xac\xed\x00\x05\x77\x10" + bytes(16), "without a primitive"),
        (b"\x51\xac\xed\x00\x04\x77\x0f" + bytes(16), "without a primitive"),
        (b"\x51\xac\xed\x00\x05\x77\x0f\x03" + bytes(14), "unknown kind 0x03"),
    ],
)
def test_a_malformed_frame_of_a_reply_is_rejected(
    wire: bytes, words: str, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """A reply starts with Return, the stream header and 15 bytes of block data."""
    with pytest.raises(RemoteProtocolError, match=words):
        outcomes(as_is, [wire])


def test_a_reset_before_the_object_clears_the_handles(
    make_reply: MakeReply, as_is: Call[Any], outcomes: Outcomes
) -> None:
    """TC_RESET is allowed before the object of a reply."""
    assert outcomes(as_is, [make_reply(b"\x79\x79" + string("a"))]) == ["a"]


def test_an_endpoint_shows_ipv6_addresses_in_brackets() -> None:
    """Other hosts are shown as they are."""
    assert str(Endpoint("broker-1", 9999)) == "broker-1:9999"
    assert str(Endpoint("::1", 9999)) == "[::1]:9999"
