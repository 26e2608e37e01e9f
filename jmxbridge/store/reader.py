"""Read-only access to a store, also while `run` has it open.

Rule: nothing here takes the lock or changes a byte; SQLite's write-ahead log gives readers a
consistent snapshot while one process writes. Commands that change the store (drain, replay, purge)
must hold the lock, because the process that holds it keeps the account in memory.
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
from jmxbridge.store.database import as_text
from jmxbridge.store.errors import StoreDamaged, StoreForeign, StoreUnwritable, from_sqlite
from jmxbridge.store.schema import APPLICATION_ID, SCHEMA_VERSION
from jmxbridge.store.values import Counts, DeadLetter

T = TypeVar("T")

WRONG_ACCOUNT = "the account does not match its checksum"

MAX_PROBLEMS = 100
"""Most problems that `verify` lists; a file with more is damaged throughout."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The account, the file's size including its log, and the process that has it open, if any."""

    counts: Counts
    file_bytes: int
    owner: int | None


@dataclass(frozen=True, slots=True)
class Audit:
    """Result of `verify`: what was read, and every problem in it."""

    chunks: int
    lines: int
    dead_letters: int
    problems: tuple[str, ...]


class StoreReader:
    """The store at a path, as of the moment of each call. Raises StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def usage(self) -> Usage:
        """Return the number of lines by where they are, the file's size and its owner."""

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
        """Return the newest dead letters, newest first; damaged ones are left to `verify`."""
        return self._reading(lambda db: _sound(dead_letters.newest(db, limit)))

    def letter(self, number: int) -> DeadLetter | None:
        """Return the dead letter of that id; None if it does not exist or is damaged."""
        letters = self._reading(lambda db: _sound(dead_letters.of_ids(db, [number])))
        return letters[0] if letters else None

    def letter_ids(self) -> list[int]:
        """Return the ids of all dead letters, oldest first."""
        query = "SELECT id FROM dead_letter ORDER BY id"
        return self._reading(lambda db: [row[0] for row in db.execute(query).fetchall()])

    def verify(self) -> Audit:
        """Read every page and line, check every checksum, and recount the account."""
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
            raise StoreUnwritable(
                f"{self.path}: there is no store yet; `run` or `once` creates it"
            ) from None
        except OSError as exc:
            raise StoreUnwritable(
                f"{self.path}: {exc.strerror}; run this as the user of the service"
            ) from exc
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
            db.execute("BEGIN")  # one snapshot for all reads
            yield db
        finally:
            db.close()


def owner(path: Path) -> int | None:
    """Return the pid of the process that holds a store's lock, by /proc/locks.

    Trying the lock instead could make a bridge fail that starts at that instant.
    """
    try:
        with open(f"{path}.lock", "rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            pid = file.read(32).decode("ascii", "replace").strip()
        with open("/proc/locks") as locks:
            held = any(line.split()[-3].endswith(f":{inode}") for line in locks)
    except (OSError, IndexError):
        return None
    return int(pid) if held and pid.isdecimal() else None


def _sound(rows: Sequence[Sequence[Any]]) -> list[DeadLetter]:
    return [letter for row in rows if (letter := dead_letters.decode(row)) is not None]


def _is_complete(chunk: chunks.Chunk) -> bool:
    """Tell whether a chunk's lines can be unpacked and are as many as its row claims."""
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
        if chunk is None or not _is_complete(chunk):
            problems.append(f"chunk {row[0]}: its lines do not match their checksum")
        else:
            pending += account.waiting(chunk.id, chunk.count) if account else chunk.count
            sizes += chunk.size
    letter_count = 0
    for row in db.execute(f"SELECT {dead_letters.COLUMNS} FROM dead_letter ORDER BY id"):  # noqa: S608
        letter_count += 1
        if dead_letters.decode(row) is None:
            problems.append(f"dead letter {row[0]}: it does not match its checksum")
    if account is None:
        problems.append(WRONG_ACCOUNT)
    elif not problems:  # lines of a damaged row are in the account, and cannot be counted
        counts = {"pending": pending, "pending_bytes": sizes, "dead_lettered": letter_count}
        for name, counted in counts.items():
            booked = getattr(account, name)
            if booked != counted:
                problems.append(f"the account says {booked} {name}, the tables hold {counted}")
    return Audit(count, pending, letter_count, tuple(problems[:MAX_PROBLEMS]))
