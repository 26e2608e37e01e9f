"""SQLite pages read without SQLite: the same rows, and no exception for garbage."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jmxbridge.store.recovery.sqlite_pages import SqlitePages, SqlValue

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=50),
    st.binary(max_size=50),
    st.builds(
        lambda byte, size: byte * size, st.binary(min_size=1, max_size=1), st.integers(0, 30_000)
    ),
)
ROWS = st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.lists(VALUES, min_size=2, max_size=2))
QUIET = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def made(
    path: Path, rows: dict[int, list[SqlValue]], *, page: int = 4096, log: bool = False
) -> Path:
    """Make a table of three columns; with `log`, as a kill leaves it: the rows are in the log."""
    path.unlink(missing_ok=True)
    Path(f"{path}-wal").unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {page}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")
        db.execute("BEGIN")
        db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(key, *row) for key, row in rows.items()])
        db.execute("COMMIT")
        if log:
            copy = path.with_name("copy")
            copy.write_bytes(path.read_bytes())
            Path(f"{copy}-wal").write_bytes(Path(f"{path}-wal").read_bytes())
            return copy
    return path


@QUIET
@given(rows=ROWS, page=st.sampled_from([512, 4096, 65_536]), log=st.booleans())
def test_pages_have_the_rows_that_sqlite_has(
    tmp_path: Path, rows: dict[int, list[SqlValue]], page: int, log: bool
) -> None:
    """Every type, rows over many pages, every page size; also while the log has them."""
    path = made(tmp_path / "s", rows, page=page, log=log)

    read = {row[0]: list(row[1:]) for _, row in SqlitePages(path).rows() if len(row) == 3}

    assert read == rows


@QUIET
@given(junk=st.binary(max_size=200), position=st.floats(0, 1), cut=st.floats(0, 1))
def test_pages_skip_garbage(tmp_path: Path, junk: bytes, position: float, cut: float) -> None:
    """Whatever the file contains or lacks: rows or none, never an exception."""
    path = made(tmp_path / "s", {n: ["x" * 300, b"y" * 9000] for n in range(10)})
    body = bytearray(path.read_bytes())
    where = int(position * len(body))
    body[where : where + len(junk)] = junk
    path.write_bytes(body[: max(int(cut * len(body)), where)])

    for place, row in SqlitePages(path).rows():
        assert SqlitePages(path).row(place) == row


def test_deleted_rows_are_not_found(tmp_path: Path) -> None:
    """Pages on the freelist still hold them until they are used again."""
    path = made(tmp_path / "s", {n: ["x" * 300, n] for n in range(500)})
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM t WHERE id < 400")

    assert {row[0] for _, row in SqlitePages(path).rows() if len(row) == 3} == set(range(400, 500))


def test_a_missing_or_empty_file_has_no_rows(tmp_path: Path) -> None:
    """Neither is an error."""
    assert list(SqlitePages(tmp_path / "none").rows()) == []
    (tmp_path / "empty").touch()
    assert list(SqlitePages(tmp_path / "empty").rows()) == []


KINDS: dict[int, list[SqlValue]] = {
    1: [None, 0],
    2: [1, -1],
    3: [127, -128],
    4: [32_767, -32_768],
    5: [8_388_607, -8_388_608],
    6: [2**31 - 1, -(2**31)],
    7: [2**47 - 1, -(2**47)],
    8: [2**63 - 1, -(2**63)],
    9: [1.5, -0.25],
    10: ["", "größe"],
    11: [b"", b"\x00\xff"],
    -(2**63): ["x" * 3000, b"y" * 3000],
    2**63 - 1: ["x" * 30_000, b"y" * 500],
}
"""Rows with each serial type, with the extreme row ids, and with overflow pages."""


@pytest.mark.parametrize("page", [512, 4096, 65_536])
def test_pages_have_values_of_each_type(tmp_path: Path, page: int) -> None:
    """Every serial type, from rows that fit on a page to rows over many."""
    path = made(tmp_path / "s", KINDS, page=page)

    read = {row[0]: list(row[1:]) for _, row in SqlitePages(path).rows() if len(row) == 3}

    assert read == KINDS


def test_rows_in_the_log_are_newer_than_the_file(tmp_path: Path) -> None:
    """Only committed frames of the log count; later ones replace earlier ones."""
    path = made(tmp_path / "s", {1: ["a", 1]}, log=True)

    assert [row for _, row in SqlitePages(path).rows() if len(row) == 3] == [(1, "a", 1)]

    log = Path(f"{path}-wal")
    log.write_bytes(log.read_bytes()[:-1])  # the frame with the commit is incomplete
    assert [row for _, row in SqlitePages(path).rows() if len(row) == 3] == []


def test_frames_of_an_older_log_are_ignored(tmp_path: Path) -> None:
    """A log that was restarted still has old frames behind the new ones, with other salts."""
    path = made(tmp_path / "s", {1: ["a", 1]}, log=True)
    log = Path(f"{path}-wal")
    body = bytearray(log.read_bytes())
    body[16:24] = b"othersal"
    log.write_bytes(body)

    assert [row for _, row in SqlitePages(path).rows() if len(row) == 3] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"x" * 300, b""),
        (b"\x00\x00\x00\x00\x0f", b"\xff\xff\xff\xff\x0f"),
    ],
    ids=["a cell that ends early", "an overflow page that does not exist"],
)
def test_rows_that_are_cut_are_skipped(tmp_path: Path, old: bytes, new: bytes) -> None:
    """Whatever is read of a damaged page, its location gives the same row again."""
    path = made(tmp_path / "s", {n: ["x" * 300, b"y" * 9000] for n in range(3)})
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    pages = SqlitePages(path)

    rows = list(pages.rows())

    assert all(pages.row(location) == row for location, row in rows)


def test_a_row_whose_overflow_page_is_gone_is_skipped(tmp_path: Path) -> None:
    """The file ends before the page to which the row continues."""
    path = made(tmp_path / "s", {1: ["x" * 20, 1], 2: ["x" * 20_000, 2]})
    path.write_bytes(path.read_bytes()[: 2 * 4096])

    keys = [row[0] for _, row in SqlitePages(path).rows() if len(row) == 3]

    assert keys == [1]


def test_an_invalid_page_size_is_replaced_by_the_default(tmp_path: Path) -> None:
    """Rows of a file with SQLite's default page size are found without the header."""
    path = made(tmp_path / "s", {1: ["a", 1]})
    body = bytearray(path.read_bytes())
    body[16:18] = b"\x00\x03"
    path.write_bytes(body)

    assert [row for _, row in SqlitePages(path).rows() if len(row) == 3] == [(1, "a", 1)]
