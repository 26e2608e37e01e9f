"""Account of a store: its row, its identity, and what leaves it."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.store.spool import Spool
from jmxbridge.store.values import Counts
from tests.store.polls import poll

OpenSpool = Callable[..., Spool]


def test_the_account_cannot_be_committed_wrong(open_spool: OpenSpool, path: Path) -> None:
    """The identity is a CHECK of the table: SQLite refuses a change that breaks it."""
    spool = open_spool()
    poll(spool, 1)
    spool.close()

    database = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError):
        database.execute("UPDATE account SET stored = stored + 1")
    database.close()


def test_counts_of_a_new_store_are_zero(
    open_spool: OpenSpool, caplog: pytest.LogCaptureFixture
) -> None:
    """A new file starts an account at nothing, and opens without a word."""
    caplog.set_level(logging.DEBUG)

    assert open_spool().counts() == Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, None)
    assert not caplog.records
