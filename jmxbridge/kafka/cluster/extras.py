"""Reads of a poll that no lag needs, sent after the end offsets: see `facts/extras.py`.

All of them are in flight at once, within what is left of each broker's time.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from jmxbridge.kafka.cluster.configs import Retentions
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.offsets_for_times import OffsetsForTimes
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.cluster.shares import fetch_shares
from jmxbridge.kafka.facts.extras import Extras, TimestampedOffsets
from jmxbridge.kafka.facts.snapshot import Group, Partition


class ExtraReads:
    """Reads extras and remembers those that seldom change.

    `topics` filters the topics of share groups.
    """

    def __init__(self, topics: Callable[[str], bool]) -> None:
        self._wants_topic = topics
        self._times = OffsetsForTimes()
        self._retentions = Retentions()

    async def read(
        self,
        budget: PollBudget,
        metadata: MetadataCache,
        times_ms: Mapping[Partition, int],
        *,
        topics: Collection[str],
        shares: Iterable[Group],
    ) -> Extras:
        """Read offsets for times, retention of `topics`, and partitions of share groups."""
        offsets_for_times, _, partitions = await asyncio.gather(
            self._times.ask(budget, metadata, times_ms),
            self._retentions.refresh(budget, metadata, topics),
            fetch_shares(budget, metadata, shares),
        )
        return Extras(
            offsets_for_times=offsets_for_times,
            retention_s=dict(self._retentions.topics_s),
            offsets_retention_s=self._retentions.offsets_s,
            shares=tuple(p for p in partitions if self._wants_topic(p.topic)),
        )

    async def offsets_for_times(
        self, budget: PollBudget, metadata: MetadataCache, times_ms: Mapping[Partition, int]
    ) -> TimestampedOffsets:
        """Read offsets for times only."""
        return await self._times.ask(budget, metadata, times_ms)
