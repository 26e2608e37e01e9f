"""Read-only access to a store, while it is open or closed."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jmxbridge.store import (
    DeadLine,
    StoreDamaged,
    StoreForeign,
    StoreReader,
    StoreUnwritable,
)
from jmxbridge.store.reader import MAX_PROBLEMS, owner
from jmxbridge.store.schema import checksum
from jmxbridge.store.spool import Spool
from tests.store.polls import numbered, poll, taken

OpenSpool = Callable[..., Spool]


@pytest.fixture
def filled(open_spool: OpenSpool) -> Spool:
    """An open store: three lines stored, two refused, two pending."""
    spool = open_spool()
    poll(spool, 1, 2, 3, 4, 5, time_ns=10)
    spool.settle(taken(spool), [DeadLine(1, "bad"), DeadLine(3, "worse")])
    poll(spool, 6, 7, time_ns=20)
    return spool


def change(path: Path, statement: str) -> None:
    """Run a statement on the database without the store."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement)


def test_usage_of_an_open_store(filled: Spool, path: Path) -> None:
    """The account, the bytes of file and log, and the process that has it open."""
    usage = StoreReader(path).usage()

    assert usage.counts == filled.counts()
    assert usage.counts.oldest_pending_ns == 20
    assert usage.file_bytes == sum(
        Path(f"{path}{suffix}").stat().st_size for suffix in ("", "-wal")
    )
    assert usage.owner == os.getpid()


def test_usage_of_a_closed_store(filled: Spool, path: Path) -> None:
    """No process owns it; without pending lines there is no oldest one."""
    filled.settle(taken(filled), [])
    filled.close()

    usage = StoreReader(path).usage()
    assert (usage.owner, usage.counts.oldest_pending_ns) == (None, None)


def test_usage_of_a_damaged_account(filled: Spool, path: Path) -> None:
    """Its numbers are not shown; the message tells what happens to the file."""
    filled.close()
    change(path, "UPDATE account SET crc = crc + 1")

    with pytest.raises(StoreDamaged, match="does not match its checksum; the next `run` sets it"):
        StoreReader(path).usage()


def test_letters_are_the_newest_first(filled: Spool, path: Path) -> None:
    """Up to the limit; a single one is found by its id."""
    reader = StoreReader(path)

    assert [letter.line for letter in reader.letters(9)] == numbered(4, 2)
    assert [letter.line for letter in reader.letters(1)] == numbered(4)
    assert reader.letter_ids() == [1, 2]
    letter = reader.letter(1)
    assert letter is not None
    assert (letter.line, letter.reason, letter.time_ns) == (b"m v=000002", "bad", 10)
    assert reader.letter(3) is None


def test_damaged_letters_are_not_shown(filled: Spool, path: Path) -> None:
    """Their ids are still listed, and `verify` reports them."""
    filled.close()
    change(path, "UPDATE dead_letter SET reason = 'fine' WHERE id = 1")
    reader = StoreReader(path)

    assert [letter.id for letter in reader.letters(9)] == [2]
    assert reader.letter(1) is None
    assert reader.letter_ids() == [1, 2]
    assert reader.verify().problems == ("dead letter 1: it does not match its checksum",)


def test_verify_counts_a_sound_store(filled: Spool, path: Path) -> None:
    """The number of rows and lines read, and no problem."""
    audit = StoreReader(path).verify()

    assert (audit.chunks, audit.lines, audit.dead_letters, audit.problems) == (1, 2, 2, ())


def test_verify_recounts_the_account(filled: Spool, path: Path) -> None:
    """Rows that vanished together with their checksums are missing from the recount."""
    pending_bytes = filled.counts().pending_bytes
    filled.close()
    change(path, "DELETE FROM dead_letter WHERE id = 2")
    change(path, "DELETE FROM chunk")

    assert StoreReader(path).verify().problems == (
        "the account says 2 pending, the tables hold 0",
        f"the account says {pending_bytes} pending_bytes, the tables hold 0",
        "the account says 2 dead_lettered, the tables hold 1",
    )


def test_verify_finds_lines_that_cannot_be_unpacked(filled: Spool, path: Path) -> None:
    """The row's own checksum is right, but its body is no packed text."""
    filled.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        columns = "time_ns, source, lines, size, text_size, text_crc"
        values = (*database.execute(f"SELECT {columns} FROM chunk").fetchone(), b"\xff")
        crc = checksum("chunk", *values)
        database.execute("UPDATE chunk SET body = x'ff', crc = ?", (crc,))

    assert StoreReader(path).verify().problems == (
        "chunk 2: its lines do not match their checksum",
    )


def test_verify_bounds_its_problems(open_spool: OpenSpool, path: Path) -> None:
    """The report of a file that is damaged throughout stays short."""
    spool = open_spool()
    for number in range(MAX_PROBLEMS + 5):
        poll(spool, number)
    spool.close()
    change(path, "UPDATE chunk SET crc = 0")

    assert len(StoreReader(path).verify().problems) == MAX_PROBLEMS


@pytest.mark.parametrize("missing", ["none.sqlite3", "file/none.sqlite3"])
def test_a_store_that_does_not_exist(tmp_path: Path, missing: str) -> None:
    """The message tells which commands create it; reading creates nothing."""
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnwritable, match="there is no store yet; `run` or `once` creates it"):
        StoreReader(tmp_path / missing).usage()

    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_store_in_a_folder_without_access(tmp_path: Path) -> None:
    """The message has the reason; for root, a name that is too long fails in stat(2) as well."""
    with pytest.raises(StoreUnwritable, match="run this as the user of the service"):
        StoreReader(tmp_path / ("x" * 300)).usage()


def test_a_database_of_another_program(tmp_path: Path) -> None:
    """The message says that it is another program's."""
    path = tmp_path / "other.sqlite3"
    change(path, "CREATE TABLE bookmarks (url)")

    with pytest.raises(StoreForeign, match="another program's database"):
        StoreReader(path).usage()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """SQLite's error is an error of the store."""
    path = tmp_path / "text.sqlite3"
    path.write_text("no database at all" * 100)

    with pytest.raises(StoreDamaged, match="is damaged"):
        StoreReader(path).verify()


def test_owner_of_a_lock_that_was_left_behind(filled: Spool, path: Path) -> None:
    """The pid in the file counts only while the process holds the lock."""
    assert owner(path) == os.getpid()
    filled.close()

    assert path.with_name(f"{path.name}.lock").read_text() == f"{os.getpid()}\n"
    assert owner(path) is None
    assert owner(path.with_name("never")) is None
