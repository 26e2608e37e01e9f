"""One JVM on the interval's grid: every poll ends with points, also when the JVM is away.

Rule: whatever happens to a target ends here. A failed fetch becomes `up=0` with its error class,
is logged when it begins and when it ends, and leaves the other targets alone.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jmxbridge.jmx.errors import JmxError
from jmxbridge.mbeans.consumers import Consumers
from jmxbridge.mbeans.points import PointMaker, Points, as_it_is
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.point import FieldValue, Point
from jmxbridge.pollers.backoff import Backoff
from jmxbridge.pollers.health import Health, StatusLine, counted
from jmxbridge.pollers.schedule import Tick, is_due
from jmxbridge.times import NS
from jmxbridge.transports.transport import Transport

log = logging.getLogger(__name__)

MEASUREMENT = "jmxbridge_target"


@dataclass(frozen=True, slots=True)
class PollFailure:
    """Why nothing was read at this poll."""

    error_class: str
    sentence: str


class Target:
    """Polls one JVM through a transport.

    A poll has until `deadline_s` after it was due. `clock_s` is a monotonic clock in seconds.
    `resolve_topic` gives the name a topic has where a consumer says it with underscores for dots;
    `consumers` is told what the consumers among the MBeans say.
    """

    pausable = True
    is_spread = True
    is_timed = True

    def __init__(
        self,
        name: str,
        *,
        transport: Transport,
        rules: Sequence[Rule],
        tags: dict[str, str],
        interval_ns: int,
        deadline_s: float,
        backoff: Backoff,
        clock_s: Callable[[], float] = time.monotonic,
        resolve_topic: Callable[[str], str] = as_it_is,
        consumers: Consumers | None = None,
    ) -> None:
        self.name = name
        self.line = StatusLine(name, Health.WAITING, "not polled yet")
        self._transport = transport
        self._rules = tuple(rules)
        self._tags = {**tags, "target": name}
        self._interval_ns = interval_ns
        self._deadline_s = deadline_s
        self._backoff = backoff
        self._clock_s = clock_s
        self._maker = PointMaker(self._tags, resolve_topic)
        self._consumers = consumers or Consumers()
        self._answered_ns: int | None = None
        self._failure: PollFailure | None = None

    async def poll(self, tick: Tick) -> Sequence[Point]:
        """Read what is due at this tick and return its points, all with the tick's timestamp.

        The last point is the target's own, `jmxbridge_target`: `up`, and when it is 0 `error`, the
        class of the failure, and `age_seconds` since the last poll that was answered. Never raises
        for anything the target does.
        """
        started_s = self._clock_s()
        outcome = await self._fetch(tick, started_s)
        read_ms = (self._clock_s() - started_s) * 1000
        if isinstance(outcome, PollFailure):
            self._note_failure(outcome)
            self._consumers.lose(self.name, outcome.sentence)
            return (self._own_point(tick, read_ms, failed_fields(outcome)),)
        self._answered_ns = tick.due_ns
        self._consumers.learn(
            self.name,
            outcome,
            self._rules_due(tick.due_ns),
            time_ns=tick.due_ns,
            host=self._transport.peer_host,
        )
        points = self._maker.points(outcome, time_ns=tick.due_ns)
        self._note_success(outcome, points, read_ms)
        return (*points.points, self._own_point(tick, read_ms, self._read_fields(outcome, points)))

    async def close(self) -> None:
        """Let go of the JVM."""
        self._consumers.forget(self.name)
        await self._transport.close()

    async def _fetch(self, tick: Tick, started_s: float) -> list[Reading] | PollFailure:
        if self._failure is not None and not self._backoff.may_try(started_s):
            return self._failure
        deadline_s = self._deadline_s - tick.offset_ns / NS
        try:
            async with asyncio.timeout(deadline_s):
                readings = await self._transport.fetch(self._rules_due(tick.due_ns))
        except TimeoutError:
            failure = PollFailure("timeout", f"no answer within {deadline_s:g} s")
        except JmxError as exc:
            failure = PollFailure(exc.error_class, str(exc))
        else:
            self._backoff.succeeded()
            return readings
        self._backoff.failed(self._clock_s())
        return failure

    def _rules_due(self, due_ns: int) -> list[Rule]:
        return [
            rule
            for rule in self._rules
            if rule.every_s is None
            or is_due(due_ns, interval_ns=self._interval_ns, every_ns=round(rule.every_s * NS))
        ]

    def _note_failure(self, failure: PollFailure) -> None:
        before, self._failure = self._failure, failure
        self.line = StatusLine(self.name, Health.DOWN, f"{failure.error_class}: {failure.sentence}")
        if before is None or before.error_class != failure.error_class:
            log.warning("target %s: down: %s", self.name, failure.sentence)

    def _note_success(self, readings: Sequence[Reading], points: Points, read_ms: float) -> None:
        found = f"{counted(len(readings), 'MBean')}, {counted(len(points.points), 'point')}"
        sentence = f"{found} in {read_ms:.0f} ms"
        if self._failure is not None or self.line.mood is Health.WAITING:
            log.info("target %s: up: %s", self.name, sentence)
        self._failure = None
        self.line = StatusLine(self.name, Health.FINE, sentence)

    def _own_point(self, tick: Tick, read_ms: float, fields: dict[str, FieldValue]) -> Point:
        fields |= {"read_ms": read_ms, "skipped_ticks": tick.skipped}
        if self._answered_ns is not None:
            fields["age_seconds"] = (tick.due_ns - self._answered_ns) / NS
        return Point(MEASUREMENT, self._tags, fields, tick.due_ns)

    def _read_fields(self, readings: Sequence[Reading], points: Points) -> dict[str, FieldValue]:
        return {
            "up": 1,
            "mbeans": len(readings),
            "values": sum(len(point.fields) for point in points.points),
            "dropped_nonfinite": points.dropped_nonfinite,
            "dropped_type": points.dropped_type,
            "duplicates": points.duplicates,
            "series_limited": self._transport.series_limited,
            **self._transport.costs,
        }


def failed_fields(failure: PollFailure) -> dict[str, FieldValue]:
    """What is known of a poll in which the target could not be read."""
    return {"up": 0, "error": failure.error_class}
