"""What `jmxbridge lag` looks at: the cluster, the file's targets, what the service has written."""

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
    from jmxbridge.lag.report.look import Look

LISTEN_S = 3.0
"""What one target may: it only adds words to what the brokers say."""

SEARCH_ROUNDS = 24
"""Questions about each partition in one look, one after the other: enough for most searches, and a
second or two where each takes long."""


class Looking:
    """Looks at the groups of a cluster: one named, or all.

    With `settings` it begins with what `run` has written down for that file. `every_s` is the time
    between two looks. Where one group is named, the targets of `settings` that have consumers are
    heard, and the log is asked how old what it has not read is.
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
        from jmxbridge.lag.report.look import Watching
        from jmxbridge.mbeans.consumers import Consumers

        # What goes wrong is said in the report: the log of a service has no place on a terminal.
        logging.getLogger("jmxbridge").addHandler(logging.NullHandler())
        self._groups = None if group is None else [group]
        self._cluster = make_cluster(kafka, timeout_s=kafka.timeout_s)
        self._consumers = Consumers()
        self._targets = (
            make_consumer_targets(settings, self._consumers, timeout_s=LISTEN_S)
            if settings is not None and group is not None
            else []
        )
        self._watching = Watching(
            None if settings is None else written(settings),
            interval_ns=round(every_s * NS),
            allowed_lag=kafka.allowed_lag,
            offsets_retention_s=kafka.offsets_retention_s,
        )

    async def look(self) -> "tuple[Description, Look]":
        """Ask cluster and targets one time; raises KafkaUnavailable."""
        from jmxbridge.pollers.schedule import Tick

        tick = Tick(time.time_ns(), 0)
        heard = asyncio.gather(*(target.poll(tick) for target in self._targets))
        try:
            description = await self._cluster.describe(self._groups)
            if self._groups is not None:
                await self._search(description, tick.due_ns)
        finally:
            await heard
        return description, self._watching.take(description, self._consumers.all(), tick.due_ns)

    async def _search(self, description: "Description", time_ns: int) -> None:
        """Find out when the oldest unread records were written: each answer halves the time."""
        answers: TimestampedOffsets = {}
        for _ in range(SEARCH_ROUNDS):
            questions = self._watching.search(description, answers, time_ns)
            if not questions:
                return
            answers = await self._cluster.offsets_for_times(questions)
            if not answers:
                return

    def problems(self) -> list[str]:
        """Say which targets could not be heard."""
        from jmxbridge.pollers.health import Health

        lines = [target.line for target in self._targets]
        return [f"target {each.name}: {each.text}" for each in lines if each.health is Health.DOWN]

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(target.close() for target in self._targets))
        await self._cluster.close()


def written(settings: "Settings") -> "SavedState":
    """Read what `run` has written down for this file; nothing where there is none."""
    from jmxbridge.config.loader import store_path
    from jmxbridge.kafka.facts.names import NameFilter
    from jmxbridge.state.lag_state import LagStateFile
    from jmxbridge.state.paths import state_path

    path = state_path(store_path(settings, os.environ), ".lag.json")
    return LagStateFile(path, wants_group=NameFilter(), wants_topic=NameFilter()).read()
