"""SaslHandshake and SaslAuthenticate: their bytes, and what their answers mean."""

from jmxbridge.kafka.login.sasl_requests import LoginAnswer, SaslAuthenticate, SaslHandshake
from jmxbridge.kafka.wire.codec import decode, encode

ID = b"\0\0\0\x07"


def test_handshake_sends_the_mechanism() -> None:
    """A string after the header (version 1)."""
    assert encode(SaslHandshake("PLAIN"), 1, 7).endswith(b"\0\x09jmxbridge\0\x05PLAIN")


def test_handshake_answers_with_the_mechanisms_offered() -> None:
    """Error code, then an array of strings."""
    message = ID + b"\0\x21" + b"\0\0\0\x02\0\x05PLAIN\0\x06GSSAPI"

    assert decode(SaslHandshake("SCRAM"), 1, message).answer == (33, ("PLAIN", "GSSAPI"))


def test_authenticate_answers_with_the_session_lifetime() -> None:
    """Milliseconds since version 1 (KIP-368)."""
    message = ID + b"\0\0" + b"\xff\xff" + b"\0\0\0\x02ok" + (90_000).to_bytes(8)

    assert decode(SaslAuthenticate(b""), 1, message).answer == LoginAnswer(0, None, b"ok", 90.0)


def test_authenticate_answers_with_an_unlimited_session() -> None:
    """A lifetime of 0, or none at all in version 0."""
    head = ID + b"\0\x3a" + b"\0\x02no" + b"\0\0\0\0"

    for version, message in ((0, head), (1, head + bytes(8))):
        answer = decode(SaslAuthenticate(b""), version, message).answer
        assert answer == LoginAnswer(58, "no", b"", None)


def test_messages_of_a_mechanism_are_not_shown() -> None:
    """Neither in the request nor in the answer."""
    assert "swordfish" not in repr(SaslAuthenticate(b"swordfish"))
    assert "swordfish" not in repr(LoginAnswer(0, None, b"swordfish", None))
