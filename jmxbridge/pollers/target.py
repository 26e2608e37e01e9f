"""The poller of one JVM: every poll ends with points, also when the JVM is down.

Rule: no failure of a target leaves this file. A failed fetch becomes `up=0` with its error class,
is logged when it begins and when it ends, and affects no other target.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jmxbridge.jmx.errors import JmxError
from jmxbridge.mbeans.points import PointMaker, Points
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.plural import counted
from jmxbridge.point import FieldValue, Point
from jmxbridge.pollers.backoff import Backoff
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.schedule import RuleSchedule, Tick
from jmxbridge.times import NS
from jmxbridge.transports.transport import Transport

log = logging.getLogger(__name__)

MEASUREMENT = "jmxbridge_target"


@dataclass(frozen=True, slots=True)
class Fetched:
    """The readings of one poll, and the rules that were read."""

    readings: Sequence[Reading]
    rules: Sequence[Rule]


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """Why a poll read nothing."""

    error_class: str
    message: str


class ReadingListener(Protocol):
    """Is told what the polls of targets read, for example by a register of consumers."""

    def learn(
        self,
        target: str,
        readings: Sequence[Reading],
        rules: Sequence[Rule],
        *,
        time_ns: int,
        host: str | None,
    ) -> None:
        """A poll read `rules`; `host` is the address of the JVM, None if unknown."""

    def lose(self, target: str, why: str) -> None:
        """A poll read nothing."""

    def forget(self, target: str) -> None:
        """The target is polled no more."""


class Target:
    """Polls one JVM through a transport.

    `point_maker` has the tags of all points. A poll has `deadline_s` from the instant it was due.
    `clock_s` is a monotonic clock in seconds. Each of `listeners` is told about every poll.
    """

    pausable = True
    is_spread = True
    is_timed = True

    def __init__(
        self,
        name: str,
        *,
        transport: Transport,
        rules: RuleSchedule,
        point_maker: PointMaker,
        deadline_s: float,
        backoff: Backoff,
        clock_s: Callable[[], float] = time.monotonic,
        listeners: Sequence[ReadingListener] = (),
    ) -> None:
        self.name = name
        self.line = StatusLine(name, Health.WAITING, "not polled yet")
        self._transport = transport
        self._rules = rules
        self._point_maker = point_maker
        self._deadline_s = deadline_s
        self._backoff = backoff
        self._clock_s = clock_s
        self._listeners = tuple(listeners)
        self._answered_ns: int | None = None
        self._failure: FetchFailure | None = None

    async def poll(self, tick: Tick) -> Sequence[Point]:
        """Read the rules that are due and return their points, all with the tick's timestamp.

        The last point is the target's own, `jmxbridge_target`: `up`, and if that is 0, `error` with
        the class of the failure; `age_seconds` since the last poll that was answered. Raises
        nothing for failures of the target.
        """
        started_s = self._clock_s()
        outcome = await self._fetch(tick, started_s)
        read_ms = (self._clock_s() - started_s) * 1000
        if isinstance(outcome, FetchFailure):
            self._note_failure(outcome)
            for listener in self._listeners:
                listener.lose(self.name, outcome.message)
            return (self._own_point(tick, read_ms, failed_fields(outcome)),)
        self._answered_ns = tick.due_ns
        for listener in self._listeners:
            listener.learn(
                self.name,
                outcome.readings,
                outcome.rules,
                time_ns=tick.due_ns,
                host=self._transport.peer_host,
            )
        made = self._point_maker.points(outcome.readings, time_ns=tick.due_ns)
        self._note_success(len(outcome.readings), len(made.points), read_ms)
        fields = self._read_fields(len(outcome.readings), made)
        return [*made.points, self._own_point(tick, read_ms, fields)]

    async def close(self) -> None:
        """Close the connection to the JVM."""
        for listener in self._listeners:
            listener.forget(self.name)
        await self._transport.close()

    async def _fetch(self, tick: Tick, started_s: float) -> Fetched | FetchFailure:
        if self._failure is not None and not self._backoff.may_try(started_s):
            return self._failure
        rules = self._rules.due(tick.due_ns)
        deadline_s = self._deadline_s - tick.offset_ns / NS
        try:
            async with asyncio.timeout(deadline_s):
                readings = await self._transport.fetch(rules)
        except TimeoutError:
            failure = FetchFailure("timeout", f"no answer within {deadline_s:g} s")
        except JmxError as exc:
            failure = FetchFailure(exc.error_class, str(exc))
        else:
            self._backoff.succeeded()
            return Fetched(readings, rules)
        self._backoff.failed(self._clock_s())
        return failure

    def _note_failure(self, failure: FetchFailure) -> None:
        before, self._failure = self._failure, failure
        self.line = StatusLine(self.name, Health.DOWN, f"{failure.error_class}: {failure.message}")
        if before is None or before.error_class != failure.error_class:
            log.warning("target %s: down: %s", self.name, failure.message)

    def _note_success(self, mbeans: int, points: int, read_ms: float) -> None:
        text = f"{counted(mbeans, 'MBean')}, {counted(points, 'point')} in {read_ms:.0f} ms"
        if self._failure is not None or self.line.health is Health.WAITING:
            log.info("target %s: up: %s", self.name, text)
        self._failure = None
        self.line = StatusLine(self.name, Health.FINE, text)

    def _own_point(self, tick: Tick, read_ms: float, fields: dict[str, FieldValue]) -> Point:
        fields |= {"read_ms": read_ms, "skipped_ticks": tick.skipped}
        if self._answered_ns is not None:
            fields["age_seconds"] = (tick.due_ns - self._answered_ns) / NS
        return Point(MEASUREMENT, self._point_maker.tags, fields, tick.due_ns)

    def _read_fields(self, mbeans: int, made: Points) -> dict[str, FieldValue]:
        return {
            "up": 1,
            "mbeans": mbeans,
            "values": sum(len(point.fields) for point in made.points),
            "dropped_nonfinite": made.dropped_nonfinite,
            "dropped_type": made.dropped_type,
            "duplicates": made.duplicates,
            "series_limited": self._transport.series_limited,
            **self._transport.costs,
        }


def failed_fields(failure: FetchFailure) -> dict[str, FieldValue]:
    """Return the fields of a poll that read nothing."""
    return {"up": 0, "error": failure.error_class}
