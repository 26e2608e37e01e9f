"""The store's file: one process, and never a refusal because of a torn page.

Rule: this file opens and closes; which tables are in it is `schema.py`'s, and what they mean
`spool.py`'s.

The lock is a file of its own beside the store, held by flock(2): the kernel lets go of it however
the process ends, and other processes can still read the database. Its content, the pid, is only
for the message. A damaged file is renamed, with its log, and a new one begun: a bridge that will
not start because of yesterday's lines loses today's as well.
"""

import fcntl
import logging
import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from jmxbridge.store.errors import (
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreUnwritable,
    from_sqlite,
)
from jmxbridge.store.schema import prepare

log = logging.getLogger("jmxbridge.store")

FREE_PAGES = 4096
"""16 MiB of unused pages stay in the file for the next outage, the rest goes back to the disk."""

SHRINK_PAGES = 2048
"""8 MiB at a time, some tens of milliseconds."""


class StoreFile:
    """An open store: its connection, and the lock that makes it ours alone."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: int, aside: Path | None
    ) -> None:
        self.path = path
        self.connection = connection
        self.aside = aside
        self._lock = lock
        self._renewed: Path | None = None
        self._itself = _held(path, connection)

    @classmethod
    def open(cls, path: Path) -> "StoreFile":
        """Open or create the file at `path`, readable by its owner only.

        Raises StoreLocked, StoreUnwritable, StoreForeign, StoreFull. A damaged file is renamed
        and a new one begun, with an error in the log that names both; `aside` is then the old one.
        """
        lock = _lock(path)
        aside = None
        try:
            try:
                connection = _connect(path)
            except StoreDamaged as exc:
                aside = _set_aside(path)
                log.error("%s; it was set aside as %s and a new store begun", exc, aside)
                connection = _connect(path)
            return cls(path, connection, lock, aside)
        except BaseException:
            os.close(lock)
            raise

    def renew(self) -> Path:
        """Set the file aside, damaged while it was open, and begin a new one; the lock stays ours.

        Returns what the old one is called now. Raises StoreError, and can be called again.
        """
        self._let_go()
        if self._renewed is None:
            self._renewed = _set_aside(self.path)
            log.error("%s is damaged; it was set aside as %s", self.path, self._renewed)
        self._take_hold()
        aside, self._renewed = self._renewed, None
        return aside

    def put_back(self) -> None:
        """Write the file anew if somebody removed it: what has no name is gone when we end.

        All that was in it is there, for an open file lives on without its name; and so with the
        lock. Raises StoreError, also where there is another file now, which is left alone; and can
        be called again.
        """
        if os.fstat(self._lock).st_nlink == 0:
            lock = _lock(self.path)
            os.close(self._lock)
            self._lock = lock
        if self._itself < 0:  # written anew, and not to be opened the last time
            self._take_hold()
        try:
            there = os.path.samestat(os.fstat(self._itself), os.stat(self.path))
        except FileNotFoundError:
            self._write_anew()
            return
        except OSError:
            return  # it cannot be told; what is wrong there meets SQLite as well
        if not there:
            raise StoreUnwritable(
                f"{self.path} is not the file that was opened: somebody put another one there;"
                " move that away, and the store is written anew"
            )

    def _write_anew(self) -> None:
        self._copy()
        self._let_go()
        self._take_hold()
        log.error(
            "%s was removed while it was open; it was written anew, with all lines", self.path
        )

    def _copy(self) -> None:
        """Write what the connection has to where the file was."""
        beside = self.path.with_name(f"{self.path.name}.new")
        try:
            with suppress(FileNotFoundError):
                os.unlink(beside)  # of a process that was killed
            self._check_room()
            descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                self.connection.execute("VACUUM INTO ?", (str(beside),))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            # Those of the old file go first: SQLite would apply its log to whatever has this name
            # by then, also when it starts after we were killed here.
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(f"{self.path}{suffix}")
            os.rename(beside, self.path)
            _sync_directory(self.path.parent)
        except sqlite3.Error as exc:
            with suppress(OSError):
                os.unlink(beside)  # the disk may be full, by this as well
            raise from_sqlite(self.path, exc) from exc
        except OSError as exc:
            raise StoreUnwritable(
                f"{self.path} was removed, and cannot be written anew: {exc.strerror}"
            ) from exc

    def _check_room(self) -> None:
        """Raise StoreFull where a copy has no room: every poll would fill the disk, in vain."""
        (size,) = self.connection.execute(
            "SELECT (page_count - freelist_count) * page_size"
            " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        ).fetchone()
        there = os.statvfs(self.path.parent)
        if size > there.f_bavail * there.f_frsize:
            raise StoreFull(
                f"{self.path} was removed, and its disk has no room for the {size} bytes that were"
                " in it; free some space on its file system"
            )

    def _take_hold(self) -> None:
        """Connect to what is at the path now, and remember which file that is."""
        self.connection = _connect(self.path)
        self._itself = _held(self.path, self.connection)

    def _let_go(self) -> None:
        """Close the connection, and only then the file: closing it ends SQLite's locks too."""
        with suppress(sqlite3.Error):
            self.connection.close()
        if self._itself >= 0:
            os.close(self._itself)
            self._itself = -1

    def keep(self, name: str, content: bytes) -> Path:
        """Put damaged content into a file of its own beside the store; raises StoreUnwritable."""
        aside = self.path.with_name(f"{self.path.name}.damaged-{name}")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except OSError as exc:
            raise StoreUnwritable(f"{aside}: {exc.strerror}; damaged lines go there") from exc
        return aside

    def shrink(self) -> None:
        """Give some pages of a drained outage back to the disk; outside any transaction.

        A step is small, so that an append that waits for it does not wait long.
        """
        with suppress(sqlite3.Error):  # costs space only, and the next call tries again
            (free,) = self.connection.execute("PRAGMA freelist_count").fetchone()
            pages = min(free - FREE_PAGES, SHRINK_PAGES)
            if pages > 0:
                # Every step of the statement frees one page: execute() would take only the first.
                self.connection.executescript(f"PRAGMA incremental_vacuum({pages})")

    def close(self) -> None:
        """Close the file and let go of the lock; a second call does nothing."""
        if self._lock < 0:
            return
        self._let_go()
        os.close(self._lock)
        self._lock = -1


