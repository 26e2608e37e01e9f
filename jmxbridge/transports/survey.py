"""Survey of one JVM: what each rule of a file takes, before anything is written.

Rule: a survey is the fetch of a poll with every rule due, so it shows what `run` will write.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from jmxbridge.jmx.errors import JmxError
from jmxbridge.mbeans.points import to_points
from jmxbridge.mbeans.rule import Rule
from jmxbridge.transports.transport import Transport


@dataclass(frozen=True, slots=True)
class Survey:
    """The result for one JVM: why it could not be read, or how many MBeans each rule takes.

    `rules` are in the order of the file. `series` counts series by measurement, `series_limited`
    those that limits leave out.
    """

    target: str
    error: str | None = None
    rules: Sequence[tuple[Rule, int]] = ()
    series: Mapping[str, int] = field(default_factory=dict)
    series_limited: int = 0
    seconds: float = 0.0

    @property
    def idle_rules(self) -> list[Rule]:
        """The rules that take nothing and are not optional."""
        return [rule for rule, count in self.rules if not count and not rule.optional]


async def survey(
    target: str,
    transport: Transport,
    rules: Sequence[Rule],
    *,
    timeout_s: float,
    clock_s: Callable[[], float],
) -> Survey:
    """Read a JVM once with every rule and close the transport. Raises nothing for its failures."""
    started_s = clock_s()
    try:
        async with asyncio.timeout(timeout_s):
            readings = await transport.fetch(rules)
        series_limited = transport.series_limited  # close() forgets it
    except TimeoutError:
        return Survey(target, f"no answer within {timeout_s:g} s")
    except JmxError as exc:
        return Survey(target, str(exc))
    finally:
        await transport.close()
    seconds = clock_s() - started_s
    taken = Counter(id(reading.rule) for reading in readings)
    points = to_points(readings, time_ns=0, tags={})
    return Survey(
        target,
        rules=[(rule, taken[id(rule)]) for rule in rules],
        series=Counter(point.measurement for point in points.points),
        series_limited=series_limited,
        seconds=seconds,
    )
