"""encode and decode: bytes of requests and replies."""

import pytest

from jmxbridge.kafka.wire.codec import decode, encode
from jmxbridge.kafka.wire.errors import ReplyUnreadable, RequestFailed
from jmxbridge.kafka.wire.requests import ListedGroup, ListGroups, OffsetFetch
from tests.kafka.fake_answers import Asked
from tests.kafka.fake_cluster import FakeCluster
from tests.kafka.polling import ConnectTo, groups_with_rows


async def test_decode_fails_one_request_for_an_unknown_error_code(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A code younger than kio, in the commits of one broker: the rest of the poll goes on."""
    broker = two.brokers[1]
    young = (1234).to_bytes(2)

    def answer(asked: Asked) -> bytes:
        body = asked.schema.encode(broker.answer_offset_fetch(asked))
        return body[:-4] + young + body[-2:]

    broker.scripts["offset_fetch"] = answer
    cluster = connect_to(two)

    snapshot = await cluster.poll()

    assert groups_with_rows(snapshot) == {"b"}
    assert snapshot.end_offsets == {"y": {0: 10}}
    assert not snapshot.complete
    (error,) = snapshot.errors
    assert "OffsetFetch reply (version 8) cannot be read: 1234 is not a valid ErrorCode" in error
    broker.scripts.clear()
    assert (await cluster.poll()).complete
    assert two.connections == 2


@pytest.mark.parametrize(
    ("version", "tail"),
    [
        (0, b"\0\x09jmxbridge"),
        (3, b"\0\x09jmxbridge\0\0"),  # flexible: tagged fields of header and body (KIP-482)
        (5, b"\0\x09jmxbridge\0\x01\x01\0"),  # and two empty filters (KIP-518, KIP-848)
    ],
)
def test_encode_frames_header_and_body(version: int, tail: bytes) -> None:
    """Length, API number, version, correlation id, client id, body: as the protocol guide says."""
    head = (16).to_bytes(2) + version.to_bytes(2) + (7).to_bytes(4)
    message = head + tail

    assert encode(ListGroups(), version, 7) == len(message).to_bytes(4) + message


def test_encode_raises_for_a_value_that_does_not_fit() -> None:
    """A group name that is not text; the message names the API."""
    with pytest.raises(RequestFailed, match=r"^cannot be sent with OffsetFetch: "):
        encode(OffsetFetch(("\udcff",)), 8, 7)


LISTED = b"\0\0\0\x07" + b"\0\0" + b"\0\0\0\x01" + b"\0\x01g" + b"\0\x08consumer"


def test_decode_returns_plain_values() -> None:
    """The correlation id comes first; fields that the version lacks are None."""
    expected = (0, (ListedGroup("g", "consumer", None, None),))

    assert decode(ListGroups(), 0, LISTED) == (expected, 0)


def test_decode_returns_the_throttle_time() -> None:
    """In ms, from the version on that has it."""
    message = LISTED[:4] + (250).to_bytes(4) + LISTED[4:]

    assert decode(ListGroups(), 1, message).throttle_ms == 250


@pytest.mark.parametrize("message", [LISTED + b"\0", *(LISTED[:n] for n in range(4, len(LISTED)))])
def test_decode_raises_unless_it_reads_exactly_all_bytes(message: bytes) -> None:
    """Bytes left over are as suspicious as missing ones."""
    with pytest.raises(
        ReplyUnreadable, match=r"^its ListGroups reply \(version 0\) cannot be read"
    ):
        decode(ListGroups(), 0, message)
