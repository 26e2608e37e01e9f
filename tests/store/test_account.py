"""Account of a store: its row, its identity, and the effect of removing a chunk."""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from jmxbridge.store.account import Account, decode
from jmxbridge.store.schema import checksum
from jmxbridge.store.spool import Spool
from jmxbridge.store.values import Counts
from tests.store.polls import poll

OpenSpool = Callable[..., Spool]


def test_the_account_cannot_be_committed_wrong(open_spool: OpenSpool, path: Path) -> None:
    """The identity is a CHECK of the table: SQLite refuses a change that violates it."""
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
    """A new store begins with an empty account, and opens without a log line."""
    caplog.set_level(logging.DEBUG)

    assert open_spool().counts() == Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, None)
    assert not caplog.records


ACCOUNT = Account(
    sampled=20,
    stored=6,
    pending=12,
    dead_lettered=1,
    dropped=1,
    dropped_dead=1,
    expired=0,
    pending_bytes=498,
    dead_bytes=106,
    head=7,
    head_done=3,
)


def test_waiting_lines_of_a_chunk() -> None:
    """Only the chunk at the head can have settled lines."""
    assert ACCOUNT.waiting(7, 5) == 2
    assert ACCOUNT.waiting(8, 5) == 5


def test_account_without_its_head() -> None:
    """Only the pending lines are subtracted, and the next head has no settled line."""
    account = ACCOUNT.without(7, 5, 166)

    assert (account.pending, account.pending_bytes) == (10, 332)
    assert (account.head, account.head_done) == (0, 0)


def test_account_without_another_chunk() -> None:
    """All its lines are subtracted, and the head stays."""
    account = ACCOUNT.without(8, 5, 166)

    assert (account.pending, account.pending_bytes) == (7, 332)
    assert (account.head, account.head_done) == (7, 3)


def test_counts_leave_out_the_head() -> None:
    """The head and its settled lines are internal to the store."""
    assert ACCOUNT.counts(5) == Counts(20, 6, 12, 1, 1, 1, 0, 498, 106, 5)


def test_account_of_a_row_needs_its_checksum() -> None:
    """A row with any other number is not an account."""
    values = tuple(asdict(ACCOUNT).values())
    crc = checksum("account", *values)

    assert decode((*values, crc)) == ACCOUNT
    assert decode((*values[:-1], 4, crc)) is None
    assert decode((*values, crc + 1)) is None
