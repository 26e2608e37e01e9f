"""Streams groups (KIP-1071): members are assigned tasks, and a topology maps tasks to partitions.

A task is a number within a subtopology: it reads the partition of that number of each source topic
that has one. Repartition topics, which the application writes itself, are sources too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.wire.api_numbers import STREAMS_GROUP_DESCRIBE, Api
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema


@dataclass(frozen=True, slots=True)
class StreamsGroupDescribe(KafkaRequest[Mapping[str, tuple[int, Membership]]]):
    """Read the members of streams groups → group → error code, members.

    If the source topics of a subtopology differ in their number of partitions, the assignment names
    partitions that do not exist.
    """

    api: ClassVar[Api] = STREAMS_GROUP_DESCRIBE
    groups: tuple[str, ...]

    def body(self, schema: Schema) -> Any:
        return schema.make(
            "StreamsGroupDescribeRequest",
            group_ids=self.groups,
            include_authorized_operations=False,
        )

    def reply(self, entity: Any) -> Mapping[str, tuple[int, Membership]]:
        return {
            group.group_id: (int(group.error_code), _membership(group)) for group in entity.groups
        }


def _membership(group: Any) -> Membership:
    subtopologies = (group.topology.subtopologies if group.topology else None) or ()
    sources = {
        subtopology.subtopology_id: (
            *subtopology.source_topics,
            *(topic.name for topic in subtopology.repartition_source_topics),
        )
        for subtopology in subtopologies
    }
    members = tuple(
        Member(
            consumer_id=member.member_id,
            client_id=member.client_id,
            host=member.client_host,
            assigned=tuple(_partitions(member.assignment.active_tasks, sources)),
        )
        for member in group.members
    )
    return Membership(group.group_id, group.group_state, members)


def _partitions(tasks: Any, sources: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, int]]:
    for task in tasks:
        for topic in sources.get(task.subtopology_id, ()):
            yield from ((topic, index) for index in task.partitions)
