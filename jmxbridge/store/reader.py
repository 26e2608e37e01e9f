"""A look at a store from outside: read only, also while `run` has it open.

Rule: nothing here takes the lock or changes a byte; SQLite's log lets readers see a consistent
moment beside one writer. What changes the store (drain, replay, purge) must be the one process
that holds the lock, because that process keeps the account in memory.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from jmxbridge.store import account as accounts
from jmxbridge.store import chunks, dead_letters
from jmxbridge.store.errors import StoreDamaged, StoreForeign, StoreUnwritable, from_sqlite
from jmxbridge.store.schema import APPLICATION_ID, SCHEMA_VERSION, as_text
from jmxbridge.store.values import Counts, DeadLetter

T = TypeVar("T")

WRONG_ACCOUNT = "the account does not match its checksum"

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


class StoreReader:
    """The store at a path, as it is at the moment of each call. Raises StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def usage(self) -> Usage:
        """Where all lines are, and who works on them."""

        def read(db: sqlite3.Connection) -> Counts:
            oldest = db.execute("SELECT time_ns FROM chunk ORDER BY id LIMIT 1").fetchone()
            account = accounts.read(db)
            if account is None:
                raise StoreDamaged(f"{self.path}: {WRONG_ACCOUNT}; the next `run` sets it aside")
            return account.counts(oldest[0] if oldest else None)

        counts = self._reading(read)
        files = (Path(f"{self.path}{suffix}") for suffix in ("", "-wal"))
        size = sum(file.stat().st_size for file in files if file.exists())
        return Usage(counts, size, owner(self.path))

    def letters(self, limit: int) -> list[DeadLetter]:
        """The newest dead letters, newest first; damaged ones are `verify`'s to name."""
        return self._reading(lambda db: _sound(dead_letters.newest(db, limit)))

    def letter(self, number: int) -> DeadLetter | None:
        """One dead letter, if there is a sound one of that id."""
        found = self._reading(lambda db: _sound(dead_letters.of_ids(db, [number])))
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
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            said = "there is no store yet; `run` or `once` makes it"
            raise StoreUnwritable(f"{self.path}: {said}") from None
        except OSError as exc:
            said = f"{exc.strerror}; look as the user of the service"
            raise StoreUnwritable(f"{self.path}: {said}") from exc
        db = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            (application,) = db.execute("PRAGMA application_id").fetchone()
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if application != APPLICATION_ID or version != SCHEMA_VERSION:
                raise StoreForeign(
                    f"{self.path} is another program's database, or another jmxbridge's"
                    f" (schema {version}, this one knows {SCHEMA_VERSION})"
                )
            db.text_factory = as_text
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


def _sound(rows: Sequence[Sequence[Any]]) -> list[DeadLetter]:
    return [letter for row in rows if (letter := dead_letters.decode(row)) is not None]


def _whole(chunk: chunks.Chunk) -> bool:
    """Whether its lines can be unpacked, and are as many as it says."""
    try:
        return len(chunk.packed.lines) == chunk.count
    except ValueError:
        return False


def _audit(db: sqlite3.Connection) -> Audit:
    problems = [
        f"SQLite: {text}"
        for (text,) in db.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})")
        if text != "ok"
    ]
    account = accounts.read(db)
    sizes = pending = count = 0
    for row in db.execute(f"SELECT {chunks.COLUMNS} FROM chunk ORDER BY id"):  # noqa: S608
        chunk = chunks.decode(row)
        count += 1
        if chunk is None or not _whole(chunk):
            problems.append(f"chunk {row[0]}: its lines do not match their checksum")
        else:
            pending += account.waiting(chunk.id, chunk.count) if account else chunk.count
            sizes += chunk.size
    found = 0
    for row in db.execute(f"SELECT {dead_letters.COLUMNS} FROM dead_letter ORDER BY id"):  # noqa: S608
        found += 1
        if dead_letters.decode(row) is None:
            problems.append(f"dead letter {row[0]}: it does not match its checksum")
    if account is None:
        problems.append(WRONG_ACCOUNT)
    elif not problems:  # what a damaged row held is in the account, and cannot be counted
        counted = (("pending", pending), ("pending_bytes", sizes), ("dead_lettered", found))
        for name, number in counted:
            told = getattr(account, name)
            if told != number:
                problems.append(f"the account says {told} {name}, the tables hold {number}")
    return Audit(count, pending, found, tuple(problems[:MAX_PROBLEMS]))
