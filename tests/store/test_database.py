"""Database of a store: opened, identified and checked; foreign files are not changed."""

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.store import (
    StoreForeign,
    StoreUnwritable,
)
from jmxbridge.store.file import StoreFile
from jmxbridge.store.schema import SCHEMA_VERSION
from jmxbridge.store.spool import Spool

OpenSpool = Callable[..., Spool]


def mode(path: Path) -> int:
    """Return a file's permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_connect_closes_a_file_to_others(open_spool: OpenSpool, path: Path) -> None:
    """A file that a careless copy made readable is 0600 again."""
    open_spool().close()
    path.chmod(0o644)

    open_spool()

    assert mode(path) == 0o600


def test_connect_refuses_a_newer_schema(open_spool: OpenSpool, path: Path) -> None:
    """The message tells to upgrade, and the file is unchanged."""
    open_spool().close()
    change(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()

    with pytest.raises(StoreForeign, match="newer jmxbridge"):
        open_spool()

    assert path.read_bytes() == before


def test_connect_refuses_an_older_schema(open_spool: OpenSpool, path: Path) -> None:
    """The file is neither misread nor discarded; the message tells how to drain it."""
    open_spool().close()
    change(path, f"PRAGMA user_version = {SCHEMA_VERSION - 1}")
    before = path.read_bytes()

    with pytest.raises(StoreForeign, match=r"earlier jmxbridge .*spool drain"):
        open_spool()

    assert path.read_bytes() == before


def test_connect_refuses_the_database_of_another_program(open_spool: OpenSpool, path: Path) -> None:
    """A wrong store.path changes nothing in the other program's file."""
    path.parent.mkdir()
    change(path, "CREATE TABLE bookmarks (url)")
    before = path.read_bytes()

    with pytest.raises(StoreForeign, match="another program's"):
        open_spool()

    assert path.read_bytes() == before


def change(path: Path, statement: str) -> None:
    """Run one statement on a file without the store."""
    database = sqlite3.connect(path)
    with database:
        database.execute(statement)
    database.close()


def test_connect_refuses_a_directory(path: Path) -> None:
    """The message names the path and the reason; the lock is released."""
    path.mkdir(parents=True)

    with pytest.raises(StoreUnwritable, match=r"local\.sqlite3: Is a directory"):
        StoreFile.open(path)

    path.rmdir()
    StoreFile.open(path).close()  # the lock was let go
