"""Rows of a damaged SQLite file, read without SQLite.

Rule: nothing in the file is believed. Each number is bounded before it is used, what cannot be a
row is passed over, and whoever asks checks a row's checksum before it counts.

A table's rows lie on leaf pages; what leads to them are pages that may be torn. So every page is
looked at, and a leaf's rows are read whether a tree still leads to it or not. Pages on the list of
free ones hold rows that were deleted, and are left out as far as that list can be read. Pages that
the log has are read from there: they are the newer ones.
Layouts: https://www.sqlite.org/fileformat2.html, sections 1.3 to 1.6, 2.1 and 4.1.
"""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

Value = int | float | str | bytes | None
Row = tuple[Value, ...]
Place = tuple[int, int]
"""A row's page, and its offset in it."""

LEAF = 0x0D
HEADER = 100  # bytes before the first page's own
DEFAULT_PAGE = 4096
LOG_HEADER, FRAME_HEADER = 32, 24

_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Serial type → bytes."""


class Malformed(Exception):
    """What was read is no row."""


class Pages:
    """The pages of the file at a path and of its log; raises OSError."""

    def __init__(self, path: Path) -> None:
        self._file = _mapped(path)
        self._log = _mapped(path.with_name(f"{path.name}-wal"))
        (size,) = struct.unpack_from(">H", self._file, 16) if len(self._file) >= HEADER else (0,)
        size = 65_536 if size == 1 else size
        self._size = size if size >= 512 and size & (size - 1) == 0 else DEFAULT_PAGE
        self._newer = self._of_log()
        self._count = max([len(self._file) // self._size, *self._newer])

    def rows(self) -> Iterator[tuple[Place, Row]]:
        """Every row on every leaf, with its place."""
        free = self._free()
        for number in range(1, self._count + 1):
            page = b"" if number in free else self._page(number)
            start = HEADER if number == 1 else 0
            if page[start : start + 1] != bytes([LEAF]):
                continue
            (cells,) = struct.unpack_from(">H", page, start + 3)
            for cell in range(min(cells, (self._size - start - 8) // 2)):
                (at,) = struct.unpack_from(">H", page, start + 8 + 2 * cell)
                try:
                    row = self.row((number, at))
                except (Malformed, IndexError, struct.error):
                    continue
                yield (number, at), row

    def row(self, place: Place) -> Row:
        """The row at a place, its id where the column that stands for it is."""
        number, at = place
        page = self._page(number)
        length, at = _varint(page, at)
        key, at = _varint(page, at)
        columns = list(_columns(self._payload(page, at, length)))
        return (key, *columns[1:])

    def _page(self, number: int) -> bytes:
        """A page's bytes; none of one that is not there."""
        if number in self._newer:
            at = self._newer[number]
            return self._log[at : at + self._size]
        at = (number - 1) * self._size
        page = self._file[at : at + self._size] if number > 0 else b""
        return page if len(page) == self._size else b""

    def _of_log(self) -> dict[int, int]:
        """Where the newest copy of each page is that a finished transaction left in the log."""
        newest: dict[int, int] = {}
        open_: dict[int, int] = {}
        salts = self._log[16:24]
        step = FRAME_HEADER + self._size
        for at in range(LOG_HEADER, len(self._log) - step + 1, step):
            number, commit = struct.unpack_from(">II", self._log, at)
            if self._log[at + 8 : at + 16] != salts or number > len(self._log) + len(self._file):
                break
            open_[number] = at + FRAME_HEADER
            if commit:
                newest.update(open_)
                open_.clear()
        return newest

    def _free(self) -> set[int]:
        """The pages on the list of free ones."""
        free: set[int] = set()
        first = self._page(1)
        trunk = struct.unpack_from(">I", first, 32)[0] if first else 0
        while 0 < trunk <= self._count and trunk not in free and (page := self._page(trunk)):
            free.add(trunk)
            trunk, leaves = struct.unpack_from(">II", page)
            free.update(
                struct.unpack_from(f">{leaves}I", page, 8) if leaves <= self._size // 4 - 2 else ()
            )
        return free

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        """A row's bytes, the rest of them from the chain of pages that holds it (section 1.6)."""
        most, least = self._size - 35, (self._size - 12) * 32 // 255 - 23
        here = length
        if length > most:
            here = least + (length - least) % (self._size - 4)
            here = here if here <= most else least
        if at + here > len(page) or length > self._count * self._size:
            raise Malformed
        parts, left = [page[at : at + here]], length - here
        (following,) = struct.unpack_from(">I", page, at + here) if left else (0,)
        while left > 0:
            overflow = self._page(following)
            if not overflow:
                raise Malformed
            (following,) = struct.unpack_from(">I", overflow)
            parts.append(overflow[4 : 4 + left])
            left -= len(parts[-1])
        return b"".join(parts)


def _mapped(path: Path) -> mmap.mmap | bytes:
    """A file's bytes without reading them all; nothing of one that is not there."""
    if not path.exists() or not path.stat().st_size:
        return b""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where the next thing begins (section 1.6)."""
    value = 0
    for n in range(8):
        byte = data[at + n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    value = value << 8 | data[at + 8]
    return (value - (1 << 64) if value >= 1 << 63 else value), at + 9


def _columns(record: bytes) -> Iterator[Value]:
    """The values of a record (section 2.1)."""
    header, at = _varint(record, 0)
    value_at = header
    while at < header:
        kind, at = _varint(record, at)
        size = _INTEGERS.get(kind, 8 if kind == 7 else max(kind - 12, 0) // 2)
        if value_at + size > len(record):
            raise Malformed
        yield _value(kind, record[value_at : value_at + size])
        value_at += size


def _value(kind: int, data: bytes) -> Value:
    if kind in _INTEGERS:
        return int.from_bytes(data, "big", signed=True)
    if kind == 7:
        return float(struct.unpack(">d", data)[0])
    if kind >= 12:
        return data.decode("utf-8", "replace") if kind % 2 else data
    return {8: 0, 9: 1}.get(kind)
