"""Answers of a healthy broker, from the state of its cluster; built with kio alone."""

import importlib
import io
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from kio.schema.errors import ErrorCode
from kio.serial import entity_writer
from kio.static.primitive import i32Timedelta, i64Timedelta


@dataclass
class Asked:
    """A request as the broker read it."""

    broker: int
    api: str
    version: int
    entity: Any
    schema: "Replies"


@dataclass
class Group:
    """A group of the fake cluster; `listed_by` defaults to its coordinator."""

    commits: dict[str, dict[int, int]]
    coordinator: int = 1
    protocol_type: str = "consumer"
    state: str = "Stable"
    type: str = "Classic"
    listed_by: tuple[int, ...] | None = None
    members: list[tuple[str, dict[str, list[int]]]] = field(default_factory=list)


class Replies:
    """The reply entities of one API in one version."""

    def __init__(self, api: str, version: int, throttle_ms: int = 0) -> None:
        self.throttle_time = i32Timedelta.parse(timedelta(milliseconds=throttle_ms))
        self.module = importlib.import_module(f"kio.schema.{api}.v{version}.response")
        self.title = "".join(map(str.capitalize, api.split("_"))) + "Response"

    def make(self, name: str, /, **values: Any) -> Any:
        """Make an entity; values the version has no field for are left out."""
        cls = getattr(self.module, name)
        values.setdefault("throttle_time", self.throttle_time)
        if "error_code" in values:
            values["error_code"] = ErrorCode(values["error_code"])
        known = cls.__dataclass_fields__
        return cls(**{key: value for key, value in values.items() if key in known})

    def reply(self, **values: Any) -> Any:
        """Make the outermost entity."""
        return self.make(self.title, **values)

    def encode(self, entity: Any) -> bytes:
        """Return the bytes that follow the correlation id."""
        buffer = io.BytesIO()
        if type(entity).__header_schema__.__flexible__:
            buffer.write(b"\0")
        entity_writer(type(entity))(buffer, entity)
        return buffer.getvalue()


class World:
    """The state of a cluster.

    `leaders` is topic → partition → broker id (-1: no leader). `ends` are the end offsets of
    partitions, `stable_ends` the last stable offsets where they differ, `starts` the start offsets.
    `ids` has the ids of topics, `ports` those of brokers, `versions` what every broker offers. A
    login is valid for `session_s`, 0 without a limit. `written` has the timestamps of a partition's
    records, in ms, from offset 0 on. `configs` has configuration by type (2 topic, 4 broker) and
    name of the resource, None where we may not read it. Every answer announces a delay of
    `throttle_ms`, without delaying anything. `host` is what all brokers advertise.
    """

    def __init__(self, versions: dict[int, tuple[int, int]]) -> None:
        self.leaders: dict[str, dict[int, int]] = {}
        self.ends: dict[tuple[str, int], int] = {}
        self.stable_ends: dict[tuple[str, int], int] = {}
        self.starts: dict[tuple[str, int], int] = {}
        self.ids: dict[str, UUID] = {}
        self.written: dict[tuple[str, int], list[int]] = {}
        self.configs: dict[tuple[int, str], dict[str, str] | None] = {}
        self.groups: dict[str, Group] = {}
        self.versions = versions
        self.ports: dict[int, int] = {}
        self.session_s = 0.0
        self.throttle_ms = 0
        self.host = "127.0.0.1"

    def add_topic(self, name: str, partitions: int = 1, *, end: int = 0, leader: int = 1) -> None:
        """Add a topic, all its partitions led by one broker."""
        self.leaders[name] = dict.fromkeys(range(partitions), leader)
        self.ends |= {(name, index): end for index in range(partitions)}


