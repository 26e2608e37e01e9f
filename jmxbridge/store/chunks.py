"""Chunks: how lines lie in the spool, joined by newlines, with a checksum."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jmxbridge.store.account import Account
from jmxbridge.store.checksum import checksum

CHUNK_BYTES = 512 * 1024
"""A larger append is split, so that reading the head never costs more memory than this."""

CHUNK_COST = 128
"""What a chunk takes in the file beside its lines: row, index entry, share of a page."""

COLUMNS = "id, time_ns, source, lines, size, body, crc"
_PUT = "INSERT INTO chunk (time_ns, source, lines, size, body, crc) VALUES (?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A row of the table; `lines` are how many, `size` what it counts against the bound."""

    id: int
    time_ns: int
    source: str
    lines: int
    size: int
    body: bytes


def decode(row: Sequence[Any]) -> Chunk | None:
    """The chunk of a row's values in the order of COLUMNS; None where its checksum is wrong."""
    number, *values, crc = row
    return Chunk(number, *values) if checksum("chunk", *values) == crc else None


def put(
    db: sqlite3.Connection, account: Account, lines: Sequence[bytes], time_ns: int, source: str
) -> Account:
    """Add lines at the end of the spool; the account has them pending, and not yet sampled."""
    for count, body in split(lines):
        size = len(body) + CHUNK_COST
        values = (time_ns, source, count, size, body)
        db.execute(_PUT, (*values, checksum("chunk", *values)))
        account = replace(
            account,
            pending=account.pending + count,
            pending_bytes=account.pending_bytes + size,
        )
    return account


def split(lines: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """Joined lines with their number, none larger than CHUNK_BYTES unless one line is."""
    body = b"\n".join(lines)
    if body.count(b"\n") != len(lines) - 1 or not all(lines):
        raise ValueError("an appended line is empty or has a newline in it")
    if len(body) <= CHUNK_BYTES:
        yield len(lines), body
        return
    start = size = 0
    for at, line in enumerate(lines):
        if at > start and size + len(line) + 1 > CHUNK_BYTES:
            yield at - start, b"\n".join(lines[start:at])
            start, size = at, 0
        size += len(line) + 1
    yield len(lines) - start, b"\n".join(lines[start:])
