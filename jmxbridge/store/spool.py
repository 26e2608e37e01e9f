"""The spool: lines in the order they were sampled, and the account of where each of them is.

Rule: every line is in exactly one place, and a line and its count move in one transaction. The
account's row carries the identity as a CHECK, so a change that broke it could not be committed.

An append becomes one chunk (more when it is large): its lines packed, with a checksum. Lines leave
from the front, packed still. Whole chunks are deleted; a chunk settled in part is not rewritten,
the account remembers how many lines of the chunk at the head are done. Because ids are never
reused, a settle that comes after its chunk was dropped finds nothing and changes nothing.

Not thread-safe: all calls come from the one thread that opened the file.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from jmxbridge.store import chunks, dead_letters
from jmxbridge.store.account import Account
from jmxbridge.store.chunks import Chunk
from jmxbridge.store.errors import StoreDamaged, StorePaused
from jmxbridge.store.file import StoreFile
from jmxbridge.store.ledger import Ledger
from jmxbridge.store.packed import Packed, text_of
from jmxbridge.store.takeover import take_over
from jmxbridge.store.values import Batch, Counts, DeadLetter, DeadLine, Page, Segment
from jmxbridge.store.weeding import weed

log = logging.getLogger("jmxbridge.store")

PAGE_CHUNKS = 1000
"""Of a page that is read back; polls of one line each would make a page of bytes alone large."""

_OLDEST = "SELECT id, lines, size FROM chunk ORDER BY id LIMIT 1"
_NEXT = f"SELECT {chunks.COLUMNS} FROM chunk WHERE id > ? ORDER BY id LIMIT 1"  # noqa: S608
_CHUNK = f"SELECT {chunks.COLUMNS} FROM chunk WHERE id = ?"  # noqa: S608


class Spool:
    """The tables of one open store."""

    def __init__(
        self,
        file: StoreFile,
        *,
        max_bytes: int,
        retain_s: float | None,
        pause_when_full: bool = False,
        max_dead_bytes: int = dead_letters.MAX_DEAD_BYTES,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._file = file
        self._ledger = Ledger(file)
        self._max_bytes = max_bytes
        self._retain_ns = None if retain_s is None else int(retain_s * 1e9)
        self._pause_when_full = pause_when_full
        self._max_dead_bytes = max_dead_bytes
        self._clock_ns = clock_ns
        self._overflowing = False
        self._newest_taken = 0
        if file.aside is not None:
            take_over(self._ledger, file.aside)

    @property
    def _account(self) -> Account:
        return self._ledger.account

    @property
    def _db(self) -> sqlite3.Connection:
        return self._ledger.db

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
        self._file.put_back()

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
        self._ledger.change(step)
        self._say_overflow(self._account.dropped - dropped)

    def take(self, *, max_lines: int, max_bytes: int, after: Batch | None = None) -> Batch | None:
        """The oldest pending lines, at least one; None when nothing waits. `after`: behind it.

        As many chunks as fit whole; of one that alone does not, its first lines. `max_bytes` is of
        text. Taking moves nothing: until they are settled, the same lines are taken again.
        """
        segments: list[Segment] = []
        parts: list[Packed] = []
        for segment, part in self._waiting(after):
            if segment.count > max_lines or part.size > max_bytes:
                if not parts:
                    count, part = _front(part.lines, max_lines, max_bytes)
                    segments.append(replace(segment, count=count))
                    parts.append(part)
                break
            segments.append(segment)
            parts.append(part)
            max_lines -= segment.count
            max_bytes -= part.size
        if not parts:
            return None
        self._newest_taken = max(self._newest_taken, segments[-1].chunk)
        return Batch(segments, parts)

    def settle(self, batch: Batch, dead: Sequence[DeadLine]) -> None:
        """Book a batch: the lines in `dead` become dead letters, the rest is stored.

        Lines that were dropped since they were taken stay dropped. Raises ValueError when lines
        before the batch are still pending.
        """
        refusals = sorted(dead, key=lambda line: line.index)
        reasons = {
            line.index: _storable(line.reason[: dead_letters.MAX_REASON]) for line in refusals
        }

        def step(account: Account) -> Account:
            at = 0
            for segment in batch.segments:
                end = at + segment.count
                refused = [
                    (index - at, batch.lines[index], reason)
                    for index, reason in reasons.items()
                    if at <= index < end
                ]
                account = self._settle(account, segment, refused)
                at = end
            return dead_letters.bound(self._db, account, self._max_dead_bytes)

        self._ledger.change(step)
        if not self._account.pending:
            self._file.shrink()

    def counts(self) -> Counts:
        """Where all lines are."""
        row = self._ledger.one("SELECT time_ns FROM chunk ORDER BY id LIMIT 1")
        return self._account.counts(row[0] if row else None)

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """The newest dead letters, newest first."""
        return self._letters(lambda: dead_letters.newest(self._db, limit))

    def replay(self, ids: Sequence[int]) -> int:
        """Put the lines of dead letters at the end of the spool; how many of the ids there were.

        Raises StorePaused, with nothing moved, where they would push older lines out.
        """

        found = self._letters(lambda: dead_letters.of_ids(self._db, ids))

        def step(account: Account) -> Account:
            account = dead_letters.replay(self._db, account, found)
            if account.pending_bytes > self._max_bytes:
                raise StorePaused(
                    f"{self.path} has no room for {len(found)} lines more; raise store.max_size,"
                    " or replay fewer"
                )
            return account

        self._ledger.change(step)
        return len(found)

    def purge(self, ids: Sequence[int]) -> int:
        """Give dead letters up; how many of the ids there were. They count as dropped."""
        found = self._ledger.guard(lambda: dead_letters.present(self._db, ids))
        self._ledger.change(lambda account: dead_letters.purge(self._db, account, found))
        return len(found)

    def recent(self, *, since_ns: int, until_ns: int, after: int, max_bytes: int) -> Page:
        """Kept lines of polls in `since_ns` ≤ time < `until_ns`, oldest first.

        Stops after the chunk that fills `max_bytes`; `after` is the `next` of the page before.
        """
        query = (
            "SELECT id FROM chunk WHERE time_ns >= ? AND time_ns < ? AND id > ? ORDER BY id LIMIT ?"
        )
        bounds = (since_ns, until_ns, after, PAGE_CHUNKS)

        def read() -> Page | None:
            # Numbers first: sorting rows with their bodies would read all of them at once.
            numbers = [number for (number,) in self._db.execute(query, bounds).fetchall()]
            lines: list[bytes] = []
            size = 0
            for number in numbers:
                chunk = chunks.decode(self._db.execute(_CHUNK, (number,)).fetchone())
                if chunk is None:
                    return None
                done = self._account.head_done if number == self._account.head else 0
                lines.extend(chunk.packed.lines[done:])
                size += chunk.packed.size
                if size >= max_bytes:
                    return Page(lines, number)
            return Page(lines, numbers[-1] if len(numbers) == PAGE_CHUNKS else None)

        while (page := self._ledger.guard(read)) is None:
            weed(self._ledger, self._file)
        return page

    def renew(self) -> None:
        """Begin a new file, the present one being damaged, with what can still be read of it."""
        before = self._account
        aside = self._ledger.renew()
        # A batch of the old file may still be settled: its ids must mean nothing here.
        reserve = "INSERT INTO sqlite_sequence (name, seq) VALUES ('chunk', ?)"
        self._ledger.guard(lambda: self._db.execute(reserve, (self._newest_taken,)))
        take_over(self._ledger, aside, before)

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
        (oldest, *_) = self._oldest()
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
        account = dead_letters.bury(self._db, account, dead)
        stored = end - done - len(dead)
        account = replace(account, stored=account.stored + stored)
        if end == lines:
            self._db.execute("DELETE FROM chunk WHERE id = ?", (segment.chunk,))
            return account.without(segment.chunk, lines, size)
        return replace(
            account, pending=account.pending - (end - done), head=segment.chunk, head_done=end
        )

    def _oldest(self) -> tuple[int, int, int]:
        row: tuple[int, int, int] | None = self._db.execute(_OLDEST).fetchone()
        if row is None:
            raise StoreDamaged(f"{self.path}: there are fewer lines than the account says")
        return row

    def _expire(self, account: Account, before_ns: int) -> Account:
        query = "SELECT id, lines, size FROM chunk WHERE time_ns < ?"
        for chunk, lines, size in self._db.execute(query, (before_ns,)).fetchall():
            self._db.execute("DELETE FROM chunk WHERE id = ?", (chunk,))
            expired = account.expired + account.waiting(chunk, lines)
            account = replace(account.without(chunk, lines, size), expired=expired)
        return account

    def _drop_oldest(self, account: Account) -> Account:
        while account.pending_bytes > self._max_bytes:
            account = self._drop(account, *self._oldest())
        return account

    def _drop(self, account: Account, chunk: int, lines: int, size: int) -> Account:
        self._db.execute("DELETE FROM chunk WHERE id = ?", (chunk,))
        dropped = account.dropped + account.waiting(chunk, lines)
        return replace(account.without(chunk, lines, size), dropped=dropped)

    # -- Reading; a damaged row is taken out, and what there is then is read.

    def _waiting(self, after: Batch | None) -> Iterator[tuple[Segment, Packed]]:
        """What waits of every chunk behind a batch, oldest first."""
        account = self._account
        front = after.segments[-1] if after else Segment(account.head, 0, account.head_done)
        for chunk in self._read(max(front.chunk - 1, 0)):
            done = front.first + front.count if chunk.id == front.chunk else 0
            if done < chunk.count:
                part = Packed.of(text_of(chunk.packed.lines[done:])) if done else chunk.packed
                yield Segment(chunk.id, done, chunk.count - done), part

    def _read(self, after: int) -> Iterator[Chunk]:
        """Every chunk behind one, oldest first."""
        while (row := self._ledger.one(_NEXT, after)) is not None:
            chunk = chunks.decode(row)
            if chunk is None:
                weed(self._ledger, self._file)
            else:
                after = chunk.id
                yield chunk

    def _letters(self, rows: Callable[[], Sequence[Sequence[Any]]]) -> list[DeadLetter]:
        while None in (found := [dead_letters.decode(row) for row in self._ledger.guard(rows)]):
            weed(self._ledger, self._file)
        return [letter for letter in found if letter is not None]

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


def _front(lines: Sequence[bytes], max_lines: int, max_bytes: int) -> tuple[int, Packed]:
    """How many of the first lines fit, at least one, and those."""
    ends = accumulate(len(line) + 1 for line in lines[:max_lines])
    count = max(sum(end <= max_bytes for end in ends), 1)
    return count, Packed.of(text_of(lines[:count]))


def _storable(text: str) -> str:
    """Text without halves of surrogate pairs, which JSON can hold and SQLite cannot."""
    return text.encode("utf-8", "replace").decode()