class HealthyBroker:
    """A method for each API: `answer_metadata` and so on."""

    def __init__(self, world: World, node_id: int) -> None:
        self.world = world
        self.node_id = node_id

    def answer_api_versions(self, asked: Asked) -> Any:
        """Answer with the versions of the cluster."""
        make = asked.schema.make
        keys = tuple(
            make("ApiVersion", api_key=key, min_version=lowest, max_version=highest)
            for key, (lowest, highest) in self.world.versions.items()
        )
        return asked.schema.reply(error_code=0, api_keys=keys)

    def answer_sasl_handshake(self, asked: Asked) -> Any:
        """Accept every mechanism."""
        return asked.schema.reply(error_code=0, mechanisms=(asked.entity.mechanism,))

    def answer_sasl_authenticate(self, asked: Asked) -> Any:
        """Accept every login, for `session_s`."""
        lifetime = i64Timedelta.parse(timedelta(seconds=self.world.session_s))
        return asked.schema.reply(
            error_code=0, error_message=None, auth_bytes=b"", session_lifetime=lifetime
        )

    def answer_metadata(self, asked: Asked) -> Any:
        """Answer with all brokers and the topics requested; error 3 for missing topics."""
        make = asked.schema.make
        brokers = tuple(
            make("MetadataResponseBroker", node_id=node_id, host=self.world.host, port=port)
            for node_id, port in self.world.ports.items()
        )
        topics = tuple(self._topic(asked, topic.name) for topic in asked.entity.topics)
        return asked.schema.reply(brokers=brokers, topics=topics, error_code=0)

    def _topic(self, asked: Asked, name: str) -> Any:
        make = asked.schema.make
        leaders = self.world.leaders.get(name)
        partitions = tuple(
            make(
                "MetadataResponsePartition",
                error_code=0 if leader >= 0 else 5,
                partition_index=index,
                leader_id=leader,
            )
            for index, leader in (leaders or {}).items()
        )
        return make(
            "MetadataResponseTopic",
            error_code=3 if leaders is None else 0,
            name=name,
            topic_id=self.world.ids.get(name),
            partitions=partitions,
        )

    def answer_list_groups(self, asked: Asked) -> Any:
        """Answer with the groups that this broker coordinates, or has to list."""
        groups = tuple(
            asked.schema.make(
                "ListedGroup",
                group_id=name,
                protocol_type=group.protocol_type,
                group_state=group.state,
                group_type=group.type,
            )
            for name, group in self.world.groups.items()
            if self.node_id in (group.listed_by or (group.coordinator,))
        )
        return asked.schema.reply(error_code=0, groups=groups)

    def answer_find_coordinator(self, asked: Asked) -> Any:
        """Answer with the coordinator of each group; broker 1 for groups that do not exist."""
        if asked.version < 4:
            return asked.schema.reply(**self._coordinator(asked.entity.key))
        coordinators = tuple(
            asked.schema.make("Coordinator", key=key, **self._coordinator(key))
            for key in asked.entity.coordinator_keys
        )
        return asked.schema.reply(coordinators=coordinators)

    def _coordinator(self, name: str) -> dict[str, Any]:
        group = self.world.groups.get(name)
        node_id = group.coordinator if group else 1
        where = {"node_id": node_id, "host": "127.0.0.1", "port": self.world.ports[node_id]}
        return {**where, "error_code": 0, "error_message": None}

    def answer_offset_fetch(self, asked: Asked) -> Any:
        """Answer with the commits of each group; error 16 for groups of other coordinators."""
        if asked.version < 8:
            return self._commits(asked, "", asked.entity.group_id)
        groups = tuple(self._commits(asked, "Group", g.group_id) for g in asked.entity.groups)
        return asked.schema.reply(groups=groups)

    def _commits(self, asked: Asked, name: str, group_id: str) -> Any:
        make, plural = asked.schema.make, "s" if asked.version >= 8 else ""
        group = self.world.groups.get(group_id)
        error = 16 if group is not None and group.coordinator != self.node_id else 0
        topics = tuple(
            make(
                f"OffsetFetchResponseTopic{plural}",
                name=topic,
                partitions=tuple(
                    make(
                        f"OffsetFetchResponsePartition{plural}",
                        partition_index=index,
                        committed_offset=offset,
                        metadata="",
                        error_code=0,
                    )
                    for index, offset in offsets.items()
                ),
            )
            for topic, offsets in (group.commits if group and not error else {}).items()
        )
        return make(
            f"OffsetFetchResponse{name}", group_id=group_id, topics=topics, error_code=error
        )

    def answer_list_offsets(self, asked: Asked) -> Any:
        """Answer with offsets of partitions led here; error 6 for other leaders, 3 for no topic."""
        make = asked.schema.make
        topics = tuple(
            make(
                "ListOffsetsTopicResponse",
                name=topic.name,
                partitions=tuple(self._end(asked, topic.name, p) for p in topic.partitions),
            )
            for topic in asked.entity.topics
        )
        return asked.schema.reply(topics=topics)

    def _end(self, asked: Asked, topic: str, partition: Any) -> Any:
        index = partition.partition_index
        leader = self.world.leaders.get(topic, {}).get(index)
        error = 3 if leader is None else 0 if leader == self.node_id else 6
        offset, written_ms = -1, -1
        if not error and partition.timestamp >= 0:
            offset, written_ms = self._first_since((topic, index), partition.timestamp)
        elif not error:
            offset = self._offset(asked, (topic, index), partition)
        return asked.schema.make(
            "ListOffsetsPartitionResponse",
            partition_index=index,
            error_code=error,
            timestamp=written_ms,
            offset=offset,
        )

    def _first_since(self, at: tuple[str, int], time_ms: int) -> tuple[int, int]:
        for offset, written_ms in enumerate(self.world.written.get(at, [])):
            if offset >= self.world.starts.get(at, 0) and written_ms >= time_ms:
                return offset, written_ms
        return -1, -1

    def _offset(self, asked: Asked, at: tuple[str, int], partition: Any) -> int:
        if partition.timestamp == -2:
            return self.world.starts.get(at, 0)
        if getattr(asked.entity, "isolation_level", 0) == 1:
            return self.world.stable_ends.get(at, self.world.ends[at])
        return self.world.ends[at]

    def answer_describe_configs(self, asked: Asked) -> Any:
        """Answer with the keys requested; error 29 where we may not read them."""
        results = tuple(self._config(asked, resource) for resource in asked.entity.resources)
        return asked.schema.reply(results=results)

    def _config(self, asked: Asked, resource: Any) -> Any:
        make, name = asked.schema.make, resource.resource_name
        values = self.world.configs.get((resource.resource_type, name), {})
        assert resource.resource_type != 4 or name == str(self.node_id), "asked of another broker"
        configs = tuple(
            make(
                "DescribeConfigsResourceResult",
                name=key,
                value=value,
                read_only=False,
                config_source=5,
                is_sensitive=False,
                synonyms=(),
                config_type=0,
                documentation=None,
            )
            for key, value in (values or {}).items()
            if key in resource.configuration_keys
        )
        return make(
            "DescribeConfigsResult",
            error_code=29 if values is None else 0,
            error_message=None,
            resource_type=resource.resource_type,
            resource_name=name,
            configs=configs,
        )

    def answer_describe_share_group_offsets(self, asked: Asked) -> Any:
        """Answer with start offsets, from the commits of the group; with lags in version 1."""
        groups = tuple(self._shares(asked, g.group_id) for g in asked.entity.groups)
        return asked.schema.reply(groups=groups)

    def _shares(self, asked: Asked, name: str) -> Any:
        make = asked.schema.make
        group = self.world.groups.get(name)
        topics = tuple(
            make(
                "DescribeShareGroupOffsetsResponseTopic",
                topic_name=topic,
                topic_id=None,
                partitions=tuple(
                    make(
                        "DescribeShareGroupOffsetsResponsePartition",
                        partition_index=index,
                        start_offset=offset,
                        leader_epoch=0,
                        lag=self.world.ends[topic, index] - offset,
                        error_code=0,
                        error_message=None,
                    )
                    for index, offset in offsets.items()
                ),
            )
            for topic, offsets in (group.commits if group else {}).items()
        )
        return make(
            "DescribeShareGroupOffsetsResponseGroup",
            group_id=name,
            topics=topics,
            error_code=0 if group else 69,
            error_message=None,
        )

    def answer_describe_groups(self, asked: Asked) -> Any:
        """Answer with members of classic groups; other groups are not found."""
        groups = tuple(self._classic(asked, name) for name in asked.entity.groups)
        return asked.schema.reply(groups=groups)

    def _classic(self, asked: Asked, name: str) -> Any:
        make = asked.schema.make
        group = self.world.groups.get(name)
        is_classic = group is not None and group.type.lower() == "classic"
        members = tuple(
            make(
                "DescribedGroupMember",
                member_id=f"{client}-id",
                client_id=client,
                client_host="/127.0.0.1",
                member_metadata=b"",
                member_assignment=assignment(topics),
            )
            for client, topics in (group.members if group and is_classic else ())
        )
        return make(
            "DescribedGroup",
            error_code=0 if is_classic or asked.version < 6 else 69,
            group_id=name,
            group_state=group.state if group and is_classic else "Dead",
            protocol_type=group.protocol_type if group and is_classic else "",
            protocol_data="",
            members=members,
        )

    def answer_consumer_group_describe(self, asked: Asked) -> Any:
        """Answer with members of groups of the consumer protocol (KIP-848)."""
        groups = tuple(self._consumer(asked, name) for name in asked.entity.group_ids)
        return asked.schema.reply(groups=groups)

    def _consumer(self, asked: Asked, name: str) -> Any:
        make = asked.schema.make
        group = self.world.groups[name]
        members = tuple(
            make(
                "Member",
                member_id=f"{client}-id",
                member_epoch=1,
                client_id=client,
                client_host="/127.0.0.1",
                assignment=self._assignment(asked, topics),
                target_assignment=self._assignment(asked, topics),
            )
            for client, topics in group.members
        )
        return make(
            "DescribedGroup",
            error_code=0,
            group_id=name,
            group_state=group.state,
            group_epoch=1,
            assignment_epoch=1,
            assignor_name="uniform",
            members=members,
        )

    def answer_streams_group_describe(self, asked: Asked) -> Any:
        """The members of streams groups: all topics of a group are sources of one subtopology."""
        groups = tuple(self._streams(asked, name) for name in asked.entity.group_ids)
        return asked.schema.reply(groups=groups)

    def _streams(self, asked: Asked, name: str) -> Any:
        make = asked.schema.make
        group = self.world.groups[name]
        topics = {topic for _, given in group.members for topic in given}
        repartition = make(
            "TopicInfo",
            name="app-repartition",
            partitions=1,
            replication_factor=1,
            topic_configs=(),
        )
        subtopology = make(
            "Subtopology",
            subtopology_id="0",
            source_topics=tuple(sorted(topics)),
            repartition_source_topics=(repartition,),
            state_changelog_topics=(),
        )
        nothing = make("Assignment", active_tasks=(), standby_tasks=(), warmup_tasks=())
        members = tuple(
            make(
                "Member",
                member_id=f"{client}-id",
                member_epoch=1,
                client_id=client,
                client_host="/127.0.0.1",
                topology_epoch=1,
                process_id="p",
                client_tags=(),
                task_offsets=(),
                task_end_offsets=(),
                is_classic=False,
                target_assignment=nothing,
                assignment=make(
                    "Assignment",
                    active_tasks=tuple(
                        make("TaskIds", subtopology_id="0", partitions=tuple(indexes))
                        for indexes in given.values()
                    ),
                    standby_tasks=(),
                    warmup_tasks=(),
                ),
            )
            for client, given in group.members
        )
        return make(
            "DescribedGroup",
            error_code=0,
            group_id=name,
            group_state=group.state,
            group_epoch=1,
            assignment_epoch=1,
            topology=make("Topology", epoch=1, subtopologies=(subtopology,)),
            members=members,
        )

    def _assignment(self, asked: Asked, topics: dict[str, list[int]]) -> Any:
        make = asked.schema.make
        return make(
            "Assignment",
            topic_partitions=tuple(
                make("TopicPartitions", topic_id=None, topic_name=topic, partitions=tuple(indexes))
                for topic, indexes in topics.items()
            ),
        )


def assignment(topics: dict[str, list[int]]) -> bytes:
    """Return an assignment as a classic group's leader writes it, in version 1 of its format."""
    data = importlib.import_module("kio.schema.consumer_protocol_assignment.v1.data")
    entity = data.ConsumerProtocolAssignment(
        assigned_partitions=tuple(
            data.TopicPartition(topic=topic, partitions=tuple(indexes))
            for topic, indexes in topics.items()
        ),
        user_data=None,
    )
    buffer = io.BytesIO(b"\0\1")
    buffer.seek(2)
    entity_writer(data.ConsumerProtocolAssignment)(buffer, entity)
    return buffer.getvalue()
