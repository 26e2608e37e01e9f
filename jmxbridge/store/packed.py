"""Packed lines: compressed once, for the spool and for the wire.

Theory. A raw deflate stream (RFC 1951) that was flushed ends at a byte boundary and has no last
block, so such streams can be concatenated; each has a compressor of its own, so none refers to
bytes before it. A gzip header, any number of these streams, an empty last block and a trailer are
one gzip file of one member (RFC 1952), which every server accepts. Files of several members are
legal too, but not every server reads past the first.

The trailer needs the CRC-32 of the whole text, which is never in memory in one piece. A CRC is the
remainder of a polynomial over GF(2): appending n bytes to a text multiplies its remainder by x^8n
and adds the CRC of those bytes. So the CRCs of the parts are enough.
"""

import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce

LEVEL = 1
"""Line protocol shrinks to a fifth; level 9 reaches a sixth, for five times the CPU."""

_RAW = -zlib.MAX_WBITS
_POLYNOMIAL = 0xEDB88320  # of CRC-32, in the reversed bit order of everything here
_ONE = 0x80000000
_MASK = 0xFFFFFFFF
_GZIP_HEADER = bytes.fromhex(
    "1f8b 08 00 00000000 04 ff"
)  # no name, no time, fastest level, unknown system
_LAST_BLOCK = b"\x03\x00"


@dataclass(frozen=True, slots=True)
class Packed:
    """A text as a deflate stream without a last block; `size` and `crc` are of the text."""

    size: int
    crc: int
    data: bytes

    @classmethod
    def of(cls, text: bytes) -> "Packed":
        """Pack a text; if others follow it, one that `text_of` made."""
        stream = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW)
        data = stream.compress(text) + stream.flush(zlib.Z_SYNC_FLUSH)
        return cls(len(text), zlib.crc32(text), data)

    @property
    def lines(self) -> list[bytes]:
        """The lines of a text that `text_of` made; raises ValueError, in bounded memory."""
        try:
            text = zlib.decompressobj(_RAW).decompress(self.data, self.size + 1)
        except zlib.error as exc:
            raise ValueError(f"packed lines cannot be unpacked: {exc}") from exc
        if len(text) != self.size or zlib.crc32(text) != self.crc or text[-1:] != b"\n":
            raise ValueError("packed lines do not unpack to what was packed")
        return text[:-1].split(b"\n")


def text_of(lines: Sequence[bytes]) -> bytes:
    """Join lines, each ended by a newline; ValueError if one is empty or contains a newline."""
    text = b"\n".join((*lines, b""))
    if text.count(b"\n") != len(lines) or not all(lines):
        raise ValueError("a line is empty or has a newline in it")
    return text


def gzipped(parts: Sequence[Packed]) -> bytes:
    """Return one gzip file of one member with the text of all parts, without unpacking any."""
    crc = reduce(lambda crc, part: _shifted(crc, part.size) ^ part.crc, parts, 0)
    size = sum(part.size for part in parts)
    trailer = crc.to_bytes(4, "little") + (size & _MASK).to_bytes(4, "little")
    return b"".join((_GZIP_HEADER, *(part.data for part in parts), _LAST_BLOCK, trailer))


def readable(data: bytes, limit: int) -> bytes:
    """Unpack a damaged stream up to the damage, at most `limit` bytes."""
    stream = zlib.decompressobj(_RAW)
    text = bytearray()
    with suppress(zlib.error):
        for byte in data:
            text += stream.decompress(bytes((byte,)), limit)
            if len(text) >= limit:
                break
    return bytes(text[:limit])


def _shifted(crc: int, size: int) -> int:
    """Return crc * x^(8 size): a text's share in the CRC once `size` bytes follow it."""
    for power, factor in enumerate(_POWERS):
        if size >> power & 1:
            crc = _times(factor, crc)
    return crc


def _times(a: int, b: int) -> int:
    """Return the product of two polynomials modulo that of CRC-32."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = a << 1 & _MASK
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return product


def _powers() -> tuple[int, ...]:
    """Return x^8, x^16, x^32 and so on, for texts of up to 4 GiB."""
    power = _ONE >> 8
    powers = [power]
    for _ in range(31):
        power = _times(power, power)
        powers.append(power)
    return tuple(powers)


_POWERS = _powers()
