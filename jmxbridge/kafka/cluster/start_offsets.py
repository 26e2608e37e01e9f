"""Start offsets of partitions, remembered between polls.

Rule: they are asked for at once where a partition is new, and for all partitions every
`STARTS_EVERY` polls. A topic with another id is another topic, whose old starts count for nothing.
"""

from collections.abc import Mapping

from jmxbridge.kafka.cluster.list_offsets import START, fetch_offsets
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.snapshot import Offsets

STARTS_EVERY = 30
"""Polls between two requests for all starts: retention deletes whole segments, so starts move
seldom."""


class StartOffsets:
    """The start offsets last read, by topic and partition."""

    def __init__(self) -> None:
        self._starts: dict[str, Mapping[int, int]] = {}
        self._topic_ids: Mapping[str, str] = {}
        self._polls = 0

    async def refresh(
        self,
        budget: PollBudget,
        metadata: MetadataCache,
        ends: Offsets,
        topic_ids: Mapping[str, str],
    ) -> Offsets:
        """Return the starts of the partitions in `ends`; read those that are new or due."""
        before, self._topic_ids = self._topic_ids, topic_ids
        known = {
            topic: starts
            for topic, starts in self._starts.items()
            if self._polls % STARTS_EVERY and before.get(topic) == topic_ids.get(topic)
        }
        self._polls += 1
        wanted = {
            topic: new
            for topic, offsets in ends.items()
            if (new := offsets.keys() - known.get(topic, {}).keys())
        }
        if wanted:
            starts = (await fetch_offsets(budget, metadata, wanted, START)).offsets
            known = {
                topic: {**known.get(topic, {}), **starts.get(topic, {})} for topic in known | starts
            }
        self._starts = {topic: known[topic] for topic in ends if topic in known}
        return self._starts
