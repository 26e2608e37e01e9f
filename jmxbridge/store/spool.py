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
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from jmxbridge.store import chunks, letters, salvage
from jmxbridge.store.account import READ_ACCOUNT, WRITE_ACCOUNT, Account
from jmxbridge.store.errors import StoreFull, StorePaused, StoreUnwritable, from_sqlite
from jmxbridge.store.file import StoreFile
from jmxbridge.store.values import Batch, Counts, DeadLetter, DeadLine, Page, Segment

log = logging.getLogger("jmxbridge.store")

T = TypeVar("T")

PAGE_CHUNKS = 1000
"""Of a page that is read back; polls of one line each would make a page of bytes alone large."""

_OLDEST = "SELECT id, lines, size FROM chunk ORDER BY id LIMIT 1"
_NEXT_BODY = "SELECT id, lines, size, crc, body FROM chunk WHERE id > ? ORDER BY id LIMIT 1"
_BODY = "SELECT body FROM chunk WHERE id = ?"


class Spool:
    """The tables of one open store."""

    def __init__(
        self,
        file: StoreFile,
        *,
        max_bytes: int,
        retain_s: float | None,
        pause_when_full: bool = False,
        max_dead_bytes: int = letters.MAX_DEAD_BYTES,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._file = file
        self._db = file.connection
        self._max_bytes = max_bytes
        self._retain_ns = None if retain_s is None else int(retain_s * 1e9)
        self._pause_when_full = pause_when_full
        self._max_dead_bytes = max_dead_bytes
        self._clock_ns = clock_ns
        self._overflowing = False
        self._newest_taken = 0
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
        source = _storable(source)

        def step(account: Account) -> Account:
            before = account.pending_bytes
            account = chunks.put(self._db, account, lines, time_ns, source)
            account = replace(account, sampled=account.sampled + len(lines))
            if self._pause_when_full and account.pending_bytes > self._max_bytes:
                raise StorePaused(
                    f"{self.path} holds {before} bytes, store.max_size is {self._max_bytes}, and"
                    " store.when_full is pause"
                )
            if self._retain_ns is not None:
                account = self._expire(account, time_ns - self._retain_ns)
            return self._drop_oldest(account)

        dropped = self._account.dropped
        self._change(step)
        self._say_overflow(self._account.dropped - dropped)

    def take(self, *, max_lines: int, max_bytes: int, after: Batch | None = None) -> Batch | None:
        """The oldest pending lines, at least one; None when nothing waits. `after`: behind it.

        Taking moves nothing: until they are settled, the same lines are taken again.
        """
        lines: list[bytes] = []
        segments: list[Segment] = []
        room = max_bytes
        start = (
            after.segments[-1] if after else Segment(self._account.head, 0, self._account.head_done)
        )
        for chunk, body in self._read(max(start.chunk - 1, 0)):
            done = start.first + start.count if chunk == start.chunk else 0
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
        if not lines:
            return None
        self._newest_taken = max(self._newest_taken, segments[-1].chunk)
        return Batch(tuple(lines), tuple(segments))

    def settle(self, batch: Batch, dead: Sequence[DeadLine]) -> None:
        """Book a batch: the lines in `dead` become dead letters, the rest is stored.

        Lines that were dropped since they were taken stay dropped. Raises ValueError when lines
        before the batch are still pending.
        """
        reasons = {line.index: _storable(line.reason[: letters.MAX_REASON]) for line in dead}

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
            return letters.bound(self._db, account, self._max_dead_bytes)

        self._change(step)
        if not self._account.pending:
            self._file.shrink()

    def counts(self) -> Counts:
        """Where all lines are."""
        row = self._one("SELECT time_ns FROM chunk ORDER BY id LIMIT 1")
        return self._account.counts(row[0] if row else None)

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """The newest dead letters, newest first."""
        query = f"SELECT {letters.COLUMNS} FROM dead_letter ORDER BY id DESC LIMIT ?"  # noqa: S608
        rows = self._guard(lambda: self._db.execute(query, (limit,)).fetchall())
        return [DeadLetter(*row) for row in rows]

    def replay(self, ids: Sequence[int]) -> int:
        """Put the lines of dead letters at the end of the spool; how many of the ids there were.

        Raises StorePaused, with nothing moved, where they would push older lines out.
        """

        def step(account: Account, found: Sequence[DeadLetter]) -> Account:
            account = letters.replay(self._db, account, found)
            if account.pending_bytes > self._max_bytes:
                raise StorePaused(
                    f"{self.path} has no room for {len(found)} lines more; raise store.max_size,"
                    " or replay fewer"
                )
            return account

        return self._move(ids, step)

    def purge(self, ids: Sequence[int]) -> int:
        """Give dead letters up; how many of the ids there were. They count as dropped."""
        return self._move(ids, lambda account, found: letters.purge(self._db, account, found))

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

    def renew(self) -> None:
        """Begin a new file, the present one being damaged, with what can still be read of it."""
        before = self._account
        aside = self._file.renew()
        self._db = self._file.connection
        self._account = self._guard(lambda: Account(*self._db.execute(READ_ACCOUNT).fetchone()))
        # A batch of the old file may still be settled: its ids must mean nothing here.
        reserve = "INSERT INTO sqlite_sequence (name, seq) VALUES ('chunk', ?)"
        self._guard(lambda: self._db.execute(reserve, (self._newest_taken,)))
        self.adopt(aside, before)

    def adopt(self, aside: Path, before: Account | None = None) -> None:
        """Take over a damaged file: its account, and every line and letter that can be read.

        What cannot is counted as dropped. `before` is the account where it is known better than
        from the file.
        """
        before = before or salvage.read_account(aside)
        if before is not None:
            gone = before.pending + before.dead_lettered
            start = replace(
                before,
                **{"pending": 0, "pending_bytes": 0, "dead_lettered": 0, "dead_bytes": 0},
                **{"head": 0, "head_done": 0, "dropped": before.dropped + gone},
            )
            self._change(lambda _: start)
        try:
            for chunk in salvage.read_chunks(aside, before):
                self._change(partial(self._rescue, chunk))
            for letter in salvage.read_letters(aside):
                self._change(partial(self._rescue_letter, letter))
        except StoreFull as exc:
            log.error("%s; the rest stays in %s", exc, aside)
        account = self._account
        log.error(
            "%s: kept %d lines and %d dead letters; dropped, and counted: %d",
            *(self.path, account.pending, account.dead_lettered),
            account.dropped - before.dropped if before else 0,
        )

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
        now = self._clock_ns()
        dead = [
            DeadLetter(0, time_ns, now, source, why, line)
            for n, line, why in refused
            if segment.first + n >= done
        ]
        account = letters.bury(self._db, account, dead)
        stored = end - done - len(dead)
        account = replace(account, stored=account.stored + stored)
        if end == lines:
            self._db.execute("DELETE FROM chunk WHERE id = ?", (segment.chunk,))
            return account.without(segment.chunk, lines, size)
        return replace(
            account, pending=account.pending - (end - done), head=segment.chunk, head_done=end
        )

    def _rescue(self, chunk: salvage.Rescued, account: Account) -> Account:
        account = chunks.put(self._db, account, chunk.lines, chunk.time_ns, chunk.source)
        return _found_again(account, len(chunk.lines))

    def _rescue_letter(self, letter: DeadLetter, account: Account) -> Account:
        return _found_again(letters.bury(self._db, account, [letter]), 1)

    def _move(
        self, ids: Sequence[int], step: Callable[[Account, Sequence[DeadLetter]], Account]
    ) -> int:
        found = self._guard(lambda: letters.read(self._db, ids))
        self._change(lambda account: step(account, found))
        return len(found)

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
            raise StoreUnwritable(f"{aside}: {exc.strerror}; damaged lines go there") from exc
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


def _found_again(account: Account, lines: int) -> Account:
    """Lines given up with a damaged file, and rescued; without its account they are new."""
    known = min(lines, account.dropped)
    return replace(
        account, dropped=account.dropped - known, sampled=account.sampled + lines - known
    )


def _storable(text: str) -> str:
    """Text without halves of surrogate pairs, which JSON can hold and SQLite cannot."""
    return text.encode("utf-8", "replace").decode()
