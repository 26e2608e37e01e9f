"""FrameReader: messages from any split of a stream, and refusals of what is no message."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.kafka.wire.frames import MAX_FRAME, BadFrame, FrameReader

messages = st.lists(st.binary(min_size=4, max_size=40), max_size=8)


def framed(parts: list[bytes]) -> bytes:
    """The bytes of these messages on the wire."""
    return b"".join(len(part).to_bytes(4) + part for part in parts)


@given(messages, st.lists(st.integers(min_value=0, max_value=400)))
def test_feed_returns_the_same_messages_for_any_split(sent: list[bytes], cuts: list[int]) -> None:
    """Any chunks of the same bytes; a message is complete with its last byte."""
    stream = framed(sent)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = FrameReader()

    got = [
        message
        for start, end in itertools.pairwise(edges)
        for message in reader.feed(stream[start:end])
    ]

    assert got == sent


TLS = "it is a TLS listener, and this connection is plaintext: set kafka.tls"


@pytest.mark.parametrize(
    ("beginning", "reason"),
    [
        # An alert that a TLS listener sends when it is spoken to in plaintext.
        (bytes.fromhex("15030300020228"), TLS),
        (bytes.fromhex("15030100020246"), TLS),
        (b"HTTP/1.1 400 Bad Request\r\n", "it is an HTTP server"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "it is an SSH server"),
        (b"220 mail ready\r\n", "it announced a message of 842149920 bytes, limit 67108864"),
        (b"\xff\xff\xff\xff", "it announced a message of -1 bytes"),
        (b"\0\0\0\0", "it announced a message of 0 bytes"),
        (b"\0\0\0\3abc", "it announced a message of 3 bytes"),
    ],
)
def test_feed_names_the_protocol_of_foreign_bytes(beginning: bytes, reason: str) -> None:
    """The first four bytes tell, before anything is stored; after that nothing is read."""
    reader = FrameReader()

    with pytest.raises(BadFrame, match=f"^{reason}$"):
        reader.feed(beginning)
    with pytest.raises(BadFrame):
        reader.feed(framed([b"good"]))


def test_feed_accepts_a_message_of_exactly_the_limit() -> None:
    """One byte more is refused from its length alone."""
    assert FrameReader(limit=5).feed(framed([b"12345"])) == [b"12345"]
    with pytest.raises(BadFrame):
        FrameReader(limit=5).feed((6).to_bytes(4))


def test_feed_stores_only_received_bytes() -> None:
    """64 MiB announced, 2 bytes received: nothing more is held."""
    reader = FrameReader()

    assert reader.feed(MAX_FRAME.to_bytes(4) + b"ab") == []
    assert len(reader._buffer) == 6
