"""Java's modified UTF-8, encoded and decoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx import modified_utf8

ANY_JAVA_STRING = st.text(st.characters(exclude_categories=()))

TABLE = [
    ("", b""),
    ("a", b"a"),
    ("\0", b"\xc0\x80"),
    ("a\0b", b"a\xc0\x80b"),
    ("é", b"\xc3\xa9"),
    ("€", b"\xe2\x82\xac"),
    ("😀", b"\xed\xa0\xbd\xed\xb8\x80"),
    ("\0😀", b"\xc0\x80\xed\xa0\xbd\xed\xb8\x80"),
    ("\ud83d", b"\xed\xa0\xbd"),
    ("é\0😀x", b"\xc3\xa9\xc0\x80\xed\xa0\xbd\xed\xb8\x80x"),
]


@pytest.mark.parametrize(("text", "raw"), TABLE)
def test_texts_are_encoded_and_decoded(text: str, raw: bytes) -> None:
    """U+0000 takes two bytes, a supplementary character two surrogates of three bytes each."""
    assert modified_utf8.encode(text) == raw
    assert modified_utf8.decode(raw) == text


@pytest.mark.parametrize(
    "raw", [b"\xf0\x9f\x98\x80", b"\xff", b"\x80", b"\xc3", b"\xe2\x82", b"\xed\xa0", b"\xc1\x81"]
)
def test_bytes_that_no_java_peer_writes_are_rejected(raw: bytes) -> None:
    """Four-byte forms, lone continuation bytes, cut and overlong sequences."""
    with pytest.raises(UnicodeDecodeError):
        modified_utf8.decode(raw)


@given(ANY_JAVA_STRING)
def test_any_java_string_is_encoded_and_decoded(text: str) -> None:
    """A pair of surrogates comes back as the character it stands for."""
    same = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
    assert modified_utf8.decode(modified_utf8.encode(text)) == same


@given(st.binary(max_size=12))
def test_any_bytes_are_decoded_or_rejected(raw: bytes) -> None:
    """Nothing but UnicodeDecodeError is raised."""
    try:
        text = modified_utf8.decode(raw)
    except UnicodeDecodeError:
        return
    assert modified_utf8.decode(modified_utf8.encode(text)) == text
