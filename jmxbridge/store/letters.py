"""Dead letters: lines that InfluxDB refused, kept with its words until somebody decides.

Rule: a letter leaves by replay (its line goes to the end of the spool, the same bytes), by purge,
or by the bound on their bytes; both of the last count as dropped. These are steps of the spool's
transactions: each takes the account and returns it changed.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from jmxbridge.store import chunks
from jmxbridge.store.account import Account
from jmxbridge.store.values import DeadLetter

DEAD_LETTER_COST = 64
"""What a letter takes in the file beside its line and reason."""

MAX_DEAD_BYTES = 64 * 1024 * 1024
"""A refused line a second for a week, at 100 bytes each with its reason."""

MAX_REASON = 1000
"""Characters of a reason; InfluxDB repeats the line in its own, which may have 64 KiB."""

COLUMNS = "id, time_ns, refused_ns, source, reason, line"
_BURY = "INSERT INTO dead_letter (time_ns, refused_ns, source, reason, line) VALUES (?, ?, ?, ?, ?)"


def bury(db: sqlite3.Connection, account: Account, letters: Sequence[DeadLetter]) -> Account:
    """Add letters; their ids are given by the file."""
    rows = [
        (each.time_ns, each.refused_ns, each.source, each.reason, each.line) for each in letters
    ]
    db.executemany(_BURY, rows)
    return replace(
        account,
        dead_lettered=account.dead_lettered + len(letters),
        dead_bytes=account.dead_bytes + sum(map(size_of, letters)),
    )


def read(db: sqlite3.Connection, ids: Sequence[int]) -> list[DeadLetter]:
    """The letters of these ids that there are, in the order of the ids."""
    query = f"SELECT {COLUMNS} FROM dead_letter WHERE id = ?"  # noqa: S608 - a constant of ours
    rows = [db.execute(query, (each,)).fetchone() for each in ids]
    return [DeadLetter(*row) for row in rows if row]


def replay(db: sqlite3.Connection, account: Account, letters: Sequence[DeadLetter]) -> Account:
    """Put letters' lines at the end of the spool: original bytes, times and sources."""
    account = _take_out(db, account, letters)
    for letter in letters:
        account = chunks.put(db, account, [letter.line], letter.time_ns, letter.source)
    return account


def purge(db: sqlite3.Connection, account: Account, letters: Sequence[DeadLetter]) -> Account:
    """Give letters up for good; they are counted as dropped."""
    account = _take_out(db, account, letters)
    return replace(
        account,
        dropped=account.dropped + len(letters),
        dropped_dead=account.dropped_dead + len(letters),
    )


def bound(db: sqlite3.Connection, account: Account, max_bytes: int) -> Account:
    """Purge the oldest letters above a bound."""
    query = f"SELECT {COLUMNS} FROM dead_letter ORDER BY id LIMIT 1"  # noqa: S608 - a constant
    while account.dead_bytes > max_bytes:
        account = purge(db, account, [DeadLetter(*db.execute(query).fetchone())])
    return account


def size_of(letter: DeadLetter) -> int:
    """Bytes a letter counts against the bound."""
    return len(letter.line) + len(letter.reason.encode()) + DEAD_LETTER_COST


def _take_out(db: sqlite3.Connection, account: Account, letters: Sequence[DeadLetter]) -> Account:
    db.executemany("DELETE FROM dead_letter WHERE id = ?", [(each.id,) for each in letters])
    return replace(
        account,
        dead_lettered=account.dead_lettered - len(letters),
        dead_bytes=account.dead_bytes - sum(map(size_of, letters)),
    )
