"""Errors of SQLite as errors of the store."""

import sqlite3

from jmxbridge.store import (
    StoreError,
)
from jmxbridge.store.errors import from_sqlite


def test_unknown_trouble_of_sqlite_is_still_a_store_error() -> None:
    """Whatever SQLite raises has a class of ours, with SQLite's words."""
    error = from_sqlite("x", sqlite3.OperationalError("strange"))

    assert type(error) is StoreError
    assert "strange" in str(error)
