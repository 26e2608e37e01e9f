"""Intake of the store: accepts polls even while the store refuses them.

Rule: an accepted poll is appended, or held in memory, or counted as lost; nothing else happens to
it, and no failure of the store is an error of the poll.

A full disk, a damaged page or a spool at its bound makes the store refuse. Polls then wait in
memory, in order, up to a bound; above it a whole poll is discarded and counted: the oldest, as in
the spool itself, or the newest if the spool is set to pause. Every later poll tries again, so the
store recovers without help. Held polls are not durable, so this state is an error, logged once.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from jmxbridge.store.errors import StoreError, StorePaused
from jmxbridge.store.store import Store

log = logging.getLogger("jmxbridge.store")

HELD_BYTES = 16 * 1024 * 1024
"""Some minutes of a large cluster, time to free some space; and little memory."""

LINE_COST = 96
"""Bytes of memory a line takes in addition to its content: object header and list entry."""


@dataclass(frozen=True, slots=True)
class HeldPoll:
    """One poll's lines until they are appended."""

    lines: Sequence[bytes]
    time_ns: int
    source: str
    size: int


class Intake:
    """Accepts polls for one store; `error` is the store's error while it refuses them."""

    def __init__(self, store: Store, *, max_held_bytes: int = HELD_BYTES) -> None:
        self._store = store
        self._max_held_bytes = max_held_bytes
        self._held: deque[HeldPoll] = deque()
        self._task: asyncio.Task[None] | None = None
        self._losing = False
        self.error: StoreError | None = None
        self.held = 0
        self.held_bytes = 0
        self.lost = 0

    @property
    def paused(self) -> bool:
        """Whether polls should not be made: the spool is at its bound and set to pause."""
        return isinstance(self.error, StorePaused)

    async def put(self, lines: Sequence[bytes], *, time_ns: int, source: str) -> None:
        """Append one poll and those held before it; it is then stored, held or counted as lost.

        Without lines it only tries to append the held polls. A cancelled call continues until
        `close`.
        """
        if lines:
            self._hold(
                HeldPoll(lines, time_ns, source, sum(map(len, lines)) + LINE_COST * len(lines))
            )
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        await asyncio.shield(self._task)
        self._bound()

    async def close(self) -> None:
        """Try a last time; polls that the store refuses now are lost, and counted."""
        await self.put((), time_ns=0, source="")
        if self.held:
            log.error("%d lines were held in memory and are lost: %s", self.held, self.error)
            self.lost += self.held
            self._held.clear()
            self.held = self.held_bytes = 0

    async def _drain(self) -> None:
        while self._held:
            poll = self._held[0]
            try:
                await self._store.append(poll.lines, time_ns=poll.time_ns, source=poll.source)
            except StoreError as exc:
                self._set_error(exc)
                return
            except ValueError:
                log.exception("a poll of %s cannot be stored", poll.source)
                self.lost += len(poll.lines)
            self._release(self._held.popleft())
        self._set_error(None)

    def _hold(self, poll: HeldPoll) -> None:
        self._held.append(poll)
        self.held += len(poll.lines)
        self.held_bytes += poll.size

    def _bound(self) -> None:
        """Discard whole polls above the bound; never while one is being appended."""
        while self.held_bytes > self._max_held_bytes and self._task and self._task.done():
            poll = self._held.pop() if self.paused else self._held.popleft()
            self._release(poll)
            self.lost += len(poll.lines)
            if not self._losing:
                self._losing = True
                log.error("memory for held polls is full: polls are lost, and counted")

    def _release(self, poll: HeldPoll) -> None:
        self.held -= len(poll.lines)
        self.held_bytes -= poll.size

    def _set_error(self, error: StoreError | None) -> None:
        if error is not None and type(error) is not type(self.error):
            log.error("%s; polls are held in memory and are NOT durable", error)
        if error is None and self.error is not None:
            log.warning("%s accepts polls again; lines lost: %d", self._store.path, self.lost)
            self._losing = False
        self.error = error
