"""The lag poll on the interval's grid: cluster → snapshot → rows → points.

Rule: whatever happens to the cluster ends here. A poll that no broker answered gives one point that
says so, is logged when it begins and when it ends, and the next tick tries again.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from jmxbridge.kafka.cluster import Cluster
from jmxbridge.kafka.errors import KafkaUnavailable
from jmxbridge.lag.points import failed_poll, to_points
from jmxbridge.lag.rows import Lags, compute
from jmxbridge.lag.snapshot import Snapshot
from jmxbridge.point import Point
from jmxbridge.service.grid import Tick
from jmxbridge.service.status import Line, Mood

log = logging.getLogger(__name__)


class LearnTopics(Protocol):
    """Is told the topics of every poll; `complete` False: there may be others."""

    def __call__(self, topics: Iterable[str], *, complete: bool) -> None: ...


class LagPoll:
    """Polls one cluster. `cluster_name` is the tag of every point; `clock_s` is monotonic."""

    name = "lag"

    def __init__(
        self,
        cluster: Cluster,
        *,
        cluster_name: str,
        clock_s: Callable[[], float] = time.monotonic,
        learn_topics: LearnTopics | None = None,
    ) -> None:
        self.line = Line(self.name, Mood.WAITING, "not polled yet")
        self._cluster = cluster
        self._cluster_name = cluster_name
        self._clock_s = clock_s
        self._learn_topics = learn_topics
        self._complaints: tuple[str, ...] = ()

    async def poll(self, tick: Tick) -> Sequence[Point]:
        """Return the points of one poll, all with the tick's timestamp."""
        started_s = self._clock_s()
        try:
            snapshot = await self._cluster.poll()
        except KafkaUnavailable as exc:
            self._note((str(exc),))
            self.line = Line(self.name, Mood.DOWN, str(exc))
            failed = failed_poll(
                cluster=self._cluster_name,
                time_ns=tick.due_ns,
                duration_ms=(self._clock_s() - started_s) * 1000,
                skipped_ticks=tick.skipped,
            )
            return (failed,)
        self._note(snapshot.errors)
        if self._learn_topics is not None:
            self._learn_topics(snapshot.end_offsets, complete=snapshot.complete)
        lags = compute(snapshot)
        line = status_line(self.name, lags, snapshot)
        if self.line.mood in (Mood.WAITING, Mood.DOWN):
            log.info("lag poll: %s", line.sentence)
        self.line = line
        return to_points(
            lags,
            snapshot,
            cluster=self._cluster_name,
            time_ns=tick.due_ns,
            skipped_ticks=tick.skipped,
        )

    async def close(self) -> None:
        """Close every connection to the cluster."""
        await self._cluster.close()

    def _note(self, complaints: tuple[str, ...]) -> None:
        for complaint in complaints:
            if complaint not in self._complaints:
                log.warning("lag poll: %s", complaint)
        self._complaints = complaints


def status_line(name: str, lags: Lags, snapshot: Snapshot) -> Line:
    """Say in one line who is behind: the total, then the groups that make up most of it."""
    behind = sorted(((row.lag_sum, row.group) for row in lags.groups if row.lag_sum), reverse=True)
    total = sum(lag for lag, _ in behind)
    groups = f"{len(lags.groups)} groups, {len(lags.partitions)} partitions"
    worst = ", ".join(f"{group} {lag:,}" for lag, group in behind[:3])
    sentence = f"lag {total:,} · {worst} · {groups}" if behind else f"lag 0 · {groups}"
    if not snapshot.complete:
        sentence += " · incomplete"
    mood = Mood.ALERT if behind or not snapshot.complete else Mood.FINE
    return Line(name, mood, sentence)
