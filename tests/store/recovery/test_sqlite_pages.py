"""SQLite pages read without SQLite: the same rows, and no exception for garbage."""

import sqlite3
from contextlib import closing
from pathlib import Path

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
