"""Body of one write: line protocol, compressed for the wire."""

from collections.abc import Sequence
from functools import cached_property

from jmxbridge.store import Packed, gzipped


class Body:
    """Line protocol; `size` is the bytes of its text."""

    def __init__(self, text: bytes) -> None:
        self.size = len(text)
        self._text = text

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> "Body":
        """Make a body of lines."""
        return cls(b"\n".join(lines))

    @cached_property
    def packed(self) -> bytes:
        """The text as gzip; made once, at the first use, on any thread."""
        return gzipped([Packed.of(self._text)])


class PackedBody(Body):
    """Body of lines that are packed already."""

    def __init__(self, parts: Sequence[Packed]) -> None:
        self.size = sum(part.size for part in parts)
        self._parts = parts

    @cached_property
    def packed(self) -> bytes:
        """The text of all parts as gzip."""
        return gzipped(self._parts)
