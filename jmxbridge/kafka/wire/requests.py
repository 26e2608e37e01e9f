"""Requests to brokers, and their answers as plain values.

Rule: every request here reads. None creates, commits, joins or deletes.

A request makes itself of the entities of a schema (`body`) and reads the reply entity (`reply`);
the connection chooses the version. Error codes are returned as numbers, for the callers to judge:
most of them are answers, not failures. In a docstring, → leads to the shape of the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Commits, Partition
from jmxbridge.kafka.wire.api_numbers import (
    API_VERSIONS,
    CONSUMER_GROUP_DESCRIBE,
    DESCRIBE_GROUPS,
    FIND_COORDINATOR,
    LIST_GROUPS,
    LIST_OFFSETS,
    METADATA,
    OFFSET_FETCH,
    Api,
)
from jmxbridge.kafka.wire.assignment import read_assignment
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema
from jmxbridge.kafka.wire.error_codes import CORRUPT_MESSAGE
from jmxbridge.kafka.wire.errors import ReplyUnreadable

MANY_GROUPS = 8
"""OffsetFetch version from which one request takes several groups (KIP-709, Kafka 3.0)."""

MANY_COORDINATORS = 4
"""FindCoordinator version from which one request takes several groups (KIP-699, Kafka 3.0)."""

LATEST = -1
EARLIEST = -2
"""Special timestamps of ListOffsets: the end of the log, and its start."""

READ_UNCOMMITTED = 0
READ_COMMITTED = 1
_CONSUMER = -1
_GROUP_KEY = 0


@dataclass(frozen=True, slots=True)
class ApiVersions(KafkaRequest[tuple[int, Mapping[int, tuple[int, int]]]]):
    """Read the broker's API versions → error code, API number → lowest and highest version."""

    api: ClassVar[Api] = API_VERSIONS
    software_version: str

    def body(self, schema: Schema) -> Any:
        return schema.make(
            "ApiVersionsRequest",
            client_software_name="jmxbridge",
            client_software_version=self.software_version,
        )

    def reply(self, entity: Any) -> tuple[int, Mapping[int, tuple[int, int]]]:
        keys = {key.api_key: (key.min_version, key.max_version) for key in entity.api_keys}
        return int(entity.error_code), keys


@dataclass(frozen=True, slots=True)
class TopicMetadata:
    """One topic's error code, and the leader of each of its partitions; -1 for none.

    `id` changes when the topic is deleted and created again; None before Kafka 2.8.
    """

    error: int
    leaders: Mapping[int, int]
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterMetadata:
    """Brokers by id, with the address they advertise, and the requested topics.

    `cluster_id` is None if the broker is too old to have one.
    """

    brokers: Mapping[int, tuple[str, int]]
    topics: Mapping[str, TopicMetadata]
    cluster_id: str | None


@dataclass(frozen=True, slots=True)
class Metadata(KafkaRequest[ClusterMetadata]):
    """Read all brokers, and the partition leaders of these topics; never creates a topic."""

    api: ClassVar[Api] = METADATA
    topics: Sequence[str]

    def body(self, schema: Schema) -> Any:
        topics = tuple(
            schema.make("MetadataRequestTopic", topic_id=None, name=name) for name in self.topics
        )
        return schema.make(
            "MetadataRequest",
            topics=topics,
            allow_auto_topic_creation=False,
            include_cluster_authorized_operations=False,
            include_topic_authorized_operations=False,
        )

    def reply(self, entity: Any) -> ClusterMetadata:
        topics = {
            topic.name: TopicMetadata(
                int(topic.error_code),
                {p.partition_index: p.leader_id for p in topic.partitions},
                str(id_) if (id_ := getattr(topic, "topic_id", None)) else None,
            )
            for topic in entity.topics
        }
        brokers = {b.node_id: (b.host, b.port) for b in entity.brokers}
        return ClusterMetadata(brokers, topics, getattr(entity, "cluster_id", None))


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group in a broker's list; state and type are None where the broker is too old for them."""

    name: str
    protocol_type: str
    state: str | None
    type: str | None


@dataclass(frozen=True, slots=True)
class ListGroups(KafkaRequest[tuple[int, tuple[ListedGroup, ...]]]):
    """List the groups the broker coordinates → error code, groups; none with an error."""

    api: ClassVar[Api] = LIST_GROUPS

    def body(self, schema: Schema) -> Any:
        return schema.make("ListGroupsRequest", states_filter=(), types_filter=())

    def reply(self, entity: Any) -> tuple[int, tuple[ListedGroup, ...]]:
        groups = tuple(
            ListedGroup(
                name=group.group_id,
                protocol_type=group.protocol_type,
                state=getattr(group, "group_state", None) or None,
                type=getattr(group, "group_type", None) or None,
            )
            for group in entity.groups
        )
        return int(entity.error_code), groups


@dataclass(frozen=True, slots=True)
class FindCoordinator(KafkaRequest[Mapping[str, tuple[int, int]]]):
    """Find the coordinators of these groups → group → error code, broker id.

    One group only below version MANY_COORDINATORS. If the topic of all commits does not exist yet,
    brokers create it to answer this: ask only where it is known to exist.
    """

    api: ClassVar[Api] = FIND_COORDINATOR
    groups: tuple[str, ...]

    def body(self, schema: Schema) -> Any:
        return schema.make(
            "FindCoordinatorRequest",
            key_type=_GROUP_KEY,
            key=self.groups[0],
            coordinator_keys=self.groups,
        )

    def reply(self, entity: Any) -> Mapping[str, tuple[int, int]]:
        if hasattr(entity, "coordinators"):
            return {c.key: (int(c.error_code), c.node_id) for c in entity.coordinators}
        return {self.groups[0]: (int(entity.error_code), entity.node_id)}


