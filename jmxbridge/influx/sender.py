"""The way of the lines from the store to InfluxDB: take, write, settle; for as long as it takes.

Rule: a line leaves the store by a settled verdict and in no other way. Whatever ends this task (a
cancellation, an exception, a power cut), lines without one are taken again, and InfluxDB does not
mind an identical line twice.

One request is under way at a time, so lines arrive in the order they were sampled; meanwhile the
batch before it is booked, and the lines behind it are taken, to be taken again if it does not go as
hoped. Lines go out packed as they lie in the store; only where a batch is searched for refused
lines, by `bisect.py`, parts of it are packed anew. A verdict that concerns the server and not the
lines ends the search, and the delay is `pace.py`'s.

What a server or the way to it is too slow for would time out again, for ever. So after each timeout
requests are half as large, and grow again while they are answered.
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
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.verdict import Action, Outcome, Verdict, judge
from jmxbridge.store import Batch, DeadLine, Store, StoreError

log = logging.getLogger("jmxbridge.influx")

MAX_REASONS = 64
"""Kinds of refusals remembered, so that each is logged once and not at every poll."""

SMALLEST_BYTES = 4096
"""A limit on bodies is remembered down to this; below it the search splits, batch by batch."""

FLUSH_POLL_S = 0.05
"""How often `flush` looks at the counts of the store: nothing announces that they changed."""


class Sink(Protocol):
    """What the sender needs of a writer."""

    @property
    def url(self) -> str:
        """Where it writes to, for messages."""

    async def write(self, body: Body) -> Outcome:
        """Send line protocol; what goes wrong is an outcome, not an exception."""


class State(StrEnum):
    """What the sender is doing."""

    IDLE = "idle"
    SENDING = "sending"
    RETRYING = "retrying"
    HOLDING = "holding"


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """What the sender is doing, since when, and how to say it in one sentence.

    `stored` and `dead_lettered` count lines since the start of this process. Times are nanoseconds
    since the epoch; `next_try_ns` only while it waits after trouble.
    """

    state: State
    sentence: str
    since_ns: int
    stored: int = 0
    dead_lettered: int = 0
    requests: int = 0
    last_stored_ns: int | None = None
    next_try_ns: int | None = None


class Sender:
    """Sends what the store holds; `run` does the work, `status` tells about it."""

    def __init__(
        self,
        store: Store,
        writer: Sink,
        *,
        pace: Pace | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._writer = writer
        self._pace = pace or Pace()
        self._limit_bytes = self._pace.max_bytes  # what the server takes
        self._max_bytes = self._limit_bytes  # and what in time
        self._sleep = sleep
        self._random = random
        self._clock_ns = clock_ns
        self._attempt = 0
        self._booking: asyncio.Task[None] | None = None
        self._trouble: tuple[State, str] | None = None
        self._trouble_ns = 0
        self._reasons: OrderedDict[str, None] = OrderedDict()
        self._status = SenderStatus(State.IDLE, "no lines wait", clock_ns())

    @property
    def status(self) -> SenderStatus:
        """What the sender is doing now."""
        return self._status

    async def run(self) -> None:
        """Send until cancelled; a cancellation ends a write at once and loses nothing."""
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
            if self._booking is not None:
                await asyncio.gather(self._booking, return_exceptions=True)
                self._booking = None

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
            await self._booked()
            if stopped is not None:
                await self._wait(stopped, self._sentence(stopped))
            batch = await self._take()
        await self._booked()
        self._enter(State.IDLE, "no lines wait")

    async def _take(self, *, after: Batch | None = None) -> Batch | None:
        """Take the next lines; those behind `after` while it is under way."""
        return await self._store.take(
            max_lines=self._pace.max_lines, max_bytes=self._max_bytes, after=after
        )

    async def _deliver(self, batch: Batch) -> tuple[int, Verdict | None]:
        """Send a batch and book what was decided; how many lines, and the verdict that stopped."""
        if self._trouble is None:
            self._enter(State.SENDING, f"sending to {self._writer.url}")
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
        await self._booked()
        if search.decided:
            front = batch.first(search.decided)
            self._booking = asyncio.create_task(self._book(front, search.dead))
        return search.decided, search.stopped

    async def _booked(self) -> None:
        """Wait until what was decided is booked; raises what went wrong with that."""
        booking, self._booking = self._booking, None
        if booking is not None:
            await booking

    async def _book(self, batch: Batch, dead: list[DeadLine]) -> None:
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
            self._say_refused(batch.lines[line.index], line.reason)

    async def _wait(self, verdict: Verdict, sentence: str) -> None:
        delay_s = self._pace.delay_s(verdict, self._attempt, self._random)
        self._attempt += 1
        state = State.HOLDING if verdict.action is Action.HOLD else State.RETRYING
        if self._trouble != (state, verdict.cause):
            level = logging.ERROR if state is State.HOLDING else logging.WARNING
            log.log(level, "%s; lines stay in the store until it is well", sentence)
        if self._trouble is None:
            self._trouble_ns = self._clock_ns()
        self._trouble = (state, verdict.cause)
        self._enter(state, sentence, next_try_ns=self._clock_ns() + int(delay_s * 1e9))
        await self._sleep(delay_s)

    def _sentence(self, verdict: Verdict) -> str:
        status = f"{verdict.cause}, " if verdict.cause.isdigit() else ""
        words = f" ({verdict.words})" if verdict.words else ""
        return f"{self._writer.url}: {status}{verdict.sentence}{words}"

    def _recovered(self) -> None:
        if self._trouble is None:
            return
        self._trouble = None
        seconds = (self._clock_ns() - self._trouble_ns) / 1e9
        log.warning("%s takes lines again, after %.0f s", self._writer.url, seconds)
        self._enter(State.SENDING, f"sending to {self._writer.url}")

    def _enter(self, state: State, sentence: str, *, next_try_ns: int | None = None) -> None:
        changed = state is not self._status.state
        self._status = replace(
            self._status,
            state=state,
            sentence=sentence,
            since_ns=self._clock_ns() if changed else self._status.since_ns,
            next_try_ns=next_try_ns,
        )

    def _say_refused(self, line: bytes, reason: str) -> None:
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
    """Tell whether fewer lines might have been taken in time; 1.8 gives up by itself after 10 s."""
    return verdict.action is Action.RETRY and "timeout" in (verdict.cause, verdict.words)
