"""Opening a database: whose it is, who may read it, and what is left alone."""

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
    """A file's permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_an_existing_file_is_closed_to_others(open_spool: OpenSpool, path: Path) -> None:
    """A file that a careless copy made readable is mended."""
    open_spool().close()
    path.chmod(0o644)

    open_spool()

    assert mode(path) == 0o600


def test_a_newer_schema_is_left_alone(open_spool: OpenSpool, path: Path) -> None:
    """An older jmxbridge says what to do and touches nothing."""
    open_spool().close()
    change(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()

    with pytest.raises(StoreForeign, match="newer jmxbridge"):
        open_spool()

    assert path.read_bytes() == before


def test_an_older_schema_is_left_alone(open_spool: OpenSpool, path: Path) -> None:
    """What an earlier jmxbridge wrote is neither misread nor thrown away: it says what to do."""
    open_spool().close()
    change(path, f"PRAGMA user_version = {SCHEMA_VERSION - 1}")
    before = path.read_bytes()

    with pytest.raises(StoreForeign, match=r"earlier jmxbridge .*spool drain"):
        open_spool()

    assert path.read_bytes() == before


def test_another_programs_database_is_left_alone(open_spool: OpenSpool, path: Path) -> None:
    """A store.path that points into somebody else's data costs that somebody nothing."""
    path.parent.mkdir()
    change(path, "CREATE TABLE bookmarks (url)")
    before = path.read_bytes()

    with pytest.raises(StoreForeign, match="another program's"):
        open_spool()

    assert path.read_bytes() == before


def change(path: Path, statement: str) -> None:
    """Run one statement on a file, past the store."""
    database = sqlite3.connect(path)
    with database:
        database.execute(statement)
    database.close()


def test_a_directory_where_the_file_should_be_is_named(path: Path) -> None:
    """The message names the path and the reason."""
    path.mkdir(parents=True)

    with pytest.raises(StoreUnwritable, match=r"local\.sqlite3: Is a directory"):
        StoreFile.open(path)

    path.rmdir()
    StoreFile.open(path).close()  # the lock was let go
