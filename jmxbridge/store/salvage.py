"""What can still be read of a damaged store that was set aside.

Rule: a row is taken whole and with its checksum right, or not at all; the file is only read. A
torn page costs the rows on it, and no others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jmxbridge.store import account as accounts
from jmxbridge.store import chunks, dead_letters
from jmxbridge.store.account import Account
from jmxbridge.store.pages import Pages, Place
from jmxbridge.store.values import DeadLetter


@dataclass(frozen=True, slots=True)
class Rescued:
    """The lines of one chunk that were still pending."""

    time_ns: int
    source: str
    lines: list[bytes]


class Wreck:
    """The rows that are left in a file at a path; raises OSError."""

    def __init__(self, path: Path) -> None:
        self._pages = Pages(path)
        self._chunks: dict[int, Place] = {}
        self._letters: dict[int, Place] = {}
        self.account: Account | None = None
        for place, row in self._pages.rows():
            self._sort(place, row)

    def chunks(self, account: Account | None) -> Iterator[Rescued]:
        """Every readable chunk, oldest first, without the lines the account has settled."""
        for number in sorted(self._chunks):
            chunk = chunks.decode(self._pages.row(self._chunks[number]))
            if chunk is None:
                continue  # torn since it was found
            done = chunk.count - account.waiting(number, chunk.count) if account else 0
            if left := chunk.packed.lines[done:]:
                yield Rescued(chunk.time_ns, chunk.source, left)

    def letters(self) -> Iterator[DeadLetter]:
        """Every readable dead letter, oldest first."""
        for number in sorted(self._letters):
            letter = dead_letters.decode(self._pages.row(self._letters[number]))
            if letter is not None:
                yield letter

    def _sort(self, place: Place, row: tuple[Any, ...]) -> None:
        """Tell by its checksum, which is over the table's name too, what a row is."""
        number = row[0]
        if len(row) == len(accounts.COLUMNS) + 2:
            self.account = accounts.decode(row[1:]) or self.account
        elif len(row) == len(chunks.COLUMNS.split(",")):
            if chunks.decode(row):
                self._chunks[number] = place
        elif len(row) == len(dead_letters.COLUMNS.split(",")) and dead_letters.decode(row):
            self._letters[number] = place
