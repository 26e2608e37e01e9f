"""Rows that can still be read from a damaged store."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jmxbridge.store import DeadLine
from jmxbridge.store.recovery.damaged_store import DamagedStore, RescuedLines
from jmxbridge.store.spool import Spool
from tests.store.polls import numbered, poll, taken


@pytest.fixture
def closed(open_spool: Callable[..., Spool], path: Path) -> Path:
    """A closed store: one line of the first poll settled, one refused, five pending."""
    spool = open_spool()
    poll(spool, 1, 2, 3, time_ns=10)
    poll(spool, 4, 5, time_ns=20)
    spool.append(numbered(6, 7), time_ns=30, source="b")
    spool.settle(taken(spool, max_lines=2), [DeadLine(0, "bad")])
    spool.close()
    return path


def change(path: Path, statement: str) -> None:
    """Run a statement on the database without the store."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement)


def test_damaged_store_has_account_chunks_and_letters(closed: Path) -> None:
    """In order, without the lines that the account has settled."""
    store = DamagedStore(closed)

    assert store.account is not None
    assert (store.account.sampled, store.account.pending, store.account.head_done) == (7, 5, 2)
    assert list(store.chunks(store.account)) == [
        RescuedLines(10, "a", numbered(3)),
        RescuedLines(20, "a", numbered(4, 5)),
        RescuedLines(30, "b", numbered(6, 7)),
    ]
    assert [letter.line for letter in store.letters()] == numbered(1)


def test_chunks_without_an_account_have_all_lines(closed: Path) -> None:
    """Settled lines are sent a second time, which changes nothing in InfluxDB."""
    first, *_ = DamagedStore(closed).chunks(None)

    assert first.lines == numbered(1, 2, 3)


def test_rows_with_wrong_checksums_are_left_out(closed: Path) -> None:
    """Each is left out alone: the account, a chunk, a letter."""
    change(closed, "UPDATE account SET sampled = sampled + 1, stored = stored + 1")
    change(closed, "UPDATE chunk SET source = 'x' WHERE id = 2")
    change(closed, "UPDATE dead_letter SET line = x'00'")
    store = DamagedStore(closed)

    assert store.account is None
    assert [chunk.time_ns for chunk in store.chunks(None)] == [10, 30]
    assert list(store.letters()) == []


def test_a_file_without_rows_is_empty(tmp_path: Path) -> None:
    """Also one that does not exist."""
    store = DamagedStore(tmp_path / "none")

    assert (store.account, list(store.chunks(None)), list(store.letters())) == (None, [], [])