def _lock(path: Path) -> int:
    lock_path = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StoreUnwritable(
            f"{lock_path}: {exc.strerror}; create the directory for this user, or set store.path"
        ) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise StoreLocked(
            f"{path} is in use by process {owner}: a store belongs to one jmxbridge;"
            " stop that one, or give this one another store.path"
        ) from exc
    with suppress(OSError):  # a full disk: the lock is ours, and who asks is told `unknown`
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    fresh = not path.exists()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        if fresh:
            _sync_directory(path.parent)
    except OSError as exc:
        raise StoreUnwritable(f"{path}: {exc.strerror}; check owner and mode") from exc
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=2.0)
    except sqlite3.Error as exc:
        raise from_sqlite(path, exc) from exc
    try:
        prepare(path, connection)
    except sqlite3.Error as exc:
        connection.close()
        error = from_sqlite(path, exc)
        if getattr(exc, "sqlite_errorcode", None) in (
            sqlite3.SQLITE_ERROR,
            sqlite3.SQLITE_READONLY,
        ):
            # Our statements are sound on every sound file, and this one could be opened for writing
            # a moment ago: its header is what SQLite cannot read.
            error = StoreDamaged(str(error))
        raise error from exc
    except UnicodeDecodeError as exc:  # of SQLite's message about what it could not read
        connection.close()
        raise StoreDamaged(f"{path}: its schema is not text") from exc
    except BaseException:
        connection.close()
        raise
    return connection


def _held(path: Path, connection: sqlite3.Connection) -> int:
    """Open the file that was connected to a moment ago, to know it again."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:  # too many open files, or it was removed again
        connection.close()
        raise StoreUnwritable(f"{path}: {exc.strerror}") from exc


def _set_aside(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    try:
        os.rename(path, aside)
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    except OSError as exc:
        raise StoreUnwritable(f"{path}: damaged, and cannot be set aside: {exc.strerror}") from exc
    return aside


def _sync_directory(directory: Path) -> None:
    """Make the new file's name durable; SQLite does so for its logs only."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
