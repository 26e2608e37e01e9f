"""The spool: lines in the order they were sampled, and the account of where each of them is.

Rule: every line is in exactly one place, and a line and its count move in one transaction. The
account's row carries the identity as a CHECK, so a change that broke it could not be committed.

An append becomes one chunk (more when it is large): its lines joined by newlines, with a checksum.
Lines leave from the front. Whole chunks are deleted; a chunk settled in part is not rewritten, the
account remembers how many lines of the chunk at the head are done. Because ids are never reused, a
settle that comes after its chunk was dropped finds nothing and changes nothing.

Not thread-safe: all calls come from the one thread that opened the file.
"""

import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from jmxbridge.store.account import READ_ACCOUNT, WRITE_ACCOUNT, Account
from jmxbridge.store.errors import StoreDamaged, from_sqlite
from jmxbridge.store.file import StoreFile
from jmxbridge.store.values import Batch, Counts, DeadLetter, DeadLine, Page, Segment

log = logging.getLogger("jmxbridge.store")

T = TypeVar("T")

CHUNK_BYTES = 512 * 1024
"""A larger append is split, so that reading the head never costs more memory than this."""

CHUNK_COST = 128
"""What a chunk takes in the file beside its lines: row, index entry, share of a page."""

DEAD_LETTER_COST = 64

MAX_DEAD_BYTES = 64 * 1024 * 1024
"""A refused line a second for a week, at 100 bytes each with its reason."""

PAGE_CHUNKS = 1000
"""Of a page that is read back; polls of one line each would make a page of bytes alone large."""

MAX_REASON = 1000
"""Characters of a reason; InfluxDB repeats the line in its own, which may have 64 KiB."""


_OLDEST = "SELECT id, lines, size FROM chunk ORDER BY id LIMIT 1"
_NEXT_BODY = "SELECT id, lines, size, crc, body FROM chunk WHERE id > ? ORDER BY id LIMIT 1"
_BODY = "SELECT body FROM chunk WHERE id = ?"
_PUT = "INSERT INTO chunk (time_ns, source, lines, size, crc, body) VALUES (?, ?, ?, ?, ?, ?)"


