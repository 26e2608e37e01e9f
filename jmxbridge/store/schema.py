"""What is in a store's file: its tables, and whether they are sound.

Rule: nothing is changed in a file before it is known whose it is.
"""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from jmxbridge.store import account as accounts
from jmxbridge.store.errors import StoreDamaged, StoreForeign

APPLICATION_ID = 0x6A6D7862  # "jmxb", in the header of every file of ours
SCHEMA_VERSION = 3

SCHEMA = """
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ns INTEGER NOT NULL,
    source TEXT NOT NULL,
    lines INTEGER NOT NULL,
    size INTEGER NOT NULL,
    text_size INTEGER NOT NULL,
    text_crc INTEGER NOT NULL,
    body BLOB NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX chunk_time ON chunk (time_ns);
CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ns INTEGER NOT NULL,
    refused_ns INTEGER NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    line BLOB NOT NULL,
    crc INTEGER NOT NULL
);
CREATE TABLE account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sampled INTEGER NOT NULL DEFAULT 0,
    stored INTEGER NOT NULL DEFAULT 0,
    pending INTEGER NOT NULL DEFAULT 0 CHECK (pending >= 0),
    dead_lettered INTEGER NOT NULL DEFAULT 0 CHECK (dead_lettered >= 0),
    dropped INTEGER NOT NULL DEFAULT 0,
    dropped_dead INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0,
    pending_bytes INTEGER NOT NULL DEFAULT 0 CHECK (pending_bytes >= 0),
    dead_bytes INTEGER NOT NULL DEFAULT 0 CHECK (dead_bytes >= 0),
    head INTEGER NOT NULL DEFAULT 0,
    head_done INTEGER NOT NULL DEFAULT 0,
    crc INTEGER NOT NULL DEFAULT 0,
    CHECK (sampled = stored + pending + dead_lettered + dropped + expired)
);
INSERT INTO account (id) VALUES (1);
"""
"""AUTOINCREMENT: a late settle must never meet another chunk under the id it remembers. The checks
of the account are part of its meaning: a wrong sum cannot be committed.
"""

WAL_LIMIT_BYTES = 16 * 1024 * 1024
"""What the log may keep on disk after a checkpoint: a few of the largest polls."""


def prepare(path: Path, connection: sqlite3.Connection) -> None:
    """Check whose file it is before anything in it is changed; then make it durable.

    Raises StoreForeign, StoreDamaged, and what SQLite does.
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
    """Look at every page, the schema and the account; raises StoreDamaged."""
    connection.text_factory = as_text
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict == "ok" and _schema(connection) != _sound_schema():
        verdict = "its schema is not what was written"
    account = accounts.read(connection) if verdict == "ok" else None
    if account is None:
        why = "its account is not what was written" if verdict == "ok" else verdict
        raise StoreDamaged(f"{path} is damaged ({why})")
    accounts.write(connection, account)  # SQLite refuses here what the header calls read only


def as_text(data: bytes) -> str:
    """Text as it is read: a flipped byte makes a row's checksum wrong, and not an error."""
    return data.decode("utf-8", "replace")


def _schema(connection: sqlite3.Connection) -> list[tuple[str, str, str, str]]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    return connection.execute(query).fetchall()


@cache
def _sound_schema() -> list[tuple[str, str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return _schema(connection)
