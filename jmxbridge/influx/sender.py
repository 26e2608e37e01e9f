"""Sender of spooled lines to InfluxDB: take, write, settle, until the spool is empty.

Rule: a line leaves the spool only by a settled verdict. Whatever ends this task (a cancellation, an
exception, a power cut), lines without a verdict are taken again, and InfluxDB accepts an identical
line twice.

One request is under way at a time, so lines arrive in the order they were sampled. Meanwhile the
previous batch is settled and the next one is taken; it is taken again if the request does not store
all its lines. Lines are sent packed as they are in the store; only the parts of a batch that
`bisect.py` searches for refused lines are packed again. A verdict about the server, not about the
lines, ends the search; `pace.py` sets the delay.

A request that is too large for a slow server or network would time out again and again. So after
each timeout requests are half as large, and grow again while they are answered.
"""

import asyncio
import logging
import random
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from jmxbridge.influx.bisect import Bisection
from jmxbridge.influx.body import Body, PackedBody
from jmxbridge.influx.outcome import Outcome
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.verdict import Action, Verdict, judge
from jmxbridge.store import Batch, DeadLine, Store, StoreError

log = logging.getLogger("jmxbridge.influx")

MAX_REASONS = 64
"""Kinds of refusals remembered, so that each is logged once and not for every poll."""

SMALLEST_BYTES = 4096
"""Smallest limit on bodies that is remembered; below it the search splits batch by batch."""

FLUSH_POLL_S = 0.05
"""Pause between two looks of `flush` at the store's counts: nothing announces a change."""


class LineWriter(Protocol):
    """The part of a writer that the sender uses."""

    @property
    def url(self) -> str:
        """URL of the server, for messages."""

    async def write(self, body: Body) -> Outcome:
        """Send line protocol; a fault is an outcome, not an exception."""


class SenderState(StrEnum):
    """Activity of the sender."""

    IDLE = "idle"
    SENDING = "sending"
    RETRYING = "retrying"
    HOLDING = "holding"


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """Activity of the sender, since when, and a text about it.

    `stored` and `dead_lettered` count lines since the start of this process. Times are nanoseconds
    since the epoch; `next_try_ns` is set only during a wait after a failure.
    """

    state: SenderState
    text: str
    since_ns: int
    stored: int = 0
    dead_lettered: int = 0
    requests: int = 0
    last_stored_ns: int | None = None
    next_try_ns: int | None = None


