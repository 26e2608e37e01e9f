"""Cursor over the bytes of one reply, with its handles and the limits on its size.

Rule: the peer is not trusted, and this module checks every limit on what it sends. No buffer is
allocated from an announced size; memory grows only with the bytes that have arrived.

Decoders are generators that read like straight-line code. One that runs out of bytes calls `need`,
which yields until enough bytes have been fed; then the decoder continues where it stopped.
Functions named `take_...` are plain functions for data that is present in full; functions named
`read_...` are the generators around them.
"""

import struct
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from jmxbridge.jmx import modified_utf8
from jmxbridge.jmx.constants import BASE_WIRE_HANDLE
from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.values import Value

if TYPE_CHECKING:
    from jmxbridge.jmx.serialization.class_desc import ClassDesc
    from jmxbridge.jmx.serialization.known_classes import KnownClasses
    from jmxbridge.jmx.serialization.tracked import TrackedValues

T = TypeVar("T")
Steps: TypeAlias = Generator[None, None, T]
"""A decoder: yields when it needs more bytes, returns what it decoded."""

_I32 = struct.Struct(">i")
_I64 = struct.Struct(">q")


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds on one reply. The largest real replies list every MBean name of a JVM.

    `reply_bytes`: 200,000 names of 150 bytes are 30 MB.
    `handles`: two per name, and the same again as reserve; a handle costs at most about 200 bytes
    of memory, so this bounds a reply to about 100 MB.
    `elements`: elements of all arrays and collections plus fields of all objects; an element costs
    at most about 80 bytes (char[]).
    `string_bytes`: the longest strings seen, class paths and thread dumps, are tens of kilobytes.
    `depth`: real values nest less than 20 deep (open types of open types); each level takes up to
    three of Python's 1,000 stack frames.
    """

    reply_bytes: int = 32 << 20
    handles: int = 1 << 19
    elements: int = 1 << 20
    string_bytes: int = 4 << 20
    depth: int = 100


class ReplyReader:
    """Cursor over bytes that arrive in pieces, with the handles of the current reply."""

    __slots__ = (
        "_pending",
        "_pending_bytes",
        "_read_before",
        "_wanted",
        "buf",
        "classes",
        "elements",
        "end",
        "handles",
        "limits",
        "pos",
        "tracked",
    )

    def __init__(self, classes: "KnownClasses", limits: Limits) -> None:
        self.classes = classes
        self.limits = limits
        self.buf = b""
        self.pos = 0
        self.end = 0
        self.handles: list[Value | ClassDesc] = []
        self.elements = 0
        self.tracked: TrackedValues | None = None  # set while a template is built
        self._read_before = 0  # bytes of this reply that are no longer in buf
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._wanted = 0

    def begin(self) -> None:
        """Start a reply at the current position: a new stream with its own handles."""
        self._read_before = -self.pos
        self.handles = []
        self.elements = 0

    def feed(self, data: bytes) -> bool:
        """Add received bytes; return whether decoding can continue."""
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes < self._wanted:
            return False  # joined once per need, not once per piece: no quadratic copying
        self._read_before += self.pos
        self.buf = b"".join((self.buf[self.pos :], *self._pending))
        self.pos = 0
        self.end = len(self.buf)
        self._pending = []
        self._pending_bytes = 0
        self._wanted = 0
        return True

    def drop_read(self) -> None:
        """Free the buffer if all of it is read: the next reply may be a poll interval away."""
        if self.pos == self.end and self.buf:
            self._read_before += self.pos
            self.buf = b""
            self.pos = self.end = 0

    @property
    def offset(self) -> int:
        """Bytes of this reply that are read."""
        return self._read_before + self.pos

    @property
    def unread(self) -> int:
        """Bytes that are received and not read."""
        return self.end - self.pos + self._pending_bytes

    def bad(self, problem: str) -> RemoteProtocolError:
        """Return the error for invalid data at the current position."""
        return RemoteProtocolError(problem, self.offset)

    def short(self, size: int) -> bool:
        """Return whether fewer than `size` bytes are present."""
        return self.pos + size > self.end

    def need(self, size: int) -> Steps[None]:
        """Wait until `size` bytes are present."""
        self.check_size(size)
        while self.pos + size > self.end:
            self._wanted = self.pos + size - self.end
            yield

    def u8(self) -> int:
        """Take an unsigned byte that is present."""
        value = self.buf[self.pos]
        self.pos += 1
        return value

    def u16(self) -> int:
        """Take an unsigned short that is present."""
        pos = self.pos
        self.pos = pos + 2
        return self.buf[pos] << 8 | self.buf[pos + 1]

    def i32(self) -> int:
        """Take an int that is present."""
        value: int = _I32.unpack_from(self.buf, self.pos)[0]
        self.pos += 4
        return value

    def i64(self) -> int:
        """Take a long that is present."""
        value: int = _I64.unpack_from(self.buf, self.pos)[0]
        self.pos += 8
        return value

    def raw(self, size: int) -> bytes:
        """Take `size` bytes that are present."""
        pos = self.pos
        self.pos = pos + size
        return self.buf[pos : pos + size]

    def text(self, size: int) -> str:
        """Take a string of `size` bytes that are present."""
        try:
            value = modified_utf8.decode(self.buf[self.pos : self.pos + size])
        except UnicodeDecodeError as exc:
            raise self.bad(f"a string that is not modified UTF-8: {exc.reason}") from None
        self.pos += size
        return value

    def read_utf(self) -> Steps[str]:
        """`DataInput.readUTF`: a u16 length and that many bytes."""
        if self.short(2):
            yield from self.need(2)
        size = self.u16()
        if self.short(size):
            yield from self.need(size)
        return self.text(size)

    def add_handle(self, value: "Value | ClassDesc") -> int:
        """Give `value` the next handle; return the index of the handle."""
        index = len(self.handles)
        if index >= self.limits.handles:
            raise self.bad(f"more than {self.limits.handles} objects in a reply")
        self.handles.append(value)
        return index

    def handle_index(self) -> int:
        """Take a handle that is present; return its index, which is valid."""
        index: int = _I32.unpack_from(self.buf, self.pos)[0] - BASE_WIRE_HANDLE
        if not 0 <= index < len(self.handles):
            raise self.bad(f"a reference to object {index} of a reply with {len(self.handles)}")
        self.pos += 4
        return index

    def count(self, elements: int) -> None:
        """Add to the elements of this reply; raise if it has too many elements or handles."""
        self.elements += elements
        if self.elements > self.limits.elements:
            raise self.bad(f"more than {self.limits.elements} elements in a reply")
        if len(self.handles) > self.limits.handles:
            raise self.bad(f"more than {self.limits.handles} objects in a reply")

    def check_size(self, more: int = 0) -> None:
        """Raise if the reply is too long, or would be with `more` bytes."""
        if self.offset + more > self.limits.reply_bytes:
            raise self.bad(f"a reply of more than {self.limits.reply_bytes} bytes")
