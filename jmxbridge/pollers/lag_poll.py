"""The lag poll on the interval's grid: cluster → snapshot → rows → verdicts → points.

Rule: whatever happens to the cluster ends here. A poll that no broker answered gives one point that
says so, is logged when it begins and when it ends, and the next tick tries again.

Once a minute a poll asks for the members too, after everything else: what that meets harms no row.

What must outlive a restart is saved once a minute and at the end, beside the polls.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.cluster.known_brokers import Brokers
from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.lag.consumers.client_verdict import Client, ClientFinding, worst
from jmxbridge.lag.consumers.client_words import in_words
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.assessment import sum_up
from jmxbridge.lag.history.crosscheck import Crosscheck
from jmxbridge.lag.history.end_offset_history import EndOffsetHistory
from jmxbridge.lag.history.expiry import Expiry
from jmxbridge.lag.history.lag_history import Assessment, LagHistory, lowest_unread
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.timestamp_search import TimestampSearch
from jmxbridge.lag.history.vanished_groups import FORGET_AFTER_S, VanishedGroups
from jmxbridge.lag.output.points import failed_poll, to_points
from jmxbridge.lag.output.renaming import Renaming
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.lag.rows import Lags, compute
from jmxbridge.lag.uncommitted import Uncommitted, assume
from jmxbridge.plural import counted
from jmxbridge.point import Point
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.schedule import Tick
from jmxbridge.times import NS

log = logging.getLogger(__name__)

INTERVAL_NS = 10 * NS

DESCRIBE_EVERY_NS = 60 * NS
"""How often the members are asked for: a rebalance is seen within this time."""

SAVE_EVERY_NS = 60 * NS
"""What a crash may cost: commits of a group that was deleted within that minute."""

Save = Callable[[SavedState], Awaitable[None]]


class LearnTopics(Protocol):
    """Is told the topics of every poll; `complete` False: there may be others."""

    def __call__(self, topics: Iterable[str], *, complete: bool) -> None: ...


class LagPoll:
    """Polls one cluster. `cluster_name` is the tag of every point; `clock_s` is monotonic.

    `memory` is what the last run left, `save` takes what this one leaves. `allowed_lag` has records
    by pattern of groups; a group that is gone is kept for `forget_after_s`.
    `offsets_retention_s` is how long the brokers keep what an empty group had read, None to ask
    them. `volume`
    decides which rows are worth a point. `consumers` tells what JMX says of those that are polled.
    `uncommitted` is what to assume of partitions that are assigned and have no commit. `names` are
    other names for what is written, see `lag.renaming`.
    """

    name = "lag"
    pausable = True
    is_spread = False
    is_timed = True

    def __init__(
        self,
        cluster: Cluster,
        *,
        cluster_name: str,
        interval_ns: int = INTERVAL_NS,
        allowed_lag: Mapping[str, int] | None = None,
        forget_after_s: float = FORGET_AFTER_S,
        offsets_retention_s: float | None = None,
        volume: RowThinning | None = None,
        memory: SavedState | None = None,
        save: Save | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        learn_topics: LearnTopics | None = None,
        learn_brokers: Callable[[Brokers], None] | None = None,
        consumers: Callable[[], Sequence[Consumer]] = tuple,
        uncommitted: Uncommitted = Uncommitted.SKIP,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.line = StatusLine(self.name, Health.WAITING, "not polled yet")
        self._cluster = cluster
        self._cluster_name = cluster_name
        self._clock_s = clock_s
        self._learn_topics = learn_topics
        self._learn_brokers = learn_brokers
        self._complaints: tuple[str, ...] = ()
        self._describe_complaints: tuple[str, ...] = ()
        self._described_ns: int | None = None
        memory = memory or SavedState()
        self._remembered = VanishedGroups(memory.groups, forget_after_s=forget_after_s)
        self._outlook = LagHistory(
            interval_ns=interval_ns,
            allowed_lag=allowed_lag,
            ends=EndOffsetHistory(memory.tables),
            trails=TimestampSearch(memory.searches),
            topic_ids=memory.topic_ids,
        )
        self._consumers = consumers
        self._uncommitted = uncommitted
        self._memberships: Mapping[str, Membership] = {}
        self._crosscheck = Crosscheck(interval_ns=interval_ns)
        self._accused: dict[str, Client] = {}
        self._expiry = Expiry(memory.empty_since, retention_s=offsets_retention_s)
        self._volume = volume or RowThinning()
        self._renamed = Renaming(names)
        self._rolled_up: tuple[str, ...] = ()
        self._vanished = self._remembered.vanished
        self._orphaned: set[str] = set()
        self._save = save
        self._saved_ns = 0
        self._saving: asyncio.Task[None] | None = None
        self._last: tuple[Lags, Assessment, int] | None = None

    async def poll(self, tick: Tick) -> Collection[Point]:
        """Return the points of one poll, all with the tick's timestamp."""
        started_s = self._clock_s()
        try:
            read = await self._cluster.read_commits()
            last_commits = self._remembered.keep(read.commits, read.gone, tick.due_ns)
            snapshot = await self._cluster.read_ends(
                read.with_vanished(last_commits),
                times_ms=self._outlook.questions(),
                describe=self._is_time_to_describe(tick.due_ns),
                assigned={} if self._uncommitted is Uncommitted.SKIP else self._memberships,
            )
        except KafkaUnavailable as exc:
            self._complaints = note((str(exc),), self._complaints)
            self.line = StatusLine(self.name, Health.DOWN, str(exc))
            failed = failed_poll(
                cluster=self._cluster_name,
                time_ns=tick.due_ns,
                duration_ms=(self._clock_s() - started_s) * 1000,
                skipped_ticks=tick.skipped,
            )
            return (failed,)
        self._complaints = note(snapshot.errors, self._complaints)
        if snapshot.memberships is not None:
            self._described_ns = tick.due_ns
            before = {
                name: known
                for name, known in self._memberships.items()
                if name in snapshot.groups  # one that could not be described has those it had
            }
            self._memberships = before | dict(snapshot.memberships)
            self._describe_complaints = note(snapshot.describe_errors, self._describe_complaints)
        if self._learn_brokers is not None:
            self._learn_brokers(self._cluster.brokers)
        if self._learn_topics is not None:
            self._learn_topics(snapshot.end_offsets, complete=snapshot.complete)
        self._tell_of_vanished(snapshot)
        self._tell_of_orphaned(snapshot)
        lags = compute(assume(snapshot, self._memberships, self._uncommitted))
        verdicts = self._outlook.take(lags, snapshot, tick.due_ns)
        clients = self._crosscheck.take(
            lags, verdicts.partitions, snapshot, self._consumers(), tick.due_ns
        )
        self._tell_of_clients(clients)
        verdicts = replace(
            verdicts, expires_in_s=self._expiry.take(snapshot, tick.due_ns), clients=clients
        )
        self._last = (lags, verdicts, tick.due_ns)
        self._save_in_time(tick)
        line = status_line(self.name, lags, snapshot)
        if self.line.health in (Health.WAITING, Health.DOWN):
            log.info("lag poll: %s", line.text)
        self.line = line
        points = to_points(
            lags,
            snapshot,
            verdicts,
            self._volume,
            cluster=self._cluster_name,
            time_ns=tick.due_ns,
            skipped_ticks=tick.skipped,
        )
        self._tell_of_volume()
        return self._renamed(points)

    async def close(self) -> None:
        """Save what was seen and close every connection to the cluster."""
        if self._saving is not None:
            await self._saving
        if self._save is not None and self._last is not None:
            await self._save(self._memory(*self._last))
        await self._cluster.close()

    def _is_time_to_describe(self, now_ns: int) -> bool:
        last_ns = self._described_ns
        return last_ns is None or not 0 <= now_ns - last_ns < DESCRIBE_EVERY_NS

    def _tell_of_volume(self) -> None:
        groups = tuple(self._volume.rolled_up)
        if groups and groups != self._rolled_up:
            named = ", ".join(groups[:3]) + (", …" if len(groups) > 3 else "")
            log.warning(
                "lag poll: more than %d partitions (kafka.max_rows), so by topic only: %s",
                *(self._volume.max_rows, named),
            )
        self._rolled_up = groups

    def _tell_of_vanished(self, snapshot: Snapshot) -> None:
        for name in sorted(snapshot.vanished - self._vanished):
            log.warning("lag poll: group %s is gone; its lag goes on from its last commits", name)
        for name in sorted(self._vanished & snapshot.groups.keys()):
            log.info("lag poll: group %s is back", name)
        recreated = self._outlook.recreated(snapshot)
        others = {
            (topic, index)
            for commits in map(snapshot.commits.__getitem__, snapshot.vanished)
            for topic in recreated & commits.keys()
            for index in commits[topic]  # one may have no end yet
        }
        self._remembered.drop(snapshot.orphaned | others)
        self._vanished = snapshot.vanished

    def _tell_of_orphaned(self, snapshot: Snapshot) -> None:
        """Once a topic: brokers delete its commits with it, so this is seldom, and then stays."""
        topics = {topic for topic, _ in snapshot.orphaned}
        if new := sorted(topics - self._orphaned):
            named = ", ".join(new[:3]) + (", …" if len(new) > len(new[:3]) else "")
            log.warning("lag poll: commits of what is not there any more have no lag: %s", named)
        self._orphaned = topics

    def _tell_of_clients(self, clients: Mapping[str, Sequence[ClientFinding]]) -> None:
        accused: dict[str, Client] = {}
        for group, findings in clients.items():
            found = worst(findings)
            if found.client is not Client.NONE:
                accused[group] = found.client
                if self._accused.get(group) is not found.client:
                    log.warning("lag poll: group %s: %s", group, in_words(found))
        self._accused = accused

    def _save_in_time(self, tick: Tick) -> None:
        """Save beside the polls; nobody waits for the disk."""
        if self._save is None or self._last is None:
            return
        if 0 <= tick.due_ns - self._saved_ns < SAVE_EVERY_NS:  # else the clock was set back
            return
        if self._saving is None or self._saving.done():
            self._saved_ns = tick.due_ns
            self._saving = asyncio.ensure_future(self._save(self._memory(*self._last)))

    def _memory(self, lags: Lags, verdicts: Assessment, time_ns: int) -> SavedState:
        return SavedState(
            dict(self._remembered.groups),
            self._outlook.ends.since(lowest_unread(lags)),
            dict(self._expiry.empty_since),
            sum_up(lags, verdicts, time_ns),
            self._outlook.trails.found(),
            dict(self._outlook.topic_ids),
        )


def note(complaints: tuple[str, ...], before: tuple[str, ...]) -> tuple[str, ...]:
    """Log what was not said the last time; return what was said by now."""
    for complaint in complaints:
        if complaint not in before:
            log.warning("lag poll: %s", complaint)
    return complaints


def status_line(name: str, lags: Lags, snapshot: Snapshot) -> StatusLine:
    """Say in one line who is behind: the total, then the groups that make up most of it."""
    behind = sorted(((row.lag_sum, row.group) for row in lags.groups if row.lag_sum), reverse=True)
    total = sum(lag for lag, _ in behind)
    groups = f"{counted(len(lags.groups), 'group')}, {counted(len(lags.partitions), 'partition')}"
    worst = ", ".join(f"{group} {lag:,}" for lag, group in behind[:3])
    sentence = f"lag {total:,} · {worst} · {groups}" if behind else f"lag 0 · {groups}"
    if not snapshot.complete:
        sentence += " · incomplete"
    health = Health.ALERT if behind or not snapshot.complete else Health.FINE
    return StatusLine(name, health, sentence)
