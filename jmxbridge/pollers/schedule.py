"""The interval's grid: when a poll is due, and what its timestamp is.

Rule: a poll's timestamp is the instant at which it was due, a whole multiple of the interval since
the Unix epoch. Every target and the lag poll share the grid, so their series line up and a poll
that is repeated overwrites itself.

Many targets due at one instant would be read all at once and then wait for each other's lines, so
each begins a step later than the one before it; what it reads has the instant's timestamp.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from jmxbridge.mbeans.rule import Rule
from jmxbridge.times import NS

# What 1,200 MBeans take of a busy core: the next target begins when the one before it is written.
SPREAD_STEP_NS = NS // 20
# Of an interval: values may be this much younger than their timestamp, and slow targets need time.
SPREAD_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Tick:
    """One instant of the grid, in nanoseconds since the epoch, and how many before it were missed.

    Instants pass unused while the previous poll still runs: polls never overlap and never queue.
    `offset_ns` is how long after the instant the poll begins.
    """

    due_ns: int
    skipped: int
    offset_ns: int = 0


def due_after(now_ns: int, interval_ns: int) -> int:
    """Return the first instant of the grid after `now_ns`."""
    return (now_ns // interval_ns + 1) * interval_ns


def last_due(now_ns: int, interval_ns: int) -> int:
    """Return the instant of the grid at or before `now_ns`."""
    return now_ns // interval_ns * interval_ns


def is_due(due_ns: int, *, interval_ns: int, every_ns: int) -> bool:
    """Tell whether something read every `every_ns` is read at this tick.

    It is when a multiple of `every_ns` lies in the interval that ends with the tick: exact where
    `every` is a multiple of the interval, at most one interval late elsewhere.
    """
    return due_ns // every_ns != (due_ns - interval_ns) // every_ns


@dataclass(frozen=True, slots=True)
class RuleSchedule:
    """The rules of one target; those with `every` are read more seldom than at each tick."""

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
    """Return how long after an instant the target of that index begins: the first one at once."""
    return index * SPREAD_STEP_NS % max(1, round(interval_ns * SPREAD_SHARE))


async def ticks(
    interval_ns: int,
    *,
    offset_ns: int = 0,
    clock_ns: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Tick]:
    """Yield each instant of the grid when it comes, or so much later, for ever.

    The wall clock is read afresh for every tick, so a step of the clock costs one interval at the
    most; a step back repeats instants, whose points overwrite themselves. It is read again after
    the wait: where it was set meanwhile, or the machine slept, the tick is the instant before now,
    for what is read now must have neither the time of hours ago nor one that is still to come.
    """
    previous: int | None = None
    while True:
        now_ns = clock_ns()
        due_ns = due_after(now_ns - offset_ns, interval_ns)
        if due_ns == previous:  # the timer woke a little before the wall clock said so
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
