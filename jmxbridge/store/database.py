"""SQLite connection to a store's file: opened, identified, created and checked.

Rule: nothing in a file is changed before it is known to be a store of this schema.
"""

import os
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from jmxbridge.store import account as accounts
from jmxbridge.store.errors import StoreDamaged, StoreForeign, StoreUnwritable, from_sqlite
from jmxbridge.store.schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION

WAL_LIMIT_BYTES = 16 * 1024 * 1024
"""Size to which a checkpoint truncates the write-ahead log: a few of the largest polls."""


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the database at `path`, readable by its owner only, and check it.

    Raises StoreUnwritable, StoreForeign, StoreDamaged, StoreFull.
    """
    created = not path.exists()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        if created:
            sync_directory(path.parent)
    except OSError as exc:
        raise StoreUnwritable(f"{path}: {exc.strerror}; check owner and mode") from exc
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=2.0)
    except sqlite3.Error as exc:
        raise from_sqlite(path, exc) from exc
    try:
        _prepare(path, connection)
    except sqlite3.Error as exc:
        connection.close()
        error = from_sqlite(path, exc)
        if getattr(exc, "sqlite_errorcode", None) in (
            sqlite3.SQLITE_ERROR,
            sqlite3.SQLITE_READONLY,
        ):
            # The statements are valid on every sound file, and this one was opened for writing a
            # moment ago: SQLite cannot read its header.
            error = StoreDamaged(str(error))
        raise error from exc
    except UnicodeDecodeError as exc:  # in SQLite's message about the text it could not read
        connection.close()
        raise StoreDamaged(f"{path}: its schema is not text") from exc
    except BaseException:
        connection.close()
        raise
    return connection


def sync_directory(directory: Path) -> None:
    """Make the name of a new file durable; SQLite does so only for its logs."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def as_text(data: bytes) -> str:
    """Decode text from a row: a flipped byte is a wrong checksum, not a decoding error."""
    return data.decode("utf-8", "replace")


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    """Identify a file before anything in it is changed; then make its writes durable.

    Raises StoreForeign, StoreDamaged and sqlite3.Error.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (tables or application or version):
        raise StoreForeign(f"{path} is another program's database; choose another store.path")
    if version > SCHEMA_VERSION:
        raise StoreForeign(
            f"{path} was written by a newer jmxbridge (schema {version}, this one knows"
            f" {SCHEMA_VERSION}); upgrade, or choose another store.path"
        )
    if tables and version < SCHEMA_VERSION:
        raise StoreForeign(
            f"{path} was written by an earlier jmxbridge (schema {version}, this one knows"
            f" {SCHEMA_VERSION}); drain it with that one (jmxbridge spool drain), then move it away"
        )
    if not tables:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only before the first table
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # durable when COMMIT returns
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    if not tables:
        _create(connection)
    _check(path, connection)


def _create(connection: sqlite3.Connection) -> None:
    connection.executescript(
        f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
        f" PRAGMA user_version = {SCHEMA_VERSION};"
    )
    accounts.write(connection, accounts.Account(*[0] * len(accounts.COLUMNS)))
    connection.execute("COMMIT")


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Check every page, the schema and the account; raises StoreDamaged."""
    connection.text_factory = as_text
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict == "ok" and _schema(connection) != _sound_schema():
        verdict = "its schema is not what was written"
    account = accounts.read(connection) if verdict == "ok" else None
    if account is None:
        why = "its account is not what was written" if verdict == "ok" else verdict
        raise StoreDamaged(f"{path} is damaged ({why})")
    accounts.write(connection, account)  # fails here if the header marks the file read-only


def _schema(connection: sqlite3.Connection) -> list[tuple[str, str, str, str]]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    return connection.execute(query).fetchall()


@cache
def _sound_schema() -> list[tuple[str, str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return _schema(connection)
