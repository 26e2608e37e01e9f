"""Dead letters: lines InfluxDB refused, kept with its message until replayed or purged.

Rule: a dead letter leaves by replay (the same bytes go to the end of the spool), by purge, or by
the bound on the bytes of all; purged and bounded ones count as dropped. These functions are steps
of the spool's transactions: each takes the account and returns it changed.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jmxbridge.store import chunks
from jmxbridge.store.account import Account
from jmxbridge.store.errors import StoreDamaged
from jmxbridge.store.schema import checksum
from jmxbridge.store.values import DeadLetter

DEAD_LETTER_COST = 64
"""Bytes a letter takes in the file in addition to its line and reason."""

MAX_DEAD_BYTES = 64 * 1024 * 1024
"""A refused line a second for a week, at 100 bytes each with its reason."""

MAX_REASON = 1000
"""Characters of a reason; InfluxDB repeats the line in its message, and that may have 64 KiB."""

COLUMNS = "id, time_ns, refused_ns, source, reason, line, crc"
_BURY = (
    "INSERT INTO dead_letter (time_ns, refused_ns, source, reason, line, crc)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_SIZE = f"length(line) + length(CAST(reason AS BLOB)) + {DEAD_LETTER_COST}"
"""Bytes a letter counts against the bound."""


def decode(row: Sequence[Any]) -> DeadLetter | None:
    """Return the letter of a row's values, in COLUMNS' order; None if the checksum is wrong."""
    number, *values, crc = row
    return DeadLetter(number, *values) if checksum("dead_letter", *values) == crc else None


def bury(db: sqlite3.Connection, account: Account, letters: Sequence[DeadLetter]) -> Account:
    """Add letters; SQLite assigns their ids."""
    rows = [
        (letter.time_ns, letter.refused_ns, letter.source, letter.reason, letter.line)
        for letter in letters
    ]
    db.executemany(_BURY, [(*row, checksum("dead_letter", *row)) for row in rows])
    return replace(
        account,
        dead_lettered=account.dead_lettered + len(letters),
        dead_bytes=account.dead_bytes + sum(map(size_of, letters)),
    )


def newest(db: sqlite3.Connection, limit: int) -> list[tuple[Any, ...]]:
    """Read the rows of the newest letters, newest first."""
    query = f"SELECT {COLUMNS} FROM dead_letter ORDER BY id DESC LIMIT ?"  # noqa: S608 - constant
    return db.execute(query, (limit,)).fetchall()


def of_ids(db: sqlite3.Connection, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """Read the rows with these ids, in the order of the ids; ids without a letter are skipped."""
    query = f"SELECT {COLUMNS} FROM dead_letter WHERE id = ?"  # noqa: S608 - a constant
    rows = [db.execute(query, (number,)).fetchone() for number in ids]
    return [row for row in rows if row]


def present(db: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """Return the ids that have a letter."""
    query = "SELECT 1 FROM dead_letter WHERE id = ?"
    return [number for number in ids if db.execute(query, (number,)).fetchone()]


def replay(db: sqlite3.Connection, account: Account, letters: Sequence[DeadLetter]) -> Account:
    """Append the letters' lines to the spool with their original bytes, times and sources."""
    account = _delete(db, account, [letter.id for letter in letters])
    for letter in letters:
        account = chunks.put(db, account, [letter.line], letter.time_ns, letter.source)
    return account


def purge(db: sqlite3.Connection, account: Account, ids: Sequence[int]) -> Account:
    """Delete letters; they count as dropped."""
    account = _delete(db, account, ids)
    return replace(
        account,
        dropped=account.dropped + len(ids),
        dropped_dead=account.dropped_dead + len(ids),
    )


def bound(db: sqlite3.Connection, account: Account, max_bytes: int) -> Account:
    """Purge the oldest letters until the rest is within the bound."""
    while account.dead_bytes > max_bytes:
        (oldest,) = db.execute("SELECT min(id) FROM dead_letter").fetchone()
        account = purge(db, account, [oldest])
    return account


def size_of(letter: DeadLetter) -> int:
    """Return the bytes that a letter counts against the bound."""
    return len(letter.line) + len(letter.reason.encode()) + DEAD_LETTER_COST


def _delete(db: sqlite3.Connection, account: Account, ids: Sequence[int]) -> Account:
    query = f"SELECT {_SIZE} FROM dead_letter WHERE id = ?"  # noqa: S608 - a constant
    size = 0
    for number in ids:
        row = db.execute(query, (number,)).fetchone()
        if row is None:
            raise StoreDamaged("there are fewer dead letters than the account says")
        size += row[0]
        db.execute("DELETE FROM dead_letter WHERE id = ?", (number,))
    return replace(
        account,
        dead_lettered=account.dead_lettered - len(ids),
        dead_bytes=account.dead_bytes - size,
    )
