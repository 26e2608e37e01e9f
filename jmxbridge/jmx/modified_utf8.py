"""Codec for Java's modified UTF-8, the encoding of every string on the wire.

`java.io.DataInput`: U+0000 is two bytes (c0 80), a supplementary character is two surrogates of
three bytes each, and there are no four-byte forms. Lone surrogates are legal in Java strings; they
are decoded to lone surrogates.
"""


def encode(text: str) -> bytes:
    """Encode `text`."""
    if text.isascii() and "\0" not in text:
        return text.encode("ascii")
    raw = text.encode("utf-8", "surrogatepass").replace(b"\0", b"\xc0\x80")
    return raw if max(raw) < 0xF0 else b"".join(map(_encode_char, text))


def decode(raw: bytes) -> str:
    """Decode `raw`; raises UnicodeDecodeError for bytes that no Java peer writes."""
    if raw.isascii():
        return raw.decode("ascii")
    if max(raw) >= 0xF0:
        index = next(i for i, byte in enumerate(raw) if byte >= 0xF0)
        raise UnicodeDecodeError("modified utf-8", raw, index, index + 1, "four-byte form")
    text = raw.replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
    if b"\xed" not in raw:
        return text
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")


def _encode_char(char: str) -> bytes:
    if char == "\0":
        return b"\xc0\x80"
    if char <= "\uffff":
        return char.encode("utf-8", "surrogatepass")
    units = char.encode("utf-16-be")
    return b"".join(
        chr(int.from_bytes(units[i : i + 2])).encode("utf-8", "surrogatepass") for i in (0, 2)
    )
