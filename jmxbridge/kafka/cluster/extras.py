"""What a poll asks at its end, when every lag is known: see `lag.aside`.

All of it is in flight at once, and comes out of what is left of each broker's time.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from jmxbridge.kafka.cluster.configs import Retentions
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.offsets_for_times import Answers, OffsetsForTimes
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.cluster.shares import fetch_shares
from jmxbridge.kafka.facts.extras import Extras
from jmxbridge.kafka.facts.snapshot import Group, Partition


class ExtraReads:
    """Asks aside, and remembers what changes seldom; `topics` are those of share groups to keep."""

    def __init__(self, topics: Callable[[str], bool]) -> None:
        self._wants_topic = topics
        self._past = OffsetsForTimes()
        self._retentions = Retentions()

    async def ask(
        self,
        budget: PollBudget,
        view: MetadataCache,
        questions: Mapping[Partition, int],
        *,
        topics: Collection[str],
        shares: Iterable[Group],
    ) -> Extras:
        """Ask when records were written, how long these topics are kept, how far shares are."""
        dated, _, partitions = await asyncio.gather(
            self._past.ask(budget, view, questions),
            self._retentions.refresh(budget, view, topics),
            fetch_shares(budget, view, shares),
        )
        return Extras(
            dated=dated,
            retention_s=dict(self._retentions.topics_s),
            offsets_retention_s=self._retentions.offsets_s,
            shares=tuple(each for each in partitions if self._wants_topic(each.topic)),
        )

    async def date(
        self, budget: PollBudget, view: MetadataCache, questions: Mapping[Partition, int]
    ) -> Answers:
        """Ask when records were written, and nothing else."""
        return await self._past.ask(budget, view, questions)
