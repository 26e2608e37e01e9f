"""What can still be read of a damaged store that was set aside.

Rule: a row is taken whole and with its checksum right, or not at all; the file is only read. A
torn page costs the rows on it: the walk goes by id and steps over those that SQLite cannot give.
"""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jmxbridge.store.account import READ_ACCOUNT, Account
from jmxbridge.store.letters import COLUMNS
from jmxbridge.store.values import DeadLetter

MAX_UNREADABLE = 20_000
"""Ids that are stepped over before the walk ends: more rows than hang on one inner page."""


@dataclass(frozen=True, slots=True)
class Rescued:
    """The lines of one chunk that were still pending."""

    time_ns: int
    source: str
    lines: list[bytes]


def read_account(aside: Path) -> Account | None:
    """The account as the damaged file has it, if it can be read."""
    try:
        with closing(_open(aside)) as db:
            row = db.execute(READ_ACCOUNT).fetchone()
            return Account(*row) if row else None
    except sqlite3.Error:
        return None


def read_chunks(aside: Path, account: Account | None) -> Iterator[Rescued]:
    """Every readable chunk, oldest first, without the lines the account has settled."""
    query = "SELECT id, time_ns, source, lines, crc, body FROM chunk WHERE id > ? ORDER BY id"
    for chunk, time_ns, source, lines, crc, body in _walk(aside, query):
        if zlib.crc32(body) != crc:
            continue
        done = lines - account.waiting(chunk, lines) if account else 0
        left = body.split(b"\n")[done:]
        if left:
            yield Rescued(time_ns, source, left)


def read_letters(aside: Path) -> Iterator[DeadLetter]:
    """Every readable dead letter, oldest first."""
    query = f"SELECT {COLUMNS} FROM dead_letter WHERE id > ? ORDER BY id"  # noqa: S608 - constant
    for row in _walk(aside, query):
        yield DeadLetter(*row)


def _walk(aside: Path, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        db = _open(aside)
    except sqlite3.Error:
        return
    with closing(db):
        at = unreadable = 0
        while unreadable < MAX_UNREADABLE:
            try:
                row = db.execute(f"{query} LIMIT 1", (at,)).fetchone()
            except sqlite3.Error:
                at += 1
                unreadable += 1
                continue
            if row is None:
                return
            at = row[0]
            yield row


def _open(aside: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{aside.absolute().as_uri()}?mode=ro", uri=True)
