"""Spool: lines in the order they were sampled, and the account of where each line is.

Rule: every line is in exactly one place, and a line and its count move in one transaction. The
account's row has the identity as a CHECK, so a change that violates it cannot be committed.

An append becomes one chunk (more if it is large): its lines packed, with a checksum. Lines leave
from the front, still packed. Whole chunks are deleted; a chunk that is settled in part is not
rewritten, the account records how many lines of the chunk at the head are settled. Ids are never
reused, so a settle that comes after its chunk was dropped finds nothing and changes nothing.

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
from jmxbridge.store.recovery.quarantine import quarantine
from jmxbridge.store.recovery.rescue import rescue
from jmxbridge.store.values import Batch, Counts, DeadLetter, DeadLine, Page, Segment

log = logging.getLogger("jmxbridge.store")

PAGE_CHUNKS = 1000
"""Most chunks of a page: with one line a chunk, a bound on bytes alone would allow too many."""

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
        self._last_taken_chunk = 0
        if file.aside is not None:
            rescue(self._ledger, file.aside)

    @property
    def _account(self) -> Account:
        return self._ledger.account

    @property
    def _db(self) -> sqlite3.Connection:
        return self._ledger.db

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self._file.path

    @property
    def pending(self) -> int:
        """Number of pending lines; the only attribute that other threads may read."""
        return self._account.pending

    def append(self, lines: Sequence[bytes], *, time_ns: int, source: str) -> None:
        """Store one poll's lines; they are durable when this returns.

        Drops the oldest lines to make room. Raises ValueError for an empty line or one with a
        newline in it, and StoreError (StoreFull if the disk is full); then nothing is appended.
        """
        if not lines:
            return
        source = _storable(source)
        self._file.restore()

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
        self._log_overflow(self._account.dropped - dropped)

    def take(self, *, max_lines: int, max_bytes: int, after: Batch | None = None) -> Batch | None:
        """Return the oldest pending lines, at least one; None if no line is pending.

        With `after`, the lines behind that batch. A batch has as many whole chunks as fit; if the
        first one alone does not fit, its first lines. `max_bytes` counts unpacked text. Taking
        moves nothing: the same lines are taken again until they are settled.
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
        self._last_taken_chunk = max(self._last_taken_chunk, segments[-1].chunk)
        return Batch(segments, parts)

    def settle(self, batch: Batch, dead: Sequence[DeadLine]) -> None:
        """Account for a batch: lines in `dead` become dead letters, the others count as stored.

        Lines that were dropped since they were taken stay dropped. Raises ValueError if lines
        before the batch are still pending.
        """
        refusals = sorted(dead, key=lambda line: line.index)
        reasons = {
            line.index: _storable(line.reason[: dead_letters.MAX_REASON]) for line in refusals
        }

        def step(account: Account) -> Account:
            start = 0
            for segment in batch.segments:
                end = start + segment.count
                refused = [
                    (index - start, batch.lines[index], reason)
                    for index, reason in reasons.items()
                    if start <= index < end
                ]
                account = self._settle(account, segment, refused)
                start = end
            return dead_letters.bound(self._db, account, self._max_dead_bytes)

        self._ledger.change(step)
        if not self._account.pending:
            self._file.shrink()

    def counts(self) -> Counts:
        """Return the number of lines by where they are."""
        row = self._ledger.one("SELECT time_ns FROM chunk ORDER BY id LIMIT 1")
        return self._account.counts(row[0] if row else None)

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Return the newest dead letters, newest first."""
        return self._letters(lambda: dead_letters.newest(self._db, limit))

    def replay(self, ids: Sequence[int]) -> int:
        """Append the lines of dead letters to the spool; return how many of the ids exist.

        Raises StorePaused, with nothing moved, if they would push older lines out.
        """

        letters = self._letters(lambda: dead_letters.of_ids(self._db, ids))

        def step(account: Account) -> Account:
            account = dead_letters.replay(self._db, account, letters)
            if account.pending_bytes > self._max_bytes:
                raise StorePaused(
                    f"{self.path} has no room for {len(letters)} more lines; raise store.max_size,"
                    " or replay fewer"
                )
            return account

        self._ledger.change(step)
        return len(letters)

    def purge(self, ids: Sequence[int]) -> int:
        """Delete dead letters, which count as dropped; return how many of the ids exist."""
        present = self._ledger.guard(lambda: dead_letters.present(self._db, ids))
        self._ledger.change(lambda account: dead_letters.purge(self._db, account, present))
        return len(present)

    def recent(self, *, since_ns: int, until_ns: int, after: int, max_bytes: int) -> Page:
        """Return kept lines of polls in `since_ns` ≤ time < `until_ns`, oldest first.

        Stops after the chunk that fills `max_bytes`; `after` is the `next` of the previous page.
        """
        query = (
            "SELECT id FROM chunk WHERE time_ns >= ? AND time_ns < ? AND id > ? ORDER BY id LIMIT ?"
        )
        bounds = (since_ns, until_ns, after, PAGE_CHUNKS)

        def read() -> Page | None:
            # Ids first: sorting rows with their bodies would read all of them into memory.
            numbers = [number for (number,) in self._db.execute(query, bounds).fetchall()]
            lines: list[bytes] = []
            size = 0
            for number in numbers:
                chunk = chunks.decode(self._db.execute(_CHUNK, (number,)).fetchone())
                if chunk is None:
                    return None
                settled = self._account.head_done if number == self._account.head else 0
                lines.extend(chunk.packed.lines[settled:])
                size += chunk.packed.size
                if size >= max_bytes:
                    return Page(lines, number)
            return Page(lines, numbers[-1] if len(numbers) == PAGE_CHUNKS else None)

        while (page := self._ledger.guard(read)) is None:
            quarantine(self._ledger, self._file)
        return page

    def renew(self) -> None:
        """Replace the damaged file by a new one, with everything that can still be read."""
        before = self._account
        aside = self._ledger.renew()
        # A batch of the old file may still be settled: no chunk here may have one of its ids.
        reserve = "INSERT INTO sqlite_sequence (name, seq) VALUES ('chunk', ?)"
        self._ledger.guard(lambda: self._db.execute(reserve, (self._last_taken_chunk,)))
        rescue(self._ledger, aside, before)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # -- Steps of a transaction: each takes the account and returns it changed.

    def _settle(
        self, account: Account, segment: Segment, refused: Sequence[tuple[int, bytes, str]]
    ) -> Account:
        row = self._db.execute(
            "SELECT time_ns, source, lines, size FROM chunk WHERE id = ?", (segment.chunk,)
        ).fetchone()
        if row is None:
            return account  # dropped since it was taken, and counted as dropped
        time_ns, source, lines, size = row
        settled = account.head_done if segment.chunk == account.head else 0
        (oldest, *_) = self._oldest()
        if segment.first > settled or segment.chunk != oldest:
            raise ValueError("a batch can only be settled after the lines before it")
        end = segment.first + segment.count
        if end <= settled:
            return account  # settled earlier
        now = self._clock_ns()
        dead = [
            DeadLetter(0, time_ns, now, source, reason, line)
            for index, line, reason in refused
            if segment.first + index >= settled
        ]
        account = dead_letters.bury(self._db, account, dead)
        stored = end - settled - len(dead)
        account = replace(account, stored=account.stored + stored)
        if end == lines:
            self._db.execute("DELETE FROM chunk WHERE id = ?", (segment.chunk,))
            return account.without(segment.chunk, lines, size)
        return replace(
            account, pending=account.pending - (end - settled), head=segment.chunk, head_done=end
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

    # -- Reads: a damaged row is quarantined, and the read is repeated.

    def _waiting(self, after: Batch | None) -> Iterator[tuple[Segment, Packed]]:
        """Yield the pending part of every chunk behind a batch, oldest first."""
        account = self._account
        front = after.segments[-1] if after else Segment(account.head, 0, account.head_done)
        for chunk in self._read(max(front.chunk - 1, 0)):
            first = front.first + front.count if chunk.id == front.chunk else 0
            if first < chunk.count:
                part = Packed.of(text_of(chunk.packed.lines[first:])) if first else chunk.packed
                yield Segment(chunk.id, first, chunk.count - first), part

    def _read(self, after: int) -> Iterator[Chunk]:
        """Yield every chunk with an id above `after`, oldest first."""
        while (row := self._ledger.one(_NEXT, after)) is not None:
            chunk = chunks.decode(row)
            if chunk is None:
                quarantine(self._ledger, self._file)
            else:
                after = chunk.id
                yield chunk

    def _letters(self, rows: Callable[[], Sequence[Sequence[Any]]]) -> list[DeadLetter]:
        while None in (letters := [dead_letters.decode(row) for row in self._ledger.guard(rows)]):
            quarantine(self._ledger, self._file)
        return [letter for letter in letters if letter is not None]

    def _log_overflow(self, dropped: int) -> None:
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
    """Return how many of the first lines fit, at least one, and these lines packed."""
    ends = accumulate(len(line) + 1 for line in lines[:max_lines])
    count = max(sum(end <= max_bytes for end in ends), 1)
    return count, Packed.of(text_of(lines[:count]))


def _storable(text: str) -> str:
    """Replace lone surrogates, which JSON can hold and SQLite cannot."""
    return text.encode("utf-8", "replace").decode()
