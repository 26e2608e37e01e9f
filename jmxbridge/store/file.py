"""File of an open store: its lock, its replacement when damaged, its restoration when removed.

Rule: the tables in the file are described in `schema.py`, their meaning in `spool.py`.

The lock is a file of its own next to the store, held by flock(2): the kernel releases it however
the process ends, and other processes can still read the database. The pid in it is only for the
error message. A damaged file is renamed together with its log, and a new one is begun: a bridge
that refuses to start because of yesterday's lines would lose today's as well.
"""

import fcntl
import logging
import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from jmxbridge.store.database import connect, sync_directory
from jmxbridge.store.errors import (
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreUnwritable,
    from_sqlite,
)

log = logging.getLogger("jmxbridge.store")

FREE_PAGES = 4096
"""16 MiB of unused pages stay in the file for the next outage, the rest returns to the disk."""

SHRINK_PAGES = 2048
"""8 MiB at a time, some tens of milliseconds."""


class StoreFile:
    """An open store: its connection, and the lock that reserves it for this process.

    `aside` is the path of a damaged file that `open` has just replaced.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: int, aside: Path | None
    ) -> None:
        self.path = path
        self.connection = connection
        self.aside = aside
        self._lock = lock
        self._renewed: Path | None = None
        self._descriptor = _descriptor(path, connection)

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
                connection = connect(path)
            except StoreDamaged as exc:
                aside = _set_aside(path)
                log.error("%s; it was set aside as %s and a new store begun", exc, aside)
                connection = connect(path)
            return cls(path, connection, lock, aside)
        except BaseException:
            os.close(lock)
            raise

    def renew(self) -> Path:
        """Set the open, damaged file aside and begin a new one under the same lock.

        Returns the new path of the damaged file. Raises StoreError, and can be called again.
        """
        self._disconnect()
        if self._renewed is None:
            self._renewed = _set_aside(self.path)
            log.error("%s is damaged; it was set aside as %s", self.path, self._renewed)
        self._connect()
        aside, self._renewed = self._renewed, None
        return aside

    def restore(self) -> None:
        """Write the file again if it was removed: without a name it is gone when we end.

        No content is lost, for an open file exists without its name; the same goes for the lock.
        Raises StoreError, also if another file is there now, which is left alone; can be called
        again.
        """
        if os.fstat(self._lock).st_nlink == 0:
            lock = _lock(self.path)
            os.close(self._lock)
            self._lock = lock
        if self._descriptor < 0:  # a copy was written, but could not be opened the last time
            self._connect()
        try:
            same = os.path.samestat(os.fstat(self._descriptor), os.stat(self.path))
        except FileNotFoundError:
            self._copy()
            self._disconnect()
            self._connect()
            log.error(
                "%s was removed while it was open; it was restored with all its lines", self.path
            )
            return
        except OSError:
            return  # unknown; SQLite will report the same problem
        if not same:
            raise StoreUnwritable(
                f"{self.path} is not the file that was opened: another file has taken its place;"
                " move that one away, and the store is restored"
            )

    def _copy(self) -> None:
        """Write the content of the connection to the file's path."""
        copy = self.path.with_name(f"{self.path.name}.new")
        try:
            with suppress(FileNotFoundError):
                os.unlink(copy)  # left by a process that was killed
            self._check_room()
            descriptor = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                self.connection.execute("VACUUM INTO ?", (str(copy),))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            # The old file's log goes first: SQLite would apply it to any file of this name, also
            # after a restart if we are killed here.
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(f"{self.path}{suffix}")
            os.rename(copy, self.path)
            sync_directory(self.path.parent)
        except sqlite3.Error as exc:
            with suppress(OSError):
                os.unlink(copy)  # it may be what filled the disk
            raise from_sqlite(self.path, exc) from exc
        except OSError as exc:
            raise StoreUnwritable(
                f"{self.path} was removed and cannot be restored: {exc.strerror}"
            ) from exc

    def _check_room(self) -> None:
        """Raise StoreFull if a copy does not fit: every poll would fill the disk in vain."""
        (size,) = self.connection.execute(
            "SELECT (page_count - freelist_count) * page_size"
            " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        ).fetchone()
        disk = os.statvfs(self.path.parent)
        if size > disk.f_bavail * disk.f_frsize:
            raise StoreFull(
                f"{self.path} was removed, and its disk has no room for the {size} bytes that were"
                " in it; free some space on its file system"
            )

    def _connect(self) -> None:
        """Connect to the file that is at the path now, and remember which file that is."""
        self.connection = connect(self.path)
        self._descriptor = _descriptor(self.path, self.connection)

    def _disconnect(self) -> None:
        """Close the connection before the descriptor: closing that releases SQLite's locks too."""
        with suppress(sqlite3.Error):
            self.connection.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def save_damaged(self, name: str, content: bytes) -> Path:
        """Write damaged content to a file of its own next to the store; raises StoreUnwritable."""
        aside = self.path.with_name(f"{self.path.name}.damaged-{name}")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except OSError as exc:
            raise StoreUnwritable(f"{aside}: {exc.strerror}; damaged lines go there") from exc
        return aside

    def shrink(self) -> None:
        """Return some pages of a drained outage to the disk; outside any transaction.

        One call takes little, so that an append that waits for it does not wait long.
        """
        with suppress(sqlite3.Error):  # costs space only, and the next call tries again
            (free,) = self.connection.execute("PRAGMA freelist_count").fetchone()
            pages = min(free - FREE_PAGES, SHRINK_PAGES)
            if pages > 0:
                # Each step of the statement frees one page, and execute() takes only the first.
                self.connection.executescript(f"PRAGMA incremental_vacuum({pages})")

    def close(self) -> None:
        """Close the file and release the lock; a second call does nothing."""
        if self._lock < 0:
            return
        self._disconnect()
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
            " stop that process, or set another store.path for this one"
        ) from exc
    with suppress(OSError):  # a full disk: the lock is ours, another process reads `unknown`
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _descriptor(path: Path, connection: sqlite3.Connection) -> int:
    """Open the file that was just connected to, to recognise it later."""
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
