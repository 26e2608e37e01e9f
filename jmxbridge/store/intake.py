"""The door of the store: polls go in here, also while the store takes none.

Rule: a poll that comes in is appended, or held in memory, or counted as lost; nothing else happens
to it, and nothing that happens to the store is an error of the poll.

A full disk, a damaged page or a spool at its bound makes the store refuse. Polls then wait in
memory, in order, up to a bound; above it one is given up, whole, and counted: the oldest, as in
the spool itself, or the newest where the spool is told to pause. Every later poll tries again, so
the state mends itself. What is held is not durable, which is why the state is an error, said once.
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
"""Some minutes of a large cluster, time to free some space; and no strain on memory."""

LINE_COST = 96
"""What a line takes in memory beside its bytes: the object's head and its place in a list."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One poll's lines on their way in."""

    lines: Sequence[bytes]
    time_ns: int
    source: str
    size: int


class Intake:
    """Takes polls for one store. `error` is what the store says while it takes none."""

    def __init__(self, store: Store, *, max_held_bytes: int = HELD_BYTES) -> None:
        self._store = store
        self._max_held_bytes = max_held_bytes
        self._held: deque[Parcel] = deque()
        self._task: asyncio.Task[None] | None = None
        self._losing = False
        self.error: StoreError | None = None
        self.held = 0
        self.held_bytes = 0
        self.lost = 0

    @property
    def paused(self) -> bool:
        """Whether polls should not be made: the spool is at its bound, and told to pause."""
        return isinstance(self.error, StorePaused)

    async def put(self, lines: Sequence[bytes], *, time_ns: int, source: str) -> None:
        """Append one poll, and what waited before it; the poll is in the store, held or counted.

        With no lines it only tries again what is held. A cancelled call goes on until `close`.
        """
        if lines:
            self._hold(
                Parcel(lines, time_ns, source, sum(map(len, lines)) + LINE_COST * len(lines))
            )
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        await asyncio.shield(self._task)
        self._bound()

    async def close(self) -> None:
        """Try a last time; what the store does not take now is lost, and counted."""
        await self.put((), time_ns=0, source="")
        if self.held:
            log.error("%d lines were held in memory and are lost: %s", self.held, self.error)
            self.lost += self.held
            self._held.clear()
            self.held = self.held_bytes = 0

    async def _drain(self) -> None:
        while self._held:
            parcel = self._held[0]
            try:
                await self._store.append(parcel.lines, time_ns=parcel.time_ns, source=parcel.source)
            except StoreError as exc:
                self._note(exc)
                return
            except ValueError:
                log.exception("a poll of %s cannot be stored", parcel.source)
                self.lost += len(parcel.lines)
            self._let_go(self._held.popleft())
        self._note(None)

    def _hold(self, parcel: Parcel) -> None:
        self._held.append(parcel)
        self.held += len(parcel.lines)
        self.held_bytes += parcel.size

    def _bound(self) -> None:
        """Give up whole polls above the bound; never while one is being appended."""
        while self.held_bytes > self._max_held_bytes and self._task and self._task.done():
            parcel = self._held.pop() if self.paused else self._held.popleft()
            self._let_go(parcel)
            self.lost += len(parcel.lines)
            if not self._losing:
                self._losing = True
                log.error("memory for held polls is full: polls are being lost, and counted")

    def _let_go(self, parcel: Parcel) -> None:
        self.held -= len(parcel.lines)
        self.held_bytes -= parcel.size

    def _note(self, error: StoreError | None) -> None:
        if error is not None and type(error) is not type(self.error):
            log.error("%s; polls are held in memory and are NOT durable", error)
        if error is None and self.error is not None:
            log.warning("%s takes polls again; lines lost: %d", self._store.path, self.lost)
            self._losing = False
        self.error = error
