"""Errors of the store: one root, and one class per way to fix it.

Each message names the file, what happened and what to do; none contains a line's content.
"""

import sqlite3


class StoreError(Exception):
    """The store could not do what was asked; nothing was half done."""


class StoreLocked(StoreError):
    """Another process has the store open."""


class StoreFull(StoreError):
    """The disk is full; lines that were not appended are not in the store."""


class StorePaused(StoreError):
    """The spool is at its bound and must not drop lines; lines not appended are not in it."""


class StoreUnwritable(StoreError):
    """The file or its directory cannot be created or written."""


class StoreDamaged(StoreError):
    """SQLite reports a malformed file; the next call sets it aside."""


class StoreForeign(StoreError):
    """The file must not be touched: it belongs to another program or a newer jmxbridge."""


_FULL = (StoreFull, "the disk is full; free some space on its file system")
_CLASSES: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,  # no room for the log's index, made at every opening
    sqlite3.SQLITE_IOERR: (
        StoreError,
        "its file system fails to read or write it; check the disk and any quota",
    ),
    sqlite3.SQLITE_BUSY: (StoreLocked, "another program has it open"),
    sqlite3.SQLITE_LOCKED: (StoreLocked, "another program has it open"),
    sqlite3.SQLITE_READONLY: (StoreUnwritable, "it cannot be written; check owner and mode"),
    sqlite3.SQLITE_PERM: (StoreUnwritable, "it cannot be written; check owner and mode"),
    sqlite3.SQLITE_CANTOPEN: (StoreUnwritable, "it cannot be opened; check owner and mode"),
    sqlite3.SQLITE_CORRUPT: (StoreDamaged, "it is damaged; it is set aside"),
    sqlite3.SQLITE_NOTADB: (StoreDamaged, "it is damaged; it is set aside"),
    # Our own sums are right, so a CHECK that fails has read a number other than the one written.
    sqlite3.SQLITE_CONSTRAINT: (StoreDamaged, "its numbers contradict each other; it is set aside"),
}
"""By result code, else by the primary one, its low byte (https://www.sqlite.org/rescode.html)."""


def from_sqlite(path: object, exc: sqlite3.Error) -> StoreError:
    """Convert an error of SQLite; the table says how to fix it."""
    # The code is absent if the sqlite3 module itself complains, as for a closed connection.
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    unknown = StoreError, "the store cannot be used"
    kind, remedy = _CLASSES.get(code) or _CLASSES.get(code & 0xFF, unknown)
    return kind(f"{path}: {remedy} (SQLite: {exc})")
