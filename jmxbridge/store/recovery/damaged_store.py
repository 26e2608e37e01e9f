"""Rows that can still be read from a damaged store that was set aside.

Rule: a row is used complete and with a correct checksum, or not at all. The file is only read. A
torn page costs the rows on it and no others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jmxbridge.store import account as accounts
from jmxbridge.store import chunks, dead_letters
from jmxbridge.store.account import Account
from jmxbridge.store.recovery.sqlite_pages import RowLocation, SqlitePages
from jmxbridge.store.values import DeadLetter


@dataclass(frozen=True, slots=True)
class RescuedLines:
    """The lines of one chunk that were still pending."""

    time_ns: int
    source: str
    lines: list[bytes]


class DamagedStore:
    """The sound rows of the file at a path; raises OSError."""

    def __init__(self, path: Path) -> None:
        self._pages = SqlitePages(path)
        self._chunks: dict[int, RowLocation] = {}
        self._letters: dict[int, RowLocation] = {}
        self.account: Account | None = None
        for location, row in self._pages.rows():
            self._sort(location, row)

    def chunks(self, account: Account | None) -> Iterator[RescuedLines]:
        """Yield every readable chunk, oldest first, without lines that `account` has settled."""
        for number in sorted(self._chunks):
            chunk = chunks.decode(self._pages.row(self._chunks[number]))
            if chunk is None:
                continue  # torn since `_sort` read it
            settled = chunk.count - account.waiting(number, chunk.count) if account else 0
            if pending := chunk.packed.lines[settled:]:
                yield RescuedLines(chunk.time_ns, chunk.source, pending)

    def letters(self) -> Iterator[DeadLetter]:
        """Yield every readable dead letter, oldest first."""
        for number in sorted(self._letters):
            letter = dead_letters.decode(self._pages.row(self._letters[number]))
            if letter is not None:
                yield letter

    def _sort(self, location: RowLocation, row: tuple[Any, ...]) -> None:
        """Find a row's table by its checksum, which covers the table's name."""
        number = row[0]
        if len(row) == len(accounts.COLUMNS) + 2:
            self.account = accounts.decode(row[1:]) or self.account
        elif len(row) == len(chunks.COLUMNS.split(",")):
            if chunks.decode(row):
                self._chunks[number] = location
        elif len(row) == len(dead_letters.COLUMNS.split(",")) and dead_letters.decode(row):
            self._letters[number] = location
