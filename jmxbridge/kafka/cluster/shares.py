"""Partitions of share groups (KIP-932), from their coordinators.

A share group commits no offsets: records are acknowledged one by one, in any order, and the broker
keeps the offset of the oldest unfinished record. Since 4.2 (KIP-1226) it also counts the unfinished
records, which is the lag. Before 4.2 there is no lag: the distance from that offset to the end
counts records that were acknowledged long ago.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.extras import SharePartition
from jmxbridge.kafka.facts.snapshot import Group
from jmxbridge.kafka.wire.api_numbers import DESCRIBE_SHARE_GROUP_OFFSETS, Api
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema
from jmxbridge.kafka.wire.error_codes import NONE, error_name
from jmxbridge.kafka.wire.errors import KafkaError

CHUNK = 500
"""Groups in one request, as for commits."""

_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class ShareOffsets(KafkaRequest[tuple[tuple[SharePartition, ...], dict[str, int]]]):
    """Read the offsets of share groups → their partitions, error codes of groups.

    A partition that no member has read yet has no start offset and is left out.
    """

    api: ClassVar[Api] = DESCRIBE_SHARE_GROUP_OFFSETS
    groups: tuple[str, ...]

    def body(self, schema: Schema) -> Any:
        groups = tuple(
            schema.make("DescribeShareGroupOffsetsRequestGroup", group_id=group, topics=None)
            for group in self.groups
        )
        return schema.make("DescribeShareGroupOffsetsRequest", groups=groups)

    def reply(self, entity: Any) -> tuple[tuple[SharePartition, ...], dict[str, int]]:
        partitions = tuple(
            SharePartition(
                group=group.group_id,
                topic=topic.topic_name,
                partition=p.partition_index,
                start_offset=p.start_offset,
                lag=_lag(p),
            )
            for group in entity.groups
            for topic in group.topics
            for p in topic.partitions
            if p.error_code == NONE and p.start_offset >= 0
        )
        errors = {g.group_id: int(g.error_code) for g in entity.groups if g.error_code != NONE}
        return partitions, errors


def _lag(partition: Any) -> int | None:
    lag = int(getattr(partition, "lag", _UNKNOWN))
    return None if lag == _UNKNOWN else lag


async def fetch_shares(
    budget: PollBudget, metadata: MetadataCache, groups: Iterable[Group]
) -> tuple[SharePartition, ...]:
    """Fetch the partitions of share groups; errors of groups that cannot be read are noted."""
    by_broker: dict[int, list[str]] = {}
    for group in groups:
        by_broker.setdefault(group.coordinator, []).append(group.name)
    tasks = [
        _ask(budget, broker, ShareOffsets(tuple(names[start : start + CHUNK])))
        for node_id, names in by_broker.items()
        if (broker := metadata.brokers.get(node_id)) is not None
        for start in range(0, len(names), CHUNK)
    ]
    return tuple(partition for reply in await asyncio.gather(*tasks) for partition in reply)


async def _ask(
    budget: PollBudget, broker: Broker, request: ShareOffsets
) -> tuple[SharePartition, ...]:
    try:
        if not broker.offers(DESCRIBE_SHARE_GROUP_OFFSETS):
            return ()  # 4.0 has share groups as a preview, without this request
        partitions, errors = await budget.ask(broker, request)
    except KafkaError:
        return ()
    for group, error in errors.items():
        budget.note(f"share group {group!r}: cannot be read: {error_name(error)}")
    return partitions
