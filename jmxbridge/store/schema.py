"""Tables of a store's file, and the checksum that each of their rows has.

Rule: every row has a CRC-32 over all its values but its id. SQLite does not detect a flipped byte
in a row of a file that is otherwise well formed; this checksum does.
"""

import zlib

APPLICATION_ID = 0x6A6D7862  # "jmxb", in the header of every store
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
"""AUTOINCREMENT: a late settle must never find another chunk under the id it remembers. The CHECKs
of the account enforce its meaning: a wrong sum cannot be committed.
"""


def checksum(table: str, *values: object) -> int:
    """Return the CRC-32 of a row's values, each separated from the next.

    `table` is part of it, so a row of one table is never valid in another. Values are as SQLite
    returns them: integers, text, bytes, and whatever damage made of one.
    """
    crc = zlib.crc32(table.encode())
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode()
        crc = zlib.crc32(data, zlib.crc32(b"%d:" % len(data), crc))
    return crc