class Sender:
    """Sends the lines of a store: `run` does the work, `status` describes it."""

    def __init__(
        self,
        store: Store,
        writer: LineWriter,
        *,
        pace: Pace | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._writer = writer
        self._pace = pace or Pace()
        self._limit_bytes = self._pace.max_bytes  # what the server accepts
        self._max_bytes = self._limit_bytes  # what it also answers in time
        self._sleep = sleep
        self._random = random
        self._clock_ns = clock_ns
        self._attempt = 0
        self._settling: asyncio.Task[None] | None = None
        self._failure: tuple[SenderState, str] | None = None
        self._failure_ns = 0
        self._reasons: OrderedDict[str, None] = OrderedDict()
        self._status = SenderStatus(SenderState.IDLE, "no lines are pending", clock_ns())

    @property
    def status(self) -> SenderStatus:
        """Current activity of the sender."""
        return self._status

    async def run(self) -> None:
        """Send until cancelled; a cancellation ends a write at once and loses no line."""
        while True:
            try:
                await self._store.wait_for_pending()
                await self._sleep(self._pace.linger_s)
                await self._drain()
            except StoreError as exc:
                await self._wait(Verdict(Action.RETRY, "store"), str(exc))

    async def flush(self, timeout_s: float) -> None:
        """Wait until nothing is pending, sender or store are in trouble, or the time is up.

        `run` must be running in another task.
        """
        with suppress(TimeoutError, StoreError):
            async with asyncio.timeout(timeout_s):
                while self._status.next_try_ns is None:
                    if not (await self._store.counts()).pending:
                        return
                    await asyncio.sleep(FLUSH_POLL_S)

    async def _drain(self) -> None:
        try:
            await self._send_all()
        finally:
            if self._settling is not None:
                await asyncio.gather(self._settling, return_exceptions=True)
                self._settling = None

    async def _send_all(self) -> None:
        batch = await self._take()
        while batch is not None:
            following = asyncio.create_task(self._take(after=batch))
            try:
                limit = self._max_bytes
                decided, stopped = await self._deliver(batch)
                if decided == batch.count and self._max_bytes == limit:
                    batch = await following
                    continue
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
            await self._settled()
            if stopped is not None:
                await self._wait(stopped, self._describe(stopped))
            batch = await self._take()
        await self._settled()
        self._enter(SenderState.IDLE, "no lines are pending")

    async def _take(self, *, after: Batch | None = None) -> Batch | None:
        """Take the next lines; with `after`, the lines behind that batch."""
        return await self._store.take(
            max_lines=self._pace.max_lines, max_bytes=self._max_bytes, after=after
        )

    async def _deliver(self, batch: Batch) -> tuple[int, Verdict | None]:
        """Send a batch and settle its decided lines.

        Returns how many lines were decided, and the verdict that stopped the search, if any.
        """
        if self._failure is None:
            self._enter(SenderState.SENDING, f"sending to {self._writer.url}")
        search = Bisection(batch.count, budget=self._pace.budget)
        while (part := search.part) is not None:
            if len(part) == batch.count:
                body: Body = PackedBody(batch.parts)
            else:
                body = Body.of(batch.lines[part.start : part.stop])
            verdict = judge(await self._writer.write(body), now=self._now())
            self._status = replace(self._status, requests=self._status.requests + 1)
            too_large = verdict.action is Action.TOO_LARGE and len(part) > 1
            if too_large and body.size // 2 >= SMALLEST_BYTES:
                self._limit_bytes = self._max_bytes = body.size // 2
                break
            if is_slow(verdict):
                self._max_bytes = min(self._max_bytes, max(body.size // 2, SMALLEST_BYTES))
            search.answer(verdict)
        if search.decided == batch.count and not search.dead:
            self._max_bytes = min(self._limit_bytes, self._max_bytes * 9 // 8)
        await self._settled()
        if search.decided:
            front = batch.first(search.decided)
            self._settling = asyncio.create_task(self._settle(front, search.dead))
        return search.decided, search.stopped

    async def _settled(self) -> None:
        """Wait until the decided lines are settled; raises StoreError."""
        booking, self._settling = self._settling, None
        if booking is not None:
            await booking

    async def _settle(self, batch: Batch, dead: list[DeadLine]) -> None:
        await self._store.settle(batch, dead)
        stored = batch.count - len(dead)
        self._attempt = 0
        self._status = replace(
            self._status,
            stored=self._status.stored + stored,
            dead_lettered=self._status.dead_lettered + len(dead),
            last_stored_ns=self._clock_ns() if stored else self._status.last_stored_ns,
        )
        self._recovered()
        for line in dead:
            self._log_refused(batch.lines[line.index], line.reason)

    async def _wait(self, verdict: Verdict, text: str) -> None:
        delay_s = self._pace.delay_s(verdict, self._attempt, self._random)
        self._attempt += 1
        state = SenderState.HOLDING if verdict.action is Action.HOLD else SenderState.RETRYING
        if self._failure != (state, verdict.cause):
            level = logging.ERROR if state is SenderState.HOLDING else logging.WARNING
            log.log(level, "%s; lines stay in the spool until they can be sent", text)
        if self._failure is None:
            self._failure_ns = self._clock_ns()
        self._failure = (state, verdict.cause)
        self._enter(state, text, next_try_ns=self._clock_ns() + int(delay_s * 1e9))
        await self._sleep(delay_s)

    def _describe(self, verdict: Verdict) -> str:
        status = f"{verdict.cause}, " if verdict.cause.isdigit() else ""
        message = f" ({verdict.message})" if verdict.message else ""
        return f"{self._writer.url}: {status}{verdict.text}{message}"

    def _recovered(self) -> None:
        if self._failure is None:
            return
        self._failure = None
        seconds = (self._clock_ns() - self._failure_ns) / 1e9
        log.warning("%s accepts lines again, after %.0f s", self._writer.url, seconds)
        self._enter(SenderState.SENDING, f"sending to {self._writer.url}")

    def _enter(self, state: SenderState, text: str, *, next_try_ns: int | None = None) -> None:
        changed = state is not self._status.state
        self._status = replace(
            self._status,
            state=state,
            text=text,
            since_ns=self._clock_ns() if changed else self._status.since_ns,
            next_try_ns=next_try_ns,
        )

    def _log_refused(self, line: bytes, reason: str) -> None:
        kind = re.sub(r"'.*'|\d+", "#", reason)  # the line and its numbers differ at every poll
        known = kind in self._reasons
        self._reasons[kind] = None
        self._reasons.move_to_end(kind)
        if len(self._reasons) > MAX_REASONS:
            self._reasons.popitem(last=False)
        if not known:
            text = line[:200].decode("utf-8", "replace")
            log.error("InfluxDB refused a line, now a dead letter (%s): %s", reason, text)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock_ns() / 1e9, UTC)


def is_slow(verdict: Verdict) -> bool:
    """Tell whether a smaller request might be in time; 1.8 itself reports a timeout after 10 s."""
    return verdict.action is Action.RETRY and "timeout" in (verdict.cause, verdict.message)
