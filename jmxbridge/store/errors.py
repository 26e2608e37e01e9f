"""What can go wrong with the store: one root, one class per way out.

Each message says which file, what happened and what to do; none holds a line's content.
"""

import sqlite3


class StoreError(Exception):
    """The store could not do what was asked; nothing was half done."""


class StoreLocked(StoreError):
    """Another process has the store open."""


class StoreFull(StoreError):
    """The disk has no room; lines not appended are not in the store."""


class StorePaused(StoreError):
    """The spool is at its bound and told not to drop; lines not appended are not in it."""


class StoreUnwritable(StoreError):
    """The file or its directory cannot be created or written."""


class StoreDamaged(StoreError):
    """SQLite finds the file malformed; the next use sets it aside."""


class StoreForeign(StoreError):
    """The file is not ours to touch: another program's, or a newer jmxbridge's."""


_FULL = (StoreFull, "the disk is full; free some space on its file system")
_CLASSES: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,  # no room for the index of its log, made at every opening
    sqlite3.SQLITE_IOERR: (
        StoreError,
        "its file system refuses to read or write it; is the disk well, or a quota used up?",
    ),
    sqlite3.SQLITE_BUSY: (StoreLocked, "another program has it open"),
    sqlite3.SQLITE_LOCKED: (StoreLocked, "another program has it open"),
    sqlite3.SQLITE_READONLY: (StoreUnwritable, "it cannot be written; check owner and mode"),
    sqlite3.SQLITE_PERM: (StoreUnwritable, "it cannot be written; check owner and mode"),
    sqlite3.SQLITE_CANTOPEN: (StoreUnwritable, "it cannot be opened; check owner and mode"),
    sqlite3.SQLITE_CORRUPT: (StoreDamaged, "it is damaged; it is set aside"),
    sqlite3.SQLITE_NOTADB: (StoreDamaged, "it is damaged; it is set aside"),
    # Our sums are right: a CHECK of the schema that fails met a number that is not the one written.
    sqlite3.SQLITE_CONSTRAINT: (StoreDamaged, "its numbers contradict each other; it is set aside"),
}
"""By result code, else by the primary one, its low byte (https://www.sqlite.org/rescode.html)."""


def from_sqlite(path: object, exc: sqlite3.Error) -> StoreError:
    """Turn what SQLite raised into ours; the way to mend it comes from the table."""
    # Absent when the sqlite3 module itself complains, as for a closed connection.
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    unknown = StoreError, "the store cannot be used"
    kind, way_out = _CLASSES.get(code) or _CLASSES.get(code & 0xFF, unknown)
    return kind(f"{path}: {way_out} (SQLite: {exc})")