class Spool:
    """The tables of one open store."""

    def __init__(
        self,
        file: StoreFile,
        *,
        max_bytes: int,
        retain_s: float | None,
        max_dead_bytes: int = MAX_DEAD_BYTES,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._file = file
        self._db = file.connection
        self._max_bytes = max_bytes
        self._retain_ns = None if retain_s is None else int(retain_s * 1e9)
        self._max_dead_bytes = max_dead_bytes
        self._clock_ns = clock_ns
        self._overflowing = False
        try:
            self._account = Account(*self._db.execute(READ_ACCOUNT).fetchone())
        except sqlite3.Error as exc:
            raise from_sqlite(file.path, exc) from exc

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    @property
    def pending(self) -> int:
        """Lines that wait; the one thing other threads may read."""
        return self._account.pending

    def append(self, lines: Sequence[bytes], *, time_ns: int, source: str) -> None:
        """Store one poll's lines; they are durable when this returns.

        Makes room by dropping the oldest. Raises ValueError for an empty line or one with a
        newline in it, and StoreError (StoreFull when the disk is) with nothing appended.
        """
        if not lines:
            return
        chunks = list(_chunks(lines))
        source = _storable(source)

        def step(account: Account) -> Account:
            for count, body in chunks:
                size = len(body) + CHUNK_COST
                row = (time_ns, source, count, size, zlib.crc32(body), body)
                self._db.execute(_PUT, row)
                account = replace(
                    account,
                    sampled=account.sampled + count,
                    pending=account.pending + count,
                    pending_bytes=account.pending_bytes + size,
                )
            if self._retain_ns is not None:
                account = self._expire(account, time_ns - self._retain_ns)
            return self._drop_oldest(account)

        dropped = self._account.dropped
        self._change(step)
        self._say_overflow(self._account.dropped - dropped)

    def take(self, *, max_lines: int, max_bytes: int) -> Batch | None:
        """The oldest pending lines, at least one; None when nothing waits.

        Taking moves nothing: until they are settled, the same lines are taken again.
        """
        lines: list[bytes] = []
        segments: list[Segment] = []
        room = max_bytes
        for chunk, body in self._read(0):
            done = self._account.head_done if chunk == self._account.head else 0
            count = 0
            for line in body[done : done + max_lines - len(lines)]:
                if lines and len(line) + 1 > room:
                    break
                lines.append(line)
                room -= len(line) + 1
                count += 1
            if count:
                segments.append(Segment(chunk, done, count))
            if done + count < len(body) or len(lines) >= max_lines:
                break
        return Batch(tuple(lines), tuple(segments)) if lines else None

    def settle(self, batch: Batch, dead: Sequence[DeadLine]) -> None:
        """Book a batch: the lines in `dead` become dead letters, the rest is stored.

        Lines that were dropped since they were taken stay dropped. Raises ValueError when lines
        before the batch are still pending.
        """
        reasons = {line.index: _storable(line.reason[:MAX_REASON]) for line in dead}

        def step(account: Account) -> Account:
            at = 0
            for segment in batch.segments:
                refused = [
                    (index - at, batch.lines[index], reasons[index])
                    for index in range(at, at + segment.count)
                    if index in reasons
                ]
                account = self._settle(account, segment, refused)
                at += segment.count
            return self._drop_dead(account)

        self._change(step)
        if not self._account.pending:
            self._file.shrink()

    def counts(self) -> Counts:
        """Where all lines are."""
        row = self._one("SELECT time_ns FROM chunk ORDER BY id LIMIT 1")
        account = asdict(self._account)
        del account["head"], account["head_done"]
        return Counts(**account, oldest_pending_ns=row[0] if row else None)

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """The newest dead letters, newest first."""
        query = (
            "SELECT id, time_ns, refused_ns, source, reason, line FROM dead_letter"
            " ORDER BY id DESC LIMIT ?"
        )
        rows = self._guard(lambda: self._db.execute(query, (limit,)).fetchall())
        return [DeadLetter(*row) for row in rows]

    def recent(self, *, since_ns: int, until_ns: int, after: int, max_bytes: int) -> Page:
        """Kept lines of polls in `since_ns` ≤ time < `until_ns`, oldest first.

        Stops after the chunk that fills `max_bytes`; `after` is the `next` of the page before.
        """
        query = (
            "SELECT id FROM chunk WHERE time_ns >= ? AND time_ns < ? AND id > ? ORDER BY id LIMIT ?"
        )
        bounds = (since_ns, until_ns, after, PAGE_CHUNKS)

        def read() -> Page:
            # Numbers first: sorting rows with their bodies would read all of them at once.
            chunks = [chunk for (chunk,) in self._db.execute(query, bounds).fetchall()]
            lines: list[bytes] = []
            size = 0
            for chunk in chunks:
                (body,) = self._db.execute(_BODY, (chunk,)).fetchone()
                done = self._account.head_done if chunk == self._account.head else 0
                lines.extend(body.split(b"\n")[done:])
                size += len(body)
                if size >= max_bytes:
                    return Page(lines, chunk)
            return Page(lines, chunks[-1] if len(chunks) == PAGE_CHUNKS else None)

        return self._guard(read)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # -- The steps of a transaction: each takes the account and returns it changed.

    def _settle(
        self, account: Account, segment: Segment, refused: Sequence[tuple[int, bytes, str]]
    ) -> Account:
        row = self._db.execute(
            "SELECT time_ns, source, lines, size FROM chunk WHERE id = ?", (segment.chunk,)
        ).fetchone()
        if row is None:
            return account  # dropped since it was taken, and counted so
        time_ns, source, lines, size = row
        done = account.head_done if segment.chunk == account.head else 0
        (oldest, *_) = self._db.execute(_OLDEST).fetchone()
        if segment.first > done or segment.chunk != oldest:
            raise ValueError("a batch can only be settled after the lines before it")
        end = segment.first + segment.count
        if end <= done:
            return account  # settled before
        letters = [(n, line, why) for n, line, why in refused if segment.first + n >= done]
        account = self._bury(account, time_ns, source, letters)
        stored = end - done - len(letters)
        account = replace(account, stored=account.stored + stored)
        if end == lines:
            self._db.execute("DELETE FROM chunk WHERE id = ?", (segment.chunk,))
            return account.without(segment.chunk, lines, size)
        return replace(
            account, pending=account.pending - (end - done), head=segment.chunk, head_done=end
        )

    def _bury(
        self, account: Account, time_ns: int, source: str, letters: list[tuple[int, bytes, str]]
    ) -> Account:
        now = self._clock_ns()
        self._db.executemany(
            "INSERT INTO dead_letter (time_ns, refused_ns, source, reason, line)"
            " VALUES (?, ?, ?, ?, ?)",
            [(time_ns, now, source, why, line) for _, line, why in letters],
        )
        size = sum(_dead_size(line, why) for _, line, why in letters)
        return replace(
            account,
            dead_lettered=account.dead_lettered + len(letters),
            dead_bytes=account.dead_bytes + size,
        )

    def _expire(self, account: Account, before_ns: int) -> Account:
        query = "SELECT id, lines, size FROM chunk WHERE time_ns < ?"
        for chunk, lines, size in self._db.execute(query, (before_ns,)).fetchall():
            self._db.execute("DELETE FROM chunk WHERE id = ?", (chunk,))
            expired = account.expired + account.waiting(chunk, lines)
            account = replace(account.without(chunk, lines, size), expired=expired)
        return account

    def _drop_oldest(self, account: Account) -> Account:
        while account.pending_bytes > self._max_bytes:
            account = self._drop(account, *self._db.execute(_OLDEST).fetchone())
        return account

    def _drop(self, account: Account, chunk: int, lines: int, size: int) -> Account:
        self._db.execute("DELETE FROM chunk WHERE id = ?", (chunk,))
        dropped = account.dropped + account.waiting(chunk, lines)
        return replace(account.without(chunk, lines, size), dropped=dropped)

    def _drop_dead(self, account: Account) -> Account:
        query = "SELECT id, line, reason FROM dead_letter ORDER BY id LIMIT 1"
        while account.dead_bytes > self._max_dead_bytes:
            letter, line, reason = self._db.execute(query).fetchone()
            self._db.execute("DELETE FROM dead_letter WHERE id = ?", (letter,))
            account = replace(
                account,
                dead_lettered=account.dead_lettered - 1,
                dead_bytes=account.dead_bytes - _dead_size(line, reason),
                dropped=account.dropped + 1,
                dropped_dead=account.dropped_dead + 1,
            )
        return account

    # -- Around the transactions.

    def _read(self, after: int) -> Iterator[tuple[int, list[bytes]]]:
        """Every chunk's lines, oldest first; one whose checksum is wrong is set aside."""
        while True:
            row = self._one(_NEXT_BODY, after)
            if row is None:
                return
            after, lines, size, crc, body = row
            if zlib.crc32(body) == crc:
                yield after, body.split(b"\n")
            else:
                self._set_aside(after, lines, size, body)

    def _set_aside(self, chunk: int, lines: int, size: int, body: bytes) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged-chunk-{chunk}")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
        except OSError as exc:
            raise StoreDamaged(f"{self.path}: cannot set lines aside: {exc.strerror}") from exc
        self._change(lambda account: self._drop(account, chunk, lines, size))
        log.error(
            "%s: %d lines do not match their checksum; set aside as %s and counted as dropped",
            self.path,
            lines,
            aside,
        )

    def _change(self, step: Callable[[Account], Account]) -> None:
        """Run one transaction: the step moves lines and returns the account that says so."""

        def run() -> None:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                account = step(self._account)
                self._db.execute(WRITE_ACCOUNT, asdict(account))
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._account = account

        self._guard(run)

    def _one(self, query: str, *values: int) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._guard(
            lambda: self._db.execute(query, values).fetchone()
        )
        return row

    def _guard(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except sqlite3.Error as exc:
            raise from_sqlite(self.path, exc) from exc

    def _say_overflow(self, dropped: int) -> None:
        if dropped and not self._overflowing:
            self._overflowing = True
            log.error(
                "%s is full (%d bytes): the oldest lines are dropped, and counted,"
                " until there is room again",
                self.path,
                self._max_bytes,
            )
        elif self._overflowing and self._account.pending_bytes < self._max_bytes // 2:
            self._overflowing = False
            log.warning("%s has room again", self.path)


def _chunks(lines: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
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


def _dead_size(line: bytes, reason: str) -> int:
    return len(line) + len(reason.encode()) + DEAD_LETTER_COST


def _storable(text: str) -> str:
    """Text without halves of surrogate pairs, which JSON can hold and SQLite cannot."""
    return text.encode("utf-8", "replace").decode()
