"""Packed lines: concatenated without unpacking, they are one gzip file for every reader."""

import gzip
import subprocess
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.store.packed import Packed, gzipped, readable, text_of

LINES = st.lists(st.binary(min_size=1).filter(lambda line: b"\n" not in line), min_size=1)
NUMBERED = [b"m,n=%d v=%d.0 %d" % (n, n, n) for n in range(100)]


@given(polls=st.lists(LINES, max_size=6))
def test_gzipped_parts_unpack_to_all_lines(polls: list[list[bytes]]) -> None:
    """Python's gzip checks CRC and size; each part by itself also unpacks to its lines."""
    parts = [Packed.of(text_of(lines)) for lines in polls]

    text = gzip.decompress(gzipped(parts))

    assert text == b"".join(line + b"\n" for lines in polls for line in lines)
    assert [part.lines for part in parts] == polls


@given(head=st.binary(), size=st.integers(0, 2**20))
def test_gzipped_computes_the_crc_of_the_whole_text(head: bytes, size: int) -> None:
    """For sizes from nothing to a mebibyte."""
    tail = bytes(size)

    packed = gzipped([Packed.of(head), Packed.of(tail)])

    assert int.from_bytes(packed[-8:-4], "little") == zlib.crc32(head + tail)


def test_gzipped_is_a_single_member() -> None:
    """A reader that stops after the first member has the whole text; gzip(1) agrees."""
    parts = [Packed.of(text_of([line])) for line in NUMBERED]
    body = gzipped(parts)

    first = zlib.decompressobj(zlib.MAX_WBITS | 16)

    assert first.decompress(body) == text_of(NUMBERED)
    assert first.eof
    assert first.unused_data == b""
    by_gzip = subprocess.run(["gzip", "-dc"], input=body, capture_output=True, check=True)
    assert by_gzip.stdout == text_of(NUMBERED)
    assert by_gzip.stderr == b""


@pytest.mark.parametrize("line", [b"", b"m v=1\nm v=2"], ids=["empty", "newline"])
def test_text_of_refuses_empty_lines_and_newlines(line: bytes) -> None:
    """The number of lines and the number of newlines must never differ."""
    with pytest.raises(ValueError, match="newline"):
        text_of([b"m v=0", line])


@given(offset=st.integers(0, 10**6), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_part_is_refused(offset: int, bit: int, cut: bool) -> None:
    """It unpacks to the packed lines, or raises; the text before the damage is readable."""
    packed = Packed.of(text_of(NUMBERED))
    data = bytearray(packed.data)
    offset %= len(data)
    if cut:
        del data[offset:]
    else:
        data[offset] ^= 1 << bit

    with suppress(ValueError):
        assert Packed(packed.size, packed.crc, bytes(data)).lines == NUMBERED
    text = readable(bytes(data), packed.size)
    # A symbol that began before the damage may end in it.
    whole = zlib.decompressobj(-zlib.MAX_WBITS).decompress(bytes(data[:offset]))
    assert text.startswith(whole)


def test_a_decompression_bomb_is_not_unpacked() -> None:
    """A large text announced as small: at most one byte more than announced is unpacked."""
    bomb = Packed.of(bytes(2**26))

    with pytest.raises(ValueError, match="what was packed"):
        _ = Packed(100, bomb.crc, bomb.data).lines
    assert len(readable(bomb.data, 1000)) == 1000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xff", "cannot be unpacked"),
        (Packed.of(b"m v=1\n").data[:-8], "do not unpack to what was packed"),
        (Packed.of(b"m v=2\n").data, "do not unpack to what was packed"),
        (Packed.of(b"m v=1 ").data, "do not unpack to what was packed"),
    ],
    ids=["no deflate stream", "too short", "another text", "no newline at the end"],
)
def test_lines_of_damaged_data_are_refused(data: bytes, message: str) -> None:
    """Neither an error of zlib nor a wrong line reaches the caller."""
    sound = Packed.of(b"m v=1\n")

    with pytest.raises(ValueError, match=message):
        _ = Packed(sound.size, sound.crc, data).lines


def test_readable_stops_at_the_damage() -> None:
    """The text before it is kept; the limit bounds a stream without damage."""
    packed = Packed.of(text_of(NUMBERED))

    assert readable(packed.data, 50) == text_of(NUMBERED)[:50]
    assert readable(packed.data[:100] + b"\xff" * 50, packed.size).startswith(b"m,n=0 v=0.0 0\n")
    assert readable(b"", 10) == b""
