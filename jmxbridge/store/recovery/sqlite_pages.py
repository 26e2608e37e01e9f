"""Reader for the rows of a damaged SQLite file that does not use SQLite.

Rule: nothing in the file is trusted. Each number is bounded before it is used, bytes that cannot be
a row are skipped, and the caller checks a row's checksum before it uses the row.

A table's rows are on leaf pages; the interior pages that lead to them may be torn. So every page is
examined, and a leaf's rows are read whether or not a tree still leads to it. Pages on the freelist
hold deleted rows and are left out, as far as that list can be read. Pages in the write-ahead log
are newer than those in the file, and are read from the log.
Layouts: https://www.sqlite.org/fileformat2.html, sections 1.3 to 1.6, 2.1 and 4.1.
"""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

SqlValue = int | float | str | bytes | None
SqlRow = tuple[SqlValue, ...]
RowLocation = tuple[int, int]
"""A row's page number, and its offset in that page."""

LEAF = 0x0D
HEADER = 100  # bytes of the file header, before the first page's own header
DEFAULT_PAGE = 4096
LOG_HEADER, FRAME_HEADER = 32, 24

_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Serial type → number of bytes (section 2.1)."""


class NotARow(Exception):
    """The bytes at this place are not a row."""


class SqlitePages:
    """The pages of the file at a path and of its write-ahead log; raises OSError."""

    def __init__(self, path: Path) -> None:
        self._file = _mapped(path)
        self._log = _mapped(path.with_name(f"{path.name}-wal"))
        (size,) = struct.unpack_from(">H", self._file, 16) if len(self._file) >= HEADER else (0,)
        size = 65_536 if size == 1 else size
        self._size = size if size >= 512 and size & (size - 1) == 0 else DEFAULT_PAGE
        self._logged = self._log_pages()
        self._count = max([len(self._file) // self._size, *self._logged])

    def rows(self) -> Iterator[tuple[RowLocation, SqlRow]]:
        """Yield every row on every leaf page, with its location."""
        free = self._free()
        for number in range(1, self._count + 1):
            page = b"" if number in free else self._page(number)
            start = HEADER if number == 1 else 0
            if page[start : start + 1] != bytes([LEAF]):
                continue
            (cells,) = struct.unpack_from(">H", page, start + 3)
            for cell in range(min(cells, (self._size - start - 8) // 2)):
                (offset,) = struct.unpack_from(">H", page, start + 8 + 2 * cell)
                try:
                    row = self.row((number, offset))
                except (NotARow, IndexError, struct.error):
                    continue
                yield (number, offset), row

    def row(self, location: RowLocation) -> SqlRow:
        """Return the row at a location; its first value is the row id."""
        number, offset = location
        page = self._page(number)
        length, offset = _varint(page, offset)
        key, offset = _varint(page, offset)
        columns = list(_columns(self._payload(page, offset, length)))
        return (key, *columns[1:])

    def _page(self, number: int) -> bytes:
        """Return a page's bytes; none for a page that does not exist."""
        if number in self._logged:
            offset = self._logged[number]
            return self._log[offset : offset + self._size]
        offset = (number - 1) * self._size
        page = self._file[offset : offset + self._size] if number > 0 else b""
        return page if len(page) == self._size else b""

    def _log_pages(self) -> dict[int, int]:
        """Map each page in the log to the offset of its newest committed copy (section 4.1)."""
        committed: dict[int, int] = {}
        uncommitted: dict[int, int] = {}
        salts = self._log[16:24]
        step = FRAME_HEADER + self._size
        for offset in range(LOG_HEADER, len(self._log) - step + 1, step):
            number, commit = struct.unpack_from(">II", self._log, offset)
            frame_salts = self._log[offset + 8 : offset + 16]
            if frame_salts != salts or number > len(self._log) + len(self._file):
                break
            uncommitted[number] = offset + FRAME_HEADER
            if commit:
                committed.update(uncommitted)
                uncommitted.clear()
        return committed

    def _free(self) -> set[int]:
        """Return the pages on the freelist (section 1.5)."""
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

    def _payload(self, page: bytes, offset: int, length: int) -> bytes:
        """Return a row's payload, joined with its overflow pages (section 1.6)."""
        most, least = self._size - 35, (self._size - 12) * 32 // 255 - 23
        local = length
        if length > most:
            local = least + (length - least) % (self._size - 4)
            local = local if local <= most else least
        if offset + local > len(page) or length > self._count * self._size:
            raise NotARow
        parts, left = [page[offset : offset + local]], length - local
        (following,) = struct.unpack_from(">I", page, offset + local) if left else (0,)
        while left > 0:
            overflow = self._page(following)
            if not overflow:
                raise NotARow
            (following,) = struct.unpack_from(">I", overflow)
            parts.append(overflow[4 : 4 + left])
            left -= len(parts[-1])
        return b"".join(parts)


def _mapped(path: Path) -> mmap.mmap | bytes:
    """Map a file into memory instead of reading it; empty for a file that does not exist."""
    if not path.exists() or not path.stat().st_size:
        return b""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    """Read a number of one to nine bytes; return it and the offset behind it (section 1.6)."""
    value = 0
    for n in range(8):
        byte = data[offset + n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, offset + n + 1
    value = value << 8 | data[offset + 8]
    return (value - (1 << 64) if value >= 1 << 63 else value), offset + 9


def _columns(record: bytes) -> Iterator[SqlValue]:
    """Yield the values of a record (section 2.1)."""
    header, offset = _varint(record, 0)
    value_offset = header
    while offset < header:
        kind, offset = _varint(record, offset)
        size = _INTEGERS.get(kind, 8 if kind == 7 else max(kind - 12, 0) // 2)
        if value_offset + size > len(record):
            raise NotARow
        yield _value(kind, record[value_offset : value_offset + size])
        value_offset += size


def _value(kind: int, data: bytes) -> SqlValue:
    if kind in _INTEGERS:
        return int.from_bytes(data, "big", signed=True)
    if kind == 7:
        return float(struct.unpack(">d", data)[0])
    if kind >= 12:
        return data.decode("utf-8", "replace") if kind % 2 else data
    return {8: 0, 9: 1}.get(kind)
