"""End and start offsets of partitions, from their leaders (ListOffsets).

Rule: read ends only after every commit of the poll has been answered. The other order invents
negative lag.

Each partition ends in exactly one of three places: an offset; orphaned, if the cluster says that
the partition or its topic does not exist; unavailable, if no broker could tell. If a leader fails,
or is no longer the leader, the leader is looked up and asked once more.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.snapshot import Partition
from jmxbridge.kafka.wire.error_codes import (
    FENCED_LEADER_EPOCH,
    KAFKA_STORAGE_ERROR,
    LEADER_NOT_AVAILABLE,
    NETWORK_EXCEPTION,
    NONE,
    NOT_LEADER_OR_FOLLOWER,
    OFFSET_NOT_AVAILABLE,
    REPLICA_NOT_AVAILABLE,
    UNKNOWN_LEADER_EPOCH,
    UNKNOWN_TOPIC_OR_PARTITION,
    error_name,
)
from jmxbridge.kafka.wire.errors import KafkaError
from jmxbridge.kafka.wire.requests import (
    EARLIEST,
    LATEST,
    READ_COMMITTED,
    READ_UNCOMMITTED,
    LeaderOffsets,
    ListOffsets,
    TopicMetadata,
)

_ASK_AGAIN = frozenset(
    {
        UNKNOWN_TOPIC_OR_PARTITION,
        LEADER_NOT_AVAILABLE,
        NOT_LEADER_OR_FOLLOWER,
        REPLICA_NOT_AVAILABLE,
        NETWORK_EXCEPTION,
        KAFKA_STORAGE_ERROR,
        FENCED_LEADER_EPOCH,
        UNKNOWN_LEADER_EPOCH,
        OFFSET_NOT_AVAILABLE,
    }
)


class Bound(NamedTuple):
    """One offset of a partition, as ListOffsets asks for it."""

    name: str
    timestamp: int
    isolation: int


END = Bound("end offset", LATEST, READ_UNCOMMITTED)
STABLE_END = Bound("last stable offset", LATEST, READ_COMMITTED)
START = Bound("start offset", EARLIEST, READ_UNCOMMITTED)


@dataclass(slots=True)
class ListedOffsets:
    """Each requested partition: its offset, or the reason why it has none."""

    offsets: dict[str, dict[int, int]] = field(default_factory=dict)
    orphaned: set[Partition] = field(default_factory=set)
    unavailable: set[Partition] = field(default_factory=set)


async def fetch_offsets(
    budget: PollBudget,
    metadata: MetadataCache,
    wanted: Mapping[str, Collection[int]],
    bound: Bound = END,
) -> ListedOffsets:
    """Fetch the end offsets of these partitions, by topic; or another bound of them."""
    listed = ListedOffsets()
    unknown = [
        name
        for name, indexes in wanted.items()
        if _needs_metadata(metadata.topics.get(name), indexes, bound)
    ]
    if unknown:
        await _refresh(budget, metadata, unknown)
    partitions = [(topic, index) for topic, indexes in wanted.items() for index in indexes]
    again = await _ask_leaders(budget, metadata, partitions, listed, bound)
    if again and await _refresh(budget, metadata, {topic for topic, _ in again}):
        again = await _ask_leaders(budget, metadata, again, listed, bound)
    listed.unavailable.update(again)
    if listed.unavailable:
        budget.note(_sentence(listed.unavailable, bound))
    return listed


def _needs_metadata(topic: TopicMetadata | None, indexes: Collection[int], bound: Bound) -> bool:
    """Whether a topic is unknown, or lacks one of these partitions: it may have grown.

    A topic that really lost partitions is looked up once a poll, with the ends, which come first.
    """
    return topic is None or (
        bound is END
        and topic.error == NONE
        and any(index not in topic.leaders for index in indexes)
    )


def _sentence(unavailable: Collection[Partition], bound: Bound) -> str:
    named = [f"{topic!r} {index}" for topic, index in sorted(unavailable)[:3]]
    named += ["…"] if len(unavailable) > len(named) else []
    return f"no {bound.name}: no leader answers for {', '.join(named)}"


async def _refresh(budget: PollBudget, metadata: MetadataCache, topics: Collection[str]) -> bool:
    try:
        await metadata.refresh(budget, topics)
    except KafkaError as exc:
        budget.note(exc)
        return False
    return True


async def _ask_leaders(
    budget: PollBudget,
    metadata: MetadataCache,
    partitions: Iterable[Partition],
    listed: ListedOffsets,
    bound: Bound,
) -> list[Partition]:
    """Add to `listed` what can be decided; return the partitions to try once more."""
    by_leader = _by_leader(budget, metadata, partitions, listed)
    again: list[Partition] = []
    tasks = []
    for node_id, topics in by_leader.items():
        broker = metadata.brokers.get(node_id)
        if broker is None:
            again += [(topic, index) for topic, indexes in topics.items() for index in indexes]
        else:
            tasks.append(_ask_leader(budget, broker, topics, bound))
    for topics, reply in await asyncio.gather(*tasks):
        again += _store(budget, topics, reply, listed, bound)
    return again


def _by_leader(
    budget: PollBudget,
    metadata: MetadataCache,
    partitions: Iterable[Partition],
    listed: ListedOffsets,
) -> dict[int, dict[str, list[int]]]:
    """Return partitions by leader and topic; decide about those without a leader."""
    by_leader: dict[int, dict[str, list[int]]] = {}
    for name, index in partitions:
        topic = metadata.topics.get(name)
        if topic is None:
            listed.unavailable.add((name, index))
        elif topic.error == UNKNOWN_TOPIC_OR_PARTITION:
            listed.orphaned.add((name, index))
        elif topic.error not in (NONE, LEADER_NOT_AVAILABLE):
            budget.note(f"topic {name!r}: {error_name(topic.error)}")
            listed.unavailable.add((name, index))
        elif index not in topic.leaders and topic.error == NONE:
            listed.orphaned.add((name, index))
        elif (leader := topic.leaders.get(index, -1)) < 0:
            listed.unavailable.add((name, index))
        else:
            by_leader.setdefault(leader, {}).setdefault(name, []).append(index)
    return by_leader


async def _ask_leader(
    budget: PollBudget, broker: Broker, topics: dict[str, list[int]], bound: Bound
) -> tuple[dict[str, list[int]], LeaderOffsets | None]:
    try:
        return topics, await budget.ask(
            broker, ListOffsets(topics, bound.timestamp, bound.isolation)
        )
    except KafkaError:
        return topics, None


def _store(
    budget: PollBudget,
    topics: Mapping[str, list[int]],
    reply: LeaderOffsets | None,
    listed: ListedOffsets,
    bound: Bound,
) -> list[Partition]:
    """Add a leader's answer to `listed`; return the partitions to try once more."""
    if reply is None:
        return [(topic, index) for topic, indexes in topics.items() for index in indexes]
    again: list[Partition] = []
    for topic, indexes in topics.items():
        offsets = reply.offsets.get(topic, {})
        known = listed.offsets.setdefault(topic, {})
        for index in indexes:
            if (offset := offsets.get(index)) is not None:
                known[index] = offset
                continue
            error = reply.errors.get((topic, index), NONE)
            if error in _ASK_AGAIN:
                again.append((topic, index))
                continue
            if error != NONE:
                budget.note(f"topic {topic!r}: no {bound.name}: {error_name(error)}")
            listed.unavailable.add((topic, index))
    return again