@dataclass(frozen=True, slots=True)
class OffsetFetch(KafkaRequest[Mapping[str, tuple[int, Commits]]]):
    """Fetch all commits of these groups → group → error code, commits.

    One group only below version MANY_GROUPS.
    """

    api: ClassVar[Api] = OFFSET_FETCH
    groups: tuple[str, ...]

    def body(self, schema: Schema) -> Any:
        if schema.version < MANY_GROUPS:
            return schema.make("OffsetFetchRequest", group_id=self.groups[0], topics=None)
        groups = tuple(
            schema.make("OffsetFetchRequestGroup", group_id=group, topics=None)
            for group in self.groups
        )
        return schema.make("OffsetFetchRequest", groups=groups)

    def reply(self, entity: Any) -> Mapping[str, tuple[int, Commits]]:
        if hasattr(entity, "groups"):
            return {g.group_id: (int(g.error_code), _commits(g.topics)) for g in entity.groups}
        return {self.groups[0]: (int(entity.error_code), _commits(entity.topics))}


def _commits(topics: Any) -> Commits:
    return {
        topic.name: {
            p.partition_index: None if p.error_code else p.committed_offset
            for p in topic.partitions
        }
        for topic in topics
    }


@dataclass(frozen=True, slots=True)
class LeaderOffsets:
    """Offsets by topic and partition; the error code of each partition that has none."""

    offsets: Mapping[str, Mapping[int, int]]
    errors: Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class ListOffsets(KafkaRequest[LeaderOffsets]):
    """Read the end or start offsets of these partitions from their leader → LeaderOffsets.

    READ_UNCOMMITTED returns the high watermark as the end, READ_COMMITTED the start of the first
    open transaction. A negative offset without an error is left out of the answer, like a partition
    that the broker did not mention.
    """

    api: ClassVar[Api] = LIST_OFFSETS
    partitions: Mapping[str, Sequence[int]]
    timestamp: int = LATEST
    isolation: int = READ_UNCOMMITTED

    def body(self, schema: Schema) -> Any:
        topics = tuple(
            schema.make(
                "ListOffsetsTopic",
                name=topic,
                partitions=tuple(
                    schema.make(
                        "ListOffsetsPartition", partition_index=index, timestamp=self.timestamp
                    )
                    for index in indexes
                ),
            )
            for topic, indexes in self.partitions.items()
        )
        return schema.make(
            "ListOffsetsRequest",
            replica_id=_CONSUMER,
            isolation_level=self.isolation,
            topics=topics,
        )

    def reply(self, entity: Any) -> LeaderOffsets:
        offsets: dict[str, dict[int, int]] = {}
        errors: dict[Partition, int] = {}
        for topic in entity.topics:
            offsets_of_topic = offsets.setdefault(topic.name, {})
            for p in topic.partitions:
                if p.error_code:
                    errors[topic.name, p.partition_index] = int(p.error_code)
                elif p.offset >= 0:
                    offsets_of_topic[p.partition_index] = p.offset
        return LeaderOffsets(offsets, errors)


@dataclass(frozen=True, slots=True)
class DescribeGroups(KafkaRequest[Mapping[str, tuple[int, Membership]]]):
    """Read the members of groups of the classic protocol → group → error code, members.

    A group of the newer protocol (KIP-848) is answered as dead or not found. A group whose leader
    wrote an unreadable assignment has CORRUPT_MESSAGE; the other groups are not affected.
    """

    api: ClassVar[Api] = DESCRIBE_GROUPS
    groups: tuple[str, ...]

    def body(self, schema: Schema) -> Any:
        return schema.make(
            "DescribeGroupsRequest", groups=self.groups, include_authorized_operations=False
        )

    def reply(self, entity: Any) -> Mapping[str, tuple[int, Membership]]:
        return {group.group_id: _described(group) for group in entity.groups}


def _described(group: Any) -> tuple[int, Membership]:
    try:
        return int(group.error_code), _classic(group)
    except ReplyUnreadable:
        return CORRUPT_MESSAGE, Membership(group.group_id, group.group_state, ())


def _classic(group: Any) -> Membership:
    """Return the members of a classic group; assignments are readable in consumer groups only."""
    readable = group.protocol_type == "consumer"
    members = tuple(
        Member(
            consumer_id=member.member_id,
            client_id=member.client_id,
            host=member.client_host,
            assigned=read_assignment(member.member_assignment) if readable else (),
        )
        for member in group.members
    )
    return Membership(group.group_id, group.group_state, members)


@dataclass(frozen=True, slots=True)
class ConsumerGroupDescribe(KafkaRequest[Mapping[str, tuple[int, Membership]]]):
    """Read members of groups of the consumer protocol (KIP-848) → group → error code, members."""

    api: ClassVar[Api] = CONSUMER_GROUP_DESCRIBE
    groups: tuple[str, ...]

    def body(self, schema: Schema) -> Any:
        return schema.make(
            "ConsumerGroupDescribeRequest",
            group_ids=self.groups,
            include_authorized_operations=False,
        )

    def reply(self, entity: Any) -> Mapping[str, tuple[int, Membership]]:
        return {
            group.group_id: (int(group.error_code), _consumer(group)) for group in entity.groups
        }


def _consumer(group: Any) -> Membership:
    members = tuple(
        Member(
            consumer_id=member.member_id,
            client_id=member.client_id,
            host=member.client_host,
            assigned=tuple(
                (topic.topic_name, index)
                for topic in member.assignment.topic_partitions
                for index in topic.partitions
            ),
        )
        for member in group.members
    )
    return Membership(group.group_id, group.group_state, members)
