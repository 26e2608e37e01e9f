"""When records were written: which is the first at or after a time, asked of leaders.

Rule: a question that is not answered is no answer. Only a broker that says that it cannot look at
timestamps of a partition (message format 0, before 0.10) settles it without a record.

Such questions read cold pages of old segments. A leader that fails over them, by taking too long
above all, is not asked any for a while: the polls need it for what they are there for.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.kafka.facts.snapshot import Partition
from jmxbridge.kafka.wire.api_numbers import LIST_OFFSETS, Api
from jmxbridge.kafka.wire.codec import Request, Schema
from jmxbridge.kafka.wire.error_codes import NONE, UNSUPPORTED_FOR_MESSAGE_FORMAT
from jmxbridge.kafka.wire.errors import BrokerFailed, RequestFailed
from jmxbridge.kafka.wire.requests import READ_UNCOMMITTED

REST_S = 600.0
"""How long a leader that failed is left in peace: the search is not in a hurry."""

_CONSUMER = -1
_ANSWERS = frozenset({NONE, UNSUPPORTED_FOR_MESSAGE_FORMAT})

Answers = Mapping[Partition, TimestampedOffset | None]


@dataclass(frozen=True, slots=True)
class FirstSince(Request[Answers]):
    """Which is the first record at or after this time, in ms? To be asked of the leader (KIP-79).

    None for a partition that cannot be searched by time; left out for any other error.
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

    def reply(self, entity: Any) -> Answers:
        return {
            (topic.name, p.partition_index): None
            if p.error_code
            else TimestampedOffset(p.offset, p.timestamp)
            for topic in entity.topics
            for p in topic.partitions
            if p.error_code in _ANSWERS
        }


class OffsetsForTimes:
    """Asks leaders by time, and remembers which of them are to be left in peace."""

    def __init__(self) -> None:
        self._resting: dict[Broker, float] = {}

    async def ask(
        self, budget: PollBudget, view: MetadataCache, questions: Mapping[Partition, int]
    ) -> dict[Partition, TimestampedOffset | None]:
        """Ask every leader at once, each for all of its partitions; what fails is left out."""
        now = asyncio.get_running_loop().time()
        self._resting = {broker: end for broker, end in self._resting.items() if end > now}
        by_leader: dict[int, dict[str, dict[int, int]]] = {}
        for (name, index), time_ms in questions.items():
            topic = view.topics.get(name)
            leader = -1 if topic is None else topic.leaders.get(index, -1)
            by_leader.setdefault(leader, {}).setdefault(name, {})[index] = time_ms
        tasks = [
            self._ask(budget, broker, FirstSince(times_ms))
            for node_id, times_ms in by_leader.items()
            if (broker := view.brokers.get(node_id)) is not None and broker not in self._resting
        ]
        return {
            at: found
            for reply in await asyncio.gather(*tasks)
            for at, found in reply.items()
            if at in questions
        }

    async def _ask(self, budget: PollBudget, broker: Broker, request: FirstSince) -> Answers:
        try:
            return await budget.ask(broker, request)
        except BrokerFailed:
            self._resting[broker] = asyncio.get_running_loop().time() + REST_S
        except RequestFailed:
            pass  # noted, and as likely to go well the next time
        return {}
