"""Kafka's framing, without I/O: every message is a 4-byte length and that many bytes.

Rule: a length is checked before anything is stored for it, and the buffer grows with the bytes
received, never with the length announced. A peer that does not speak Kafka is recognised here, by
the "length" that its first bytes make.
"""

MAX_FRAME = 64 * 1024 * 1024
"""Largest reply accepted, in bytes. The largest that we request, the commits of 500 groups, takes
24 bytes a partition: this is room for 2.7 million partitions, far above what one coordinator keeps.
Brokers themselves refuse requests above 100 MiB, and any text read as a length is above 500 MiB."""

MIN_FRAME = 4
"""A reply begins with a correlation id of 4 bytes."""

_TLS = "it is a TLS listener, and this connection is plaintext: set kafka.tls"
_FOREIGN = {
    b"HTTP": "it is an HTTP server",
    b"\x15\x03\x00": _TLS,
    b"\x15\x03\x01": _TLS,
    b"\x15\x03\x02": _TLS,
    b"\x15\x03\x03": _TLS,
    b"SSH-": "it is an SSH server",
}
"""First bytes of other protocols, read as a length. 0x15: a TLS alert record (RFC 8446, 5.1)."""


class BadFrame(ValueError):
    """The bytes are no Kafka message; nothing after them can be read either."""


class FrameReader:
    """Cuts a stream of bytes into messages."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes; return the messages they complete, without their lengths.

        Raises BadFrame, and after that at every call: the refused bytes stay in the buffer.
        """
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        start = 0
        while len(buffer) - start >= 4:
            end = start + 4 + self._length(bytes(buffer[start : start + 4]))
            if end > len(buffer):
                break
            messages.append(bytes(memoryview(buffer)[start + 4 : end]))
            start = end
        del buffer[:start]
        return messages

    def _length(self, word: bytes) -> int:
        length = int.from_bytes(word, signed=True)
        if MIN_FRAME <= length <= self._limit:
            return length
        for beginning, protocol in _FOREIGN.items():
            if word.startswith(beginning):
                raise BadFrame(protocol)
        if length > self._limit:
            raise BadFrame(f"it announced a message of {length} bytes, limit {self._limit}")
        raise BadFrame(f"it announced a message of {length} bytes")
