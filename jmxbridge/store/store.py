"""Interface of the store: coroutines over SQLite on one thread.

Rule: only the store's thread uses SQLite. An fsync takes milliseconds on a good disk and seconds on
a bad one, and polling must not wait for it.

A file that turns out to be damaged while it is open is set aside by the next call, which continues
in a new one with everything that could still be read.

A cancelled call still runs to its end on the thread: its append may be durable although the caller
does not know, which is harmless, for InfluxDB accepts an identical line twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from jmxbridge.store.dead_letters import MAX_DEAD_BYTES
from jmxbridge.store.errors import StoreDamaged, StoreError
from jmxbridge.store.file import StoreFile
from jmxbridge.store.spool import Spool
from jmxbridge.store.values import Batch, Counts, DeadLetter, DeadLine, Page

T = TypeVar("T")

PAGE_BYTES = 4 * 1024 * 1024
"""Bytes of lines in one page: an hour of a large target, and little memory."""


class Store:
    """The spool of lines on their way to InfluxDB, and their only place without InfluxDB."""

    def __init__(self, path: Path, spool: Spool, thread: ThreadPoolExecutor) -> None:
        self.path = path
        self._spool = spool
        self._thread = thread
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._closed = False
        self._damaged = False

    def __repr__(self) -> str:
        return f"<Store {self.path} pending={self._spool.pending}>"

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        max_bytes: int,
        retain_s: float | None,
        pause_when_full: bool = False,
        max_dead_bytes: int = MAX_DEAD_BYTES,
    ) -> "Store":
        """Open or create the store at `path`, for this process alone.

        `max_bytes` bounds the pending lines: above it the oldest are dropped, and counted, or
        with `pause_when_full` an append raises StorePaused. With
        `retain_s` (no InfluxDB) lines stay until they are that old, measured by the newest append;
        None (InfluxDB) keeps them until they are settled. Raises StoreError: StoreLocked names the
        process that has it, StoreForeign a newer schema, StoreUnwritable what to set right. A
        damaged file is set aside, with an error in the log, and a new one begun with what can
        still be read of it.
        """

        def start() -> Spool:
            file = StoreFile.open(path)
            try:
                return Spool(
                    file,
                    max_bytes=max_bytes,
                    retain_s=retain_s,
                    pause_when_full=pause_when_full,
                    max_dead_bytes=max_dead_bytes,
                )
            except BaseException:
                file.close()
                raise

        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jmxbridge-store")
        try:
            spool = await asyncio.get_running_loop().run_in_executor(thread, start)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(path, spool, thread)

    async def __aenter__(self) -> "Store":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def append(self, lines: Sequence[bytes], *, time_ns: int, source: str) -> None:
        """Append one poll's lines in one transaction; they are durable when this returns.

        `time_ns` is the poll's time on the grid; `source` names the poller, for dead letters.
        Raises ValueError for an empty line or one with a newline in it, and StoreError (StoreFull
        if the disk is full); then no line of this poll was appended.
        """

        def append() -> None:
            self._spool.append(lines, time_ns=time_ns, source=source)
            with suppress(RuntimeError):  # the loop is closed, so no task waits
                self._loop.call_soon_threadsafe(self._arrived.set)

        await self._run(append)

    async def take(
        self, *, max_lines: int, max_bytes: int, after: Batch | None = None
    ) -> Batch | None:
        """Return the oldest pending lines, at least one; None if no line is pending.

        With `after`, the lines behind that batch, which is not settled yet. Lines stay pending
        until they are settled, and are taken again until then.
        """
        return await self._run(
            lambda: self._spool.take(max_lines=max_lines, max_bytes=max_bytes, after=after)
        )

    async def settle(self, batch: Batch, dead: Sequence[DeadLine]) -> None:
        """Account for a batch in one transaction: `dead` become dead letters, the rest is stored.

        Settle the decided front of a batch with `batch.first(n)`. Raises ValueError if lines
        before the batch are still pending.
        """
        await self._run(lambda: self._spool.settle(batch, dead))

    async def wait_for_pending(self) -> None:
        """Return as soon as a line is pending."""
        self._arrived.clear()
        # Appends count before they set the event: one that came before the clear is counted.
        while not self._spool.pending:
            await self._arrived.wait()
            self._arrived.clear()

    async def counts(self) -> Counts:
        """Return the number of lines by where they are; see `Counts`."""
        return await self._run(lambda: self._spool.counts())

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Return the newest dead letters, newest first."""
        return await self._run(lambda: self._spool.dead_letters(limit))

    async def replay(self, ids: Sequence[int]) -> int:
        """Append the lines of dead letters to the spool in one transaction.

        They keep their bytes and times. Returns how many of the ids exist; raises StorePaused if
        there is no room for them.
        """
        return await self._run(lambda: self._spool.replay(ids))

    async def purge(self, ids: Sequence[int]) -> int:
        """Delete dead letters in one transaction; return how many of the ids exist."""
        return await self._run(lambda: self._spool.purge(ids))

    async def recent(
        self, *, since_ns: int, until_ns: int, after: int = 0, max_bytes: int = PAGE_BYTES
    ) -> Page:
        """Return kept lines of polls in `since_ns` ≤ time < `until_ns`, oldest first, page by page.

        `after` is the `next` of the previous page.
        """
        return await self._run(
            lambda: self._spool.recent(
                since_ns=since_ns, until_ns=until_ns, after=after, max_bytes=max_bytes
            )
        )

    async def close(self) -> None:
        """Finish the running call, then close the file and release its lock; idempotent."""
        if self._closed:
            return
        self._closed = True
        await self._loop.run_in_executor(self._thread, self._spool.close)
        self._thread.shutdown(wait=False)

    async def _run(self, call: Callable[[], T]) -> T:
        if self._closed:
            raise StoreError(f"{self.path}: the store is closed")

        def guarded() -> T:
            if self._damaged:
                self._spool.renew()
                self._damaged = False
            try:
                return call()
            except StoreDamaged:
                self._damaged = True
                raise

        return await self._loop.run_in_executor(self._thread, guarded)
