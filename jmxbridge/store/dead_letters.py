"""Dead letters: lines that InfluxDB refused, kept with its words until somebody decides.

Rule: a letter leaves by replay (its line goes to the end of the spool, the same bytes), by purge,
or by the bound on their bytes; both of the last count as dropped. These are steps of the spool's
transactions: each takes the account and returns it changed.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jmxbridge.store import chunks
from jmxbridge.store.account import Account
from jmxbridge.store.checksum import checksum
from jmxbridge.store.errors import StoreDamaged
from jmxbridge.store.values import DeadLetter

DEAD_LETTER_COST = 64
"""What a letter takes in the file beside its line and reason."""

MAX_DEAD_BYTES = 64 * 1024 * 1024
"""A refused line a second for a week, at 100 bytes each with its reason."""

MAX_REASON = 1000
"""Characters of a reason; InfluxDB repeats the line in its own, which may have 64 KiB."""

COLUMNS = "id, time_ns, refused_ns, source, reason, line, crc"
_BURY = (
    "INSERT INTO dead_letter (time_ns, refused_ns, source, reason, line, crc)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_SIZE = f"length(line) + length(CAST(reason AS BLOB)) + {DEAD_LETTER_COST}"
"""Bytes a letter counts against the bound."""


def decode(row: Sequence[Any]) -> DeadLetter | None:
    """The letter of a row's values in the order of COLUMNS; None where its checksum is wrong."""
    number, *values, crc = row
    return DeadLetter(number, *values) if checksum("dead_letter", *values) == crc else None


def bury(db: sqlite3.Connection, account: Account, letters: Sequence[DeadLetter]) -> Account:
    """Add letters; their ids are given by the file."""
    rows = [
        (each.time_ns, each.refused_ns, each.source, each.reason, each.line) for each in letters
    ]
    db.executemany(_BURY, [(*row, checksum("dead_letter", *row)) for row in rows])
    return replace(
        account,
        dead_lettered=account.dead_lettered + len(letters),
        dead_bytes=account.dead_bytes + sum(map(size_of, letters)),
    )


def newest(db: sqlite3.Connection, limit: int) -> list[tuple[Any, ...]]:
    """The rows of the newest letters, newest first."""
    query = f"SELECT {COLUMNS} FROM dead_letter ORDER BY id DESC LIMIT ?"  # noqa: S608 - constant
    return db.execute(query, (limit,)).fetchall()


def of_ids(db: sqlite3.Connection, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """The rows of these ids that there are, in the order of the ids."""
    query = f"SELECT {COLUMNS} FROM dead_letter WHERE id = ?"  # noqa: S608 - a constant of ours
    rows = [db.execute(query, (each,)).fetchone() for each in ids]
    return [row for row in rows if row]


def present(db: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """Those of the ids that there are."""
    query = "SELECT 1 FROM dead_letter WHERE id = ?"
    return [each for each in ids if db.execute(query, (each,)).fetchone()]


def replay(db: sqlite3.Connection, account: Account, letters: Sequence[DeadLetter]) -> Account:
    """Put letters' lines at the end of the spool: original bytes, times and sources."""
    account = _take_out(db, account, [letter.id for letter in letters])
    for letter in letters:
        account = chunks.put(db, account, [letter.line], letter.time_ns, letter.source)
    return account


def purge(db: sqlite3.Connection, account: Account, ids: Sequence[int]) -> Account:
    """Give letters up for good; they are counted as dropped."""
    account = _take_out(db, account, ids)
    return replace(
        account,
        dropped=account.dropped + len(ids),
        dropped_dead=account.dropped_dead + len(ids),
    )


def bound(db: sqlite3.Connection, account: Account, max_bytes: int) -> Account:
    """Purge the oldest letters above a bound."""
    while account.dead_bytes > max_bytes:
        (oldest,) = db.execute("SELECT min(id) FROM dead_letter").fetchone()
        account = purge(db, account, [oldest])
    return account


def size_of(letter: DeadLetter) -> int:
    """Bytes a letter counts against the bound."""
    return len(letter.line) + len(letter.reason.encode()) + DEAD_LETTER_COST


def _take_out(db: sqlite3.Connection, account: Account, ids: Sequence[int]) -> Account:
    query = f"SELECT {_SIZE} FROM dead_letter WHERE id = ?"  # noqa: S608 - a constant of ours
    size = 0
    for each in ids:
        row = db.execute(query, (each,)).fetchone()
        if row is None:
            raise StoreDamaged("there are fewer dead letters than the account says")
        size += row[0]
        db.execute("DELETE FROM dead_letter WHERE id = ?", (each,))
    return replace(
        account,
        dead_lettered=account.dead_lettered - len(ids),
        dead_bytes=account.dead_bytes - size,
    )
