"""Errors of SQLite as errors of the store."""

import sqlite3

from jmxbridge.store import (
    StoreError,
)
from jmxbridge.store.errors import from_sqlite


def test_an_unknown_error_of_sqlite_is_a_store_error() -> None:
    """Every error of SQLite has a class of ours and keeps SQLite's message."""
    error = from_sqlite("x", sqlite3.OperationalError("strange"))

    assert type(error) is StoreError
    assert "strange" in str(error)
