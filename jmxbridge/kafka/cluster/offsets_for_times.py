"""offsetsForTimes: the first record at or after a time, as the partition's leader finds it.

Rule: no answer is not "no record". Only a broker that cannot search a partition by time (message
format 0, before 0.10) settles it without a record.

Such requests read cold pages of old segments. A leader that fails on them, usually by taking too
long, gets none for a while: polls need it for commits and end offsets.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.extras import TimestampedOffset, TimestampedOffsets
from jmxbridge.kafka.facts.snapshot import Partition
from jmxbridge.kafka.wire.api_numbers import LIST_OFFSETS, Api
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema
from jmxbridge.kafka.wire.error_codes import NONE, UNSUPPORTED_FOR_MESSAGE_FORMAT
from jmxbridge.kafka.wire.errors import BrokerFailed, RequestFailed
from jmxbridge.kafka.wire.requests import READ_UNCOMMITTED

REST_S = 600.0
"""Time in which a leader that failed gets no such request: the search is not urgent."""

_CONSUMER = -1
_SETTLED = frozenset({NONE, UNSUPPORTED_FOR_MESSAGE_FORMAT})


@dataclass(frozen=True, slots=True)
class ListOffsetsForTimes(KafkaRequest[TimestampedOffsets]):
    """Find the first record at or after a time, in ms → record by partition (KIP-79).

    Leaders answer it. A partition that cannot be searched by time has None; one with any other
    error is left out.
    """

    api: ClassVar[Api] = LIST_OFFSETS
    times_ms: Mapping[str, Mapping[int, int]]

    def body(self, schema: Schema) -> Any:
        topics = tuple(
            schema.make(
                "ListOffsetsTopic",
                name=topic,
                partitions=tuple(
                    schema.make("ListOffsetsPartition", partition_index=index, timestamp=time_ms)
                    for index, time_ms in times.items()
                ),
            )
            for topic, times in self.times_ms.items()
        )
        return schema.make(
            "ListOffsetsRequest",
            replica_id=_CONSUMER,
            isolation_level=READ_UNCOMMITTED,
            topics=topics,
        )

    def reply(self, entity: Any) -> TimestampedOffsets:
        return {
            (topic.name, p.partition_index): None
            if p.error_code
            else TimestampedOffset(p.offset, p.timestamp)
            for topic in entity.topics
            for p in topic.partitions
            if p.error_code in _SETTLED
        }


class OffsetsForTimes:
    """Asks leaders for offsets by time, and remembers which leaders to leave out for a while."""

    def __init__(self) -> None:
        self._resting: dict[Broker, float] = {}

    async def ask(
        self, budget: PollBudget, metadata: MetadataCache, times_ms: Mapping[Partition, int]
    ) -> dict[Partition, TimestampedOffset | None]:
        """Ask every leader at once, each for all of its partitions; leave out what fails."""
        now = asyncio.get_running_loop().time()
        self._resting = {broker: end for broker, end in self._resting.items() if end > now}
        by_leader: dict[int, dict[str, dict[int, int]]] = {}
        for (name, index), time_ms in times_ms.items():
            topic = metadata.topics.get(name)
            leader = -1 if topic is None else topic.leaders.get(index, -1)
            by_leader.setdefault(leader, {}).setdefault(name, {})[index] = time_ms
        tasks = [
            self._ask(budget, broker, ListOffsetsForTimes(own_times_ms))
            for node_id, own_times_ms in by_leader.items()
            if (broker := metadata.brokers.get(node_id)) is not None and broker not in self._resting
        ]
        return {
            partition: record
            for reply in await asyncio.gather(*tasks)
            for partition, record in reply.items()
            if partition in times_ms
        }

    async def _ask(
        self, budget: PollBudget, broker: Broker, request: ListOffsetsForTimes
    ) -> TimestampedOffsets:
        try:
            return await budget.ask(broker, request)
        except BrokerFailed:
            self._resting[broker] = asyncio.get_running_loop().time() + REST_S
        except RequestFailed:
            pass  # noted; the next request may succeed
        return {}
