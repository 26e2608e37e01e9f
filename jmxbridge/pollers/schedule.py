"""The interval's grid: the instants at which polls are due, and their timestamps.

Rule: a poll's timestamp is the instant at which it was due, a whole multiple of the interval since
the Unix epoch. All targets and the lag poll share the grid, so their series line up, and a repeated
poll overwrites itself.

Many targets due at one instant would all be read at once and then wait for each other's lines. So
each target starts a step later than the one before it; its values still get the timestamp of the
instant.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from jmxbridge.mbeans.rule import Rule
from jmxbridge.times import NS

SPREAD_STEP_NS = NS // 20
"""The time 1,200 MBeans take on a busy core: the next target starts when the one before it is
stored."""

SPREAD_SHARE = 0.4
"""The part of an interval over which targets are spread: values may be this much younger than their
timestamp, and slow targets need the rest."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One instant of the grid in nanoseconds since the epoch, and the number missed before it.

    Instants are missed while the previous poll still runs: polls never overlap and never queue.
    `offset_ns` is the time from the instant to the start of the poll.
    """

    due_ns: int
    skipped: int
    offset_ns: int = 0


def due_after(now_ns: int, interval_ns: int) -> int:
    """Return the first instant of the grid after `now_ns`."""
    return (now_ns // interval_ns + 1) * interval_ns


def last_due(now_ns: int, interval_ns: int) -> int:
    """Return the last instant of the grid at or before `now_ns`."""
    return now_ns // interval_ns * interval_ns


def is_due(due_ns: int, *, interval_ns: int, every_ns: int) -> bool:
    """Tell whether a rule with `every_ns` is read at this tick.

    It is read if a multiple of `every_ns` lies in the interval that ends with the tick. That is
    exact if `every` is a multiple of the interval, and at most one interval late if it is not.
    """
    return due_ns // every_ns != (due_ns - interval_ns) // every_ns


@dataclass(frozen=True, slots=True)
class RuleSchedule:
    """The rules of one target; a rule with `every` is not read at each tick."""

    rules: Sequence[Rule]
    interval_ns: int

    def due(self, due_ns: int) -> list[Rule]:
        """Return the rules to read at this tick."""
        return [
            rule
            for rule in self.rules
            if rule.every_s is None
            or is_due(due_ns, interval_ns=self.interval_ns, every_ns=round(rule.every_s * NS))
        ]


def spread_ns(index: int, interval_ns: int) -> int:
    """Return the offset at which the target of an index starts; the first one has none."""
    return index * SPREAD_STEP_NS % max(1, round(interval_ns * SPREAD_SHARE))


async def ticks(
    interval_ns: int,
    *,
    offset_ns: int = 0,
    clock_ns: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Tick]:
    """Yield each instant of the grid, `offset_ns` after it, without an end.

    The wall clock is read for every tick, so a step of the clock costs at most one interval; a step
    back repeats instants, whose points overwrite themselves. The clock is read once more after the
    wait: if it was set meanwhile, or the machine slept, the tick is the last instant before now, so
    that a new value never gets a timestamp that is hours old or in the future.
    """
    previous: int | None = None
    while True:
        now_ns = clock_ns()
        due_ns = due_after(now_ns - offset_ns, interval_ns)
        if due_ns == previous:  # the timer fired slightly before the wall clock reached the instant
            due_ns += interval_ns
        await sleep((due_ns + offset_ns - now_ns) / NS)
        woken_ns = clock_ns() - offset_ns
        if abs(woken_ns - due_ns) >= interval_ns:
            due_ns = last_due(woken_ns, interval_ns)
        skipped = 0
        if previous is not None and due_ns > previous:
            skipped = (due_ns - previous) // interval_ns - 1
        previous = due_ns
        yield Tick(due_ns, skipped, offset_ns)
