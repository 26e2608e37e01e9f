"""Reader of `jmxbridge lag`: the cluster, the targets of the file, the state that `run` saved."""

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING

from jmxbridge.times import NS

if TYPE_CHECKING:
    from jmxbridge.config.model.models import KafkaSettings, Settings
    from jmxbridge.kafka.facts.extras import TimestampedOffsets
    from jmxbridge.kafka.facts.snapshot import Description
    from jmxbridge.lag.history.saved_state import SavedState
    from jmxbridge.lag.report.look import LagDetails

LISTEN_S = 3.0
"""Time limit of one target: it only adds sentences to what the brokers say."""

SEARCH_ROUNDS = 24
"""Questions about each partition in one look, one after the other: enough for most searches, and a
second or two where each takes long."""


class LagReader:
    """Reads the lag of one group, or of all.

    With `settings` it begins with the state that `run` saved for that file. `every_s` is the time
    between two looks. For one group, it also polls the targets of `settings` that have consumers,
    and searches the log for the age of unread records.
    """

    def __init__(
        self,
        kafka: "KafkaSettings",
        group: str | None,
        *,
        settings: "Settings | None",
        every_s: float,
    ) -> None:
        from jmxbridge.build import make_cluster, make_consumer_targets
        from jmxbridge.lag.report.look import LagLooks
        from jmxbridge.mbeans.consumers import Consumers

        # Problems are part of the report: the log of a service does not belong on a terminal.
        logging.getLogger("jmxbridge").addHandler(logging.NullHandler())
        self._groups = None if group is None else [group]
        self._cluster = make_cluster(kafka, timeout_s=kafka.timeout_s)
        self._consumers = Consumers()
        self._targets = (
            make_consumer_targets(settings, self._consumers, timeout_s=LISTEN_S)
            if settings is not None and group is not None
            else []
        )
        self._looks = LagLooks(
            None if settings is None else saved_state(settings),
            interval_ns=round(every_s * NS),
            run_interval_ns=0 if settings is None else round(settings.interval_s * NS),
            allowed_lag=kafka.allowed_lag,
            offsets_retention_s=kafka.offsets_retention_s,
            forget_after_s=kafka.forget_after_s,
        )

    async def read(self) -> "tuple[Description, LagDetails]":
        """Read cluster and targets once; raises KafkaUnavailable."""
        from jmxbridge.pollers.schedule import Tick

        tick = Tick(time.time_ns(), 0)
        target_polls = asyncio.gather(*(target.poll(tick) for target in self._targets))
        try:
            description = await self._cluster.describe(
                self._groups, last_commits=self._looks.last_commits(tick.due_ns)
            )
            description = self._looks.without_deleted(description, self._groups or ())
            if self._groups is not None:
                await self._search(description, tick.due_ns)
        finally:
            await target_polls
        return description, self._looks.take(description, self._consumers.all(), tick.due_ns)

    async def _search(self, description: "Description", time_ns: int) -> None:
        """Find out when the oldest unread records were written: each answer halves the time."""
        answers: TimestampedOffsets = {}
        for _ in range(SEARCH_ROUNDS):
            questions = self._looks.search(description, answers, time_ns)
            if not questions:
                return
            answers = await self._cluster.offsets_for_times(questions)
            if not answers:
                return

    def problems(self) -> list[str]:
        """Return a sentence for each target that could not be read."""
        from jmxbridge.pollers.health import Health

        lines = [target.line for target in self._targets]
        return [f"target {line.name}: {line.text}" for line in lines if line.health is Health.DOWN]

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(target.close() for target in self._targets))
        await self._cluster.close()


def saved_state(settings: "Settings") -> "SavedState":
    """Return the newest state that a `run` of this file saved; empty where there is none.

    Without a `store.path` in the file it may be that of our own user or of the systemd service.
    """
    from jmxbridge.cli.completion import SERVICE_STATE
    from jmxbridge.config.loader import store_path
    from jmxbridge.kafka.facts.names import NameFilter
    from jmxbridge.state.lag_state import LagStateFile
    from jmxbridge.state.paths import state_path

    every = NameFilter()
    paths = {
        state_path(store_path(settings, environ), ".lag.json")
        for environ in (os.environ, SERVICE_STATE)
    }
    states = [LagStateFile(path, wants_group=every, wants_topic=every).read() for path in paths]
    return max(states, key=lambda state: -1 if state.summary is None else state.summary.time_ns)
