"""Chunks: how lines lie in the spool, joined by newlines, with a checksum."""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from jmxbridge.store.account import Account

CHUNK_BYTES = 512 * 1024
"""A larger append is split, so that reading the head never costs more memory than this."""

CHUNK_COST = 128
"""What a chunk takes in the file beside its lines: row, index entry, share of a page."""

_PUT = "INSERT INTO chunk (time_ns, source, lines, size, crc, body) VALUES (?, ?, ?, ?, ?, ?)"


def put(
    db: sqlite3.Connection, account: Account, lines: Sequence[bytes], time_ns: int, source: str
) -> Account:
    """Add lines at the end of the spool; the account has them pending, and not yet sampled."""
    for count, body in split(lines):
        size = len(body) + CHUNK_COST
        db.execute(_PUT, (time_ns, source, count, size, zlib.crc32(body), body))
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
