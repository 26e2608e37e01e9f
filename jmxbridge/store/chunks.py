"""Chunks: how lines lie in the spool, packed, with a checksum."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jmxbridge.store.account import Account
from jmxbridge.store.checksum import checksum
from jmxbridge.store.packed import Packed, text_of

CHUNK_BYTES = 512 * 1024
"""Of text: a larger append is split, so that reading the head never costs more memory than this."""

CHUNK_COST = 128
"""What a chunk takes in the file beside its lines: row, index entry, share of a page."""

COLUMNS = "id, time_ns, source, lines, size, text_size, text_crc, body, crc"
_PUT = (
    "INSERT INTO chunk (time_ns, source, lines, size, text_size, text_crc, body, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A row of the table: `count` lines, and the `size` they count against the bound."""

    id: int
    time_ns: int
    source: str
    count: int
    size: int
    packed: Packed


def decode(row: Sequence[Any]) -> Chunk | None:
    """The chunk of a row's values in the order of COLUMNS; None where its checksum is wrong."""
    number, *values, crc = row
    if checksum("chunk", *values) != crc:
        return None
    time_ns, source, count, size, *packed = values
    return Chunk(number, time_ns, source, count, size, Packed(*packed))


def put(
    db: sqlite3.Connection, account: Account, lines: Sequence[bytes], time_ns: int, source: str
) -> Account:
    """Add lines at the end of the spool; the account has them pending, and not yet sampled.

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
    """Texts of lines with their number, none larger than CHUNK_BYTES unless one line is."""
    text = text_of(lines)
    if len(text) <= CHUNK_BYTES:
        yield len(lines), text
        return
    start = size = 0
    for at, line in enumerate(lines):
        if at > start and size + len(line) + 1 > CHUNK_BYTES:
            yield at - start, text_of(lines[start:at])
            start, size = at, 0
        size += len(line) + 1
    yield len(lines) - start, text_of(lines[start:])
