"""Lag poll of one cluster, on the interval's grid: read, assess, log, save, write points.

Rule: no failure of the cluster leaves this module. A poll that no broker answered gives one point
that says so, is logged when that begins and when it ends, and the next tick tries again.

Once a minute a poll also reads the members, after everything else: an error there costs no row.
State that must survive a restart is saved once a minute, next to the polls, and at the end.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.cluster.known_brokers import Brokers
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.saved_state import SAVE_EVERY_NS, SavedState
from jmxbridge.lag.output.lag_output import LagOutput
from jmxbridge.lag.report.poll_changes import PollChange, PollChanges
from jmxbridge.lag.rows import Lags
from jmxbridge.lag.tracker import LagTracker
from jmxbridge.plural import counted
from jmxbridge.point import Point
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.schedule import Tick

log = logging.getLogger(__name__)

Save = Callable[[SavedState], Awaitable[None]]
Listener = Callable[[Snapshot, Brokers], None]
"""Takes what every poll read: its snapshot, and the live brokers."""


class LagPoll:
    """Polls one cluster.

    `tracker` assesses the lag, `output` makes points of it, `save` writes the state for the next
    run. `consumers` returns what JMX says of consumers. `listener` is called at every poll that a
    broker answered. `clock_s` is monotonic.
    """

    name = "lag"
    pausable = True
    is_spread = False
    is_timed = True

    def __init__(
        self,
        cluster: Cluster,
        tracker: LagTracker,
        output: LagOutput,
        *,
        save: Save | None = None,
        consumers: Callable[[], Sequence[Consumer]] = tuple,
        listener: Listener | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.line = StatusLine(self.name, Health.WAITING, "not polled yet")
        self._cluster = cluster
        self._tracker = tracker
        self._output = output
        self._save = save
        self._consumers = consumers
        self._listener = listener
        self._clock_s = clock_s
        self._changes = PollChanges(tracker.vanished)
        self._saved_ns = 0
        self._saving: asyncio.Task[None] | None = None

    async def poll(self, tick: Tick) -> Collection[Point]:
        """Return the points of one poll, all with the tick's timestamp."""
        started_s = self._clock_s()
        try:
            snapshot = await self._read(tick.due_ns)
        except KafkaUnavailable as exc:
            return [self._fail(str(exc), tick, started_s)]
        if self._listener is not None:
            self._listener(snapshot, self._cluster.brokers)
        assessment = self._tracker.take(snapshot, self._consumers(), tick.due_ns)
        points = self._output.points(
            assessment, snapshot, time_ns=tick.due_ns, skipped_ticks=tick.skipped
        )
        self._log(self._changes.take(snapshot, assessment, self._output.thinning))
        self._show(status_line(self.name, assessment.lags, snapshot))
        self._save_if_due(tick.due_ns)
        return points

    async def close(self) -> None:
        """Save the state and close every connection to the cluster."""
        if self._saving is not None:
            await self._saving
        state = self._tracker.state()
        if self._save is not None and state is not None:
            await self._save(state)
        await self._cluster.close()

    async def _read(self, time_ns: int) -> Snapshot:
        """Read commits, add those of vanished groups, then read end offsets."""
        commits = await self._cluster.read_commits()
        last_commits = self._tracker.merge(commits.commits, commits.gone, time_ns)
        return await self._cluster.read_ends(
            commits.with_vanished(last_commits),
            times_ms=self._tracker.questions(),
            describe=self._tracker.needs_members(time_ns),
            assigned=self._tracker.assigned(),
        )

    def _fail(self, error: str, tick: Tick, started_s: float) -> Point:
        self._log(self._changes.failed(error))
        self.line = StatusLine(self.name, Health.DOWN, error)
        return self._output.failed_poll(
            time_ns=tick.due_ns,
            duration_ms=(self._clock_s() - started_s) * 1000,
            skipped_ticks=tick.skipped,
        )

    def _log(self, changes: Iterable[PollChange]) -> None:
        for change in changes:
            level = logging.WARNING if change.is_warning else logging.INFO
            log.log(level, "lag poll: %s", change.text)

    def _show(self, line: StatusLine) -> None:
        """Set the status line; log the first one, and the first one after an outage."""
        if self.line.health in (Health.WAITING, Health.DOWN):
            log.info("lag poll: %s", line.text)
        self.line = line

    def _save_if_due(self, time_ns: int) -> None:
        """Start saving the state; no poll waits for the disk."""
        if self._save is None or not (self._saving is None or self._saving.done()):
            return
        if 0 <= time_ns - self._saved_ns < SAVE_EVERY_NS:  # negative: the clock was set back
            return
        state = self._tracker.state()
        if state is not None:
            self._saved_ns = time_ns
            self._saving = asyncio.ensure_future(self._save(state))


def status_line(name: str, lags: Lags, snapshot: Snapshot) -> StatusLine:
    """Return the total lag and the groups with most of it, in one line."""
    behind = sorted(((row.lag_sum, row.group) for row in lags.groups if row.lag_sum), reverse=True)
    total = sum(lag for lag, _ in behind)
    groups = f"{counted(len(lags.groups), 'group')}, {counted(len(lags.partitions), 'partition')}"
    worst = ", ".join(f"{group} {lag:,}" for lag, group in behind[:3])
    text = f"lag {total:,} · {worst} · {groups}" if behind else f"lag 0 · {groups}"
    if not snapshot.complete:
        text += " · incomplete"
    health = Health.ALERT if behind or not snapshot.complete else Health.FINE
    return StatusLine(name, health, text)
