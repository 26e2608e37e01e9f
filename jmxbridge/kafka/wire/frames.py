"""Kafka's framing, without I/O: every message is a 4-byte length and that many bytes.

Rule: what is announced is judged before anything is stored for it, and the buffer grows with the
bytes that came, never with the number that was announced. A peer that does not speak Kafka is
recognised here, by the "length" its first words make.
"""

MAX_FRAME = 64 * 1024 * 1024
"""Largest reply taken, in bytes. The largest we ask for, the commits of 500 groups, takes 24 bytes
a partition: this is room for 2.7 million of them, far above what one coordinator keeps. Brokers
themselves refuse requests above 100 MiB, and any text taken for a length is above 500 MiB."""

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
"""How other protocols begin where ours has a length. 0x15: a TLS alert record (RFC 8446, 5.1)."""


class BadFrame(ValueError):
    """What came is not a Kafka message; nothing after it can be read either."""


class FrameReader:
    """Cuts a stream of bytes into messages."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came; return the messages it completes, without their lengths.

        Raises BadFrame, and from then on always: what was refused stays where it is.
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
        for beginning, what in _FOREIGN.items():
            if word.startswith(beginning):
                raise BadFrame(what)
        if length > self._limit:
            raise BadFrame(f"it announced a message of {length} bytes, limit {self._limit}")
        raise BadFrame(f"it announced a message of {length} bytes")
