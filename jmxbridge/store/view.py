"""A look at a store from outside: read only, also while `run` has it open.

Rule: nothing here takes the lock or changes a byte; SQLite's log lets readers see a consistent
moment beside one writer. What changes the store (drain, replay, purge) must be the one process
that holds the lock, because that process keeps the account in memory.
"""

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jmxbridge.store.account import READ_ACCOUNT, Account
from jmxbridge.store.errors import StoreForeign, StoreUnwritable, from_sqlite
from jmxbridge.store.file import APPLICATION_ID, SCHEMA_VERSION
from jmxbridge.store.letters import COLUMNS
from jmxbridge.store.letters import read as read_letters
from jmxbridge.store.values import Counts, DeadLetter

T = TypeVar("T")

MAX_PROBLEMS = 100
"""Of `verify`; a file with more is damaged throughout."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The account, the file's size with its log, and the process that has it open, if one has."""

    counts: Counts
    file_bytes: int
    owner: int | None


@dataclass(frozen=True, slots=True)
class Audit:
    """What `verify` read, and everything that is wrong with it."""

    chunks: int
    lines: int
    dead_letters: int
    problems: tuple[str, ...]


class View:
    """The store at a path, as it is at the moment of each call. Raises StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def usage(self) -> Usage:
        """Where all lines are, and who works on them."""

        def read(db: sqlite3.Connection) -> Counts:
            oldest = db.execute("SELECT time_ns FROM chunk ORDER BY id LIMIT 1").fetchone()
            account = Account(*db.execute(READ_ACCOUNT).fetchone())
            return account.counts(oldest[0] if oldest else None)

        counts = self._reading(read)
        files = (Path(f"{self.path}{suffix}") for suffix in ("", "-wal"))
        size = sum(file.stat().st_size for file in files if file.exists())
        return Usage(counts, size, owner(self.path))

    def letters(self, limit: int) -> list[DeadLetter]:
        """The newest dead letters, newest first."""
        query = f"SELECT {COLUMNS} FROM dead_letter ORDER BY id DESC LIMIT ?"  # noqa: S608
        return self._reading(
            lambda db: [DeadLetter(*row) for row in db.execute(query, (limit,)).fetchall()]
        )

    def letter(self, number: int) -> DeadLetter | None:
        """One dead letter, if there is one of that id."""
        found = self._reading(lambda db: read_letters(db, [number]))
        return found[0] if found else None

    def letter_ids(self) -> list[int]:
        """All dead letters' ids, oldest first."""
        query = "SELECT id FROM dead_letter ORDER BY id"
        return self._reading(lambda db: [row[0] for row in db.execute(query).fetchall()])

    def verify(self) -> Audit:
        """Read every page and every line, check every checksum, and count the account again."""
        return self._reading(_audit)

    def _reading(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._open() as db:
                return read(db)
        except sqlite3.Error as exc:
            raise from_sqlite(self.path, exc) from exc

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self.path.exists():
            raise StoreUnwritable(f"{self.path}: there is no store yet; `run` or `once` makes it")
        db = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            (application,) = db.execute("PRAGMA application_id").fetchone()
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION_ID or version > SCHEMA_VERSION:
                raise StoreForeign(
                    f"{self.path} is another program's database, or a newer jmxbridge's"
                )
            db.execute("BEGIN")  # one moment for all that is read
            yield db
        finally:
            db.close()


def owner(path: Path) -> int | None:
    """The process that has a store open: whoever holds its lock, by /proc/locks.

    Trying the lock instead could turn away a bridge that starts at that instant.
    """
    try:
        with open(f"{path}.lock", "rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            said = file.read(32).decode("ascii", "replace").strip()
        with open("/proc/locks") as locks:
            held = any(line.split()[-3].endswith(f":{inode}") for line in locks)
    except (OSError, IndexError):
        return None
    return int(said) if held and said.isdecimal() else None


def _audit(db: sqlite3.Connection) -> Audit:
    problems = [
        f"SQLite: {text}"
        for (text,) in db.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})")
        if text != "ok"
    ]
    account = Account(*db.execute(READ_ACCOUNT).fetchone())
    chunks = pending = size = 0
    rows = db.execute("SELECT id, lines, size, crc, body FROM chunk ORDER BY id")
    for chunk, lines, cost, crc, body in rows:
        chunks += 1
        pending += account.waiting(chunk, lines)
        size += cost
        if zlib.crc32(body) != crc or body.count(b"\n") + 1 != lines:
            problems.append(f"chunk {chunk}: {lines} lines do not match their checksum")
    (letters,) = db.execute("SELECT count(*) FROM dead_letter").fetchone()
    counted = (("pending", pending), ("pending_bytes", size), ("dead_lettered", letters))
    for name, found in counted:
        told = getattr(account, name)
        if told != found:
            problems.append(f"the account says {told} {name}, the tables hold {found}")
    return Audit(chunks, pending, letters, tuple(problems[:MAX_PROBLEMS]))
