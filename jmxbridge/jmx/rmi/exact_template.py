"""ExactTemplate: replies that repeat byte for byte, except for their UID.

A JVM has thousands of MBeans of a few dozen classes, and all MBeans of a class describe themselves
with the same bytes. A reply equal to one that was decoded has the same outcome and the same end.
"""

from typing import Generic, TypeVar

from jmxbridge.jmx.rmi import jrmp

T = TypeVar("T")

# A broker's MBeans are of about 30 kinds.
MAX_REPLIES = 64
# Longer replies, which describe hundreds of attributes, are few; this bounds all to 1 MB.
MAX_REPLY_BYTES = 16 << 10

_BODY = jrmp.RETURN_VALUE_BYTES + jrmp.UID_BYTES


class ExactTemplate(Generic[T]):
    """A ReplyTemplate of the latest replies and their outcomes; the last hit is compared first.

    `size` is that of the last reply in bytes, 0 before the first.
    """

    __slots__ = ("_replies", "size")

    def __init__(self) -> None:
        self._replies: list[tuple[bytes, bytes, T]] = []
        self.size = 0

    def read(self, buf: bytes, pos: int) -> T | None:
        """Return the outcome of the reply at `pos` and set `size`; None if it is not known."""
        for index, (head, body, outcome) in enumerate(self._replies):
            if buf.startswith(body, pos + _BODY) and buf.startswith(head, pos):
                if index:
                    self._replies.insert(0, self._replies.pop(index))
                self.size = _BODY + len(body)
                return outcome
        return None

    def learn(self, raw: bytes, outcome: T) -> None:
        """Remember a reply and what it was decoded to."""
        if len(raw) <= MAX_REPLY_BYTES:
            del self._replies[MAX_REPLIES - 1 :]
            self._replies.insert(0, (raw[: jrmp.RETURN_VALUE_BYTES], raw[_BODY:], outcome))
