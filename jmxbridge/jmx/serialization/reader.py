"""The bytes of one reply: what has come, how far it is read, and how much it may still grow.

Rule: the peer is not trusted, and every bound on what it sends is checked here. Nothing is ever
sized by an announced number; memory grows with the bytes that really came.

Decoding is straight-line code in generators. One that runs short calls `need`, which yields until
enough bytes were fed; then it goes on where it was. `take_...` are plain functions for what is
there in full; `read_...` are the generators around them.
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
    from jmxbridge.jmx.serialization.tracked import Marks

T = TypeVar("T")
Steps: TypeAlias = Generator[None, None, T]

_I32 = struct.Struct(">i")
_I64 = struct.Struct(">q")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one reply may hold. The largest real ones list every name of a JVM.

    `reply_bytes`: 200,000 names of 150 bytes are 30 MB. `handles`: two a name and room as much
    again; one costs at most about 200 bytes of memory, so this bounds a reply to some 100 MB.
    `elements`: of all its arrays and collections, and fields of its objects, together; at most
    about 80 bytes each (char[]).
    `string_bytes`: class paths and thread dumps are the longest seen, tens of kilobytes.
    `depth`: real values nest under 20 deep (open types of open types); each level is up to three
    frames of Python's 1,000.
    """

    reply_bytes: int = 32 << 20
    handles: int = 1 << 19
    elements: int = 1 << 20
    string_bytes: int = 4 << 20
    depth: int = 100


class Reader:
    """A cursor over bytes that arrive in pieces, with the handles of the reply under way."""

    __slots__ = (
        "_late",
        "_late_bytes",
        "_read_before",
        "_wanted",
        "buf",
        "classes",
        "elements",
        "end",
        "handles",
        "limits",
        "marks",
        "pos",
    )

    def __init__(self, classes: "KnownClasses", limits: Limits) -> None:
        self.classes = classes
        self.limits = limits
        self.buf = b""
        self.pos = 0
        self.end = 0
        self.handles: list[Value | ClassDesc] = []
        self.elements = 0
        self.marks: Marks | None = None  # where values are noted, if somebody wants to know
        self._read_before = 0  # bytes of this reply that are no longer in buf
        self._late: list[bytes] = []
        self._late_bytes = 0
        self._wanted = 0

    def begin(self) -> None:
        """Start a reply here: a stream of its own, with handles of its own."""
        self._read_before = -self.pos
        self.handles = []
        self.elements = 0

    def feed(self, data: bytes) -> bool:
        """Add what came; tell whether that meets the need, so that reading can go on."""
        self._late.append(data)
        self._late_bytes += len(data)
        if self._late_bytes < self._wanted:
            return False  # joined once a need is met, not once a piece: no quadratic copying
        self._read_before += self.pos
        self.buf = b"".join((self.buf[self.pos :], *self._late))
        self.pos = 0
        self.end = len(self.buf)
        self._late = []
        self._late_bytes = 0
        self._wanted = 0
        return True

    def let_go(self) -> None:
        """Free what is read, if that is all there is: the next reply may be an interval away."""
        if self.pos == self.end and self.buf:
            self._read_before += self.pos
            self.buf = b""
            self.pos = self.end = 0

    @property
    def offset(self) -> int:
        """Bytes of this reply read so far."""
        return self._read_before + self.pos

    @property
    def unread(self) -> int:
        """Bytes that came and were not read yet."""
        return self.end - self.pos + self._late_bytes

    def bad(self, problem: str) -> RemoteProtocolError:
        """Return the error for what stands here."""
        return RemoteProtocolError(problem, self.offset)

    def short(self, size: int) -> bool:
        """Tell whether fewer than `size` bytes are there."""
        return self.pos + size > self.end

    def need(self, size: int) -> Steps[None]:
        """Wait until `size` bytes are there."""
        self.check_size(size)
        while self.pos + size > self.end:
            self._wanted = self.pos + size - self.end
            yield

    def u8(self) -> int:
        """Take an unsigned byte that is there."""
        value = self.buf[self.pos]
        self.pos += 1
        return value

    def u16(self) -> int:
        """Take an unsigned short that is there."""
        pos = self.pos
        self.pos = pos + 2
        return self.buf[pos] << 8 | self.buf[pos + 1]

    def i32(self) -> int:
        """Take an int that is there."""
        value: int = _I32.unpack_from(self.buf, self.pos)[0]
        self.pos += 4
        return value

    def i64(self) -> int:
        """Take a long that is there."""
        value: int = _I64.unpack_from(self.buf, self.pos)[0]
        self.pos += 8
        return value

    def raw(self, size: int) -> bytes:
        """Take bytes that are there."""
        pos = self.pos
        self.pos = pos + size
        return self.buf[pos : pos + size]

    def text(self, size: int) -> str:
        """Take a string of `size` bytes that are there."""
        try:
            value = modified_utf8.decode(self.buf[self.pos : self.pos + size])
        except UnicodeDecodeError as exc:
            raise self.bad(f"a string that is not modified UTF-8: {exc.reason}") from None
        self.pos += size
        return value

    def read_utf(self) -> Steps[str]:
        """`DataInput.readUTF`: a u16 length and as many bytes."""
        if self.short(2):
            yield from self.need(2)
        size = self.u16()
        if self.short(size):
            yield from self.need(size)
        return self.text(size)

    def keep(self, value: "Value | ClassDesc") -> int:
        """Give `value` the next handle; return its index."""
        index = len(self.handles)
        if index >= self.limits.handles:
            raise self.bad(f"more than {self.limits.handles} objects in a reply")
        self.handles.append(value)
        return index

    def index(self) -> int:
        """Take a handle that is there; return its index, which something has."""
        index: int = _I32.unpack_from(self.buf, self.pos)[0] - BASE_WIRE_HANDLE
        if not 0 <= index < len(self.handles):
            raise self.bad(f"a reference to object {index} of a reply with {len(self.handles)}")
        self.pos += 4
        return index

    def count(self, elements: int) -> None:
        """Add to the elements of this reply; refuse too many of them, or of objects."""
        self.elements += elements
        if self.elements > self.limits.elements:
            raise self.bad(f"more than {self.limits.elements} elements in a reply")
        if len(self.handles) > self.limits.handles:
            raise self.bad(f"more than {self.limits.handles} objects in a reply")

    def check_size(self, more: int = 0) -> None:
        """Refuse a reply that is too long, or will be with `more` bytes."""
        if self.offset + more > self.limits.reply_bytes:
            raise self.bad(f"a reply of more than {self.limits.reply_bytes} bytes")
