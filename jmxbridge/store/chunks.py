"""Chunks: rows of the spool, each with many packed lines and a checksum."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jmxbridge.store.account import Account
from jmxbridge.store.packed import Packed, text_of
from jmxbridge.store.schema import checksum

CHUNK_BYTES = 512 * 1024
"""Bytes of text: a larger append is split, to bound the memory that reading the head takes."""

CHUNK_COST = 128
"""Bytes a chunk takes in the file in addition to its lines: row, index entry, share of a page."""

COLUMNS = "id, time_ns, source, lines, size, text_size, text_crc, body, crc"
_PUT = (
    "INSERT INTO chunk (time_ns, source, lines, size, text_size, text_crc, body, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A row of the table: `count` lines, and the `size` that counts against the bound."""

    id: int
    time_ns: int
    source: str
    count: int
    size: int
    packed: Packed


def decode(row: Sequence[Any]) -> Chunk | None:
    """Return the chunk of a row's values, in COLUMNS' order; None if the checksum is wrong."""
    number, *values, crc = row
    if checksum("chunk", *values) != crc:
        return None
    time_ns, source, count, size, *packed = values
    return Chunk(number, time_ns, source, count, size, Packed(*packed))


def put(
    db: sqlite3.Connection, account: Account, lines: Sequence[bytes], time_ns: int, source: str
) -> Account:
    """Append lines to the spool; the account counts them as pending, not yet as sampled.

    Raises ValueError for an empty line or one with a newline in it.
    """
    for count, text in _split(lines):
        packed = Packed.of(text)
        size = len(packed.data) + CHUNK_COST
        values = (time_ns, source, count, size, packed.size, packed.crc, packed.data)
        db.execute(_PUT, (*values, checksum("chunk", *values)))
        account = replace(
            account,
            pending=account.pending + count,
            pending_bytes=account.pending_bytes + size,
        )
    return account


def _split(lines: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield count and text of groups of lines, larger than CHUNK_BYTES only for a single line."""
    text = text_of(lines)
    if len(text) <= CHUNK_BYTES:
        yield len(lines), text
        return
    start = size = 0
    for index, line in enumerate(lines):
        if index > start and size + len(line) + 1 > CHUNK_BYTES:
            yield index - start, text_of(lines[start:index])
            start, size = index, 0
        size += len(line) + 1
    yield len(lines) - start, text_of(lines[start:])
