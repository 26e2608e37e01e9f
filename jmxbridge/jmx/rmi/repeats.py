"""Replies that come again byte for byte, but for their UID: what MBeans say about themselves.

A JVM has thousands of MBeans of a few dozen classes, and those of one class describe themselves in
the same words. A reply equal to one that was decoded means what that meant and ends where that did.
"""

from typing import Generic, TypeVar

from jmxbridge.jmx.rmi import jrmp

T = TypeVar("T")

# A broker's MBeans are of about 30 kinds.
MAX_KNOWN = 64
# Those that describe hundreds of attributes are few; with this all that are known take 1 MB.
MAX_BYTES = 16 << 10


class Repeats(Generic[T]):
    """The replies of late and their outcomes; the last one that came again is tried first."""

    __slots__ = ("_known", "size")

    def __init__(self) -> None:
        self._known: list[tuple[bytes, bytes, T]] = []
        self.size = 0

    def read(self, buf: bytes, pos: int) -> T | None:
        """Return the outcome of the reply at `pos`, `size` bytes; None where it is not known."""
        for index, (head, body, outcome) in enumerate(self._known):
            if buf.startswith(body, pos + _BODY) and buf.startswith(head, pos):
                if index:
                    self._known.insert(0, self._known.pop(index))
                self.size = _BODY + len(body)
                return outcome
        return None

    def learn(self, raw: bytes, outcome: T) -> None:
        """Remember a reply and what it was decoded to."""
        if len(raw) <= MAX_BYTES:
            del self._known[MAX_KNOWN - 1 :]
            self._known.insert(0, (raw[: jrmp.RETURN_VALUE_BYTES], raw[_BODY:], outcome))


_BODY = jrmp.RETURN_VALUE_BYTES + jrmp.UID_BYTES
