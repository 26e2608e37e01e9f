"""Polls with partitions that are gone or lack a leader: no row, never 0, and counted."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from kio.schema.errors import ErrorCode

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.rows import compute
from tests.kafka.fake_answers import Asked
from tests.kafka.fake_cluster import FakeCluster, hang_up

StartFake = Callable[..., Awaitable[FakeCluster]]
ConnectTo = Callable[..., Cluster]


def groups_with_rows(snapshot: Snapshot) -> set[str]:
    """The groups that have rows."""
    return {row.group for row in compute(snapshot).partitions}


async def test_a_deleted_topic_is_orphaned(two: FakeCluster, connect_to: ConnectTo) -> None:
    """Commits of a topic that is gone: no end, no row, but counted; the poll is complete."""
    two.groups["a"].commits["deleted"] = {0: 3, 1: 4}

    snapshot = await connect_to(two).poll()

    assert snapshot.orphaned == {("deleted", 0), ("deleted", 1)}
    assert snapshot.unavailable == frozenset()
    assert snapshot.complete
    assert groups_with_rows(snapshot) == {"a", "b"}


async def test_a_topic_deleted_between_polls_is_orphaned_at_once(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The cached leader says it does not know the partition; fresh metadata says why."""
    cluster = connect_to(two)
    await cluster.poll()
    del two.leaders["x"]

    snapshot = await cluster.poll()

    assert snapshot.orphaned == {("x", 0)}
    assert groups_with_rows(snapshot) == {"b"}


async def test_a_partition_beyond_those_of_its_topic_is_orphaned(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A topic recreated with fewer partitions leaves commits behind."""
    two.groups["a"].commits["x"][7] = 3

    snapshot = await connect_to(two).poll()

    assert snapshot.orphaned == {("x", 7)}
    assert snapshot.end_offsets["x"] == {0: 10}


async def test_a_partition_added_to_a_known_topic_has_its_row_at_once(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """What is not among the leaders we know may be newer than they are: they are asked anew."""
    cluster = connect_to(two)
    await cluster.poll()
    two.leaders["x"][1], two.ends["x", 1] = 2, 5
    two.groups["a"].commits["x"][1] = 3

    snapshot = await cluster.poll()

    assert snapshot.orphaned == frozenset()
    assert snapshot.end_offsets["x"] == {0: 10, 1: 5}


async def test_a_topic_created_anew_is_known_by_its_id(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Where the old one began is nothing to the new one, whose commits are below that."""
    cluster = connect_to(two, refresh_s=0.0)
    old, new = UUID(int=1), UUID(int=2)
    two.ids["x"] = old
    two.starts["x", 0] = 7
    two.groups["a"].commits["x"][0] = 8
    before = await cluster.poll()
    two.ids["x"], two.starts["x", 0], two.groups["a"].commits["x"][0] = new, 0, 2

    after = await cluster.poll()

    assert [before.topic_ids["x"], after.topic_ids["x"]] == [str(old), str(new)]
    assert [before.start_offsets["x"], after.start_offsets["x"]] == [{0: 7}, {0: 0}]


async def test_a_topic_that_is_asked_about_in_every_poll_keeps_no_other_from_its_turn(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A commit of a topic that is gone, for months: what is known of all others grows old."""
    cluster = connect_to(two, refresh_s=0.2)
    two.ids["x"] = UUID(int=1)
    two.groups["a"].commits["deleted"] = {0: 5}
    await cluster.poll()
    two.ids["x"] = UUID(int=2)

    for _ in range(5):
        await asyncio.sleep(0.1)
        after = await cluster.poll()

    assert after.topic_ids["x"] == str(UUID(int=2))


async def test_a_partition_without_a_leader_is_unavailable(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """No leader: no row and never 0; asked again in the next poll, when it has one."""
    two.leaders["x"][1] = -1
    two.groups["a"].commits["x"][1] = 3
    cluster = connect_to(two)

    snapshot = await cluster.poll()
    two.leaders["x"][1], two.ends["x", 1] = 2, 5
    after = await cluster.poll()

    assert snapshot.unavailable == {("x", 1)}
    assert snapshot.errors == ("no end offset: no leader answers for 'x' 1",)
    assert snapshot.end_offsets["x"] == {0: 10}
    assert not snapshot.complete
    assert after.complete
    assert after.end_offsets["x"] == {0: 10, 1: 5}


async def test_a_topic_we_may_not_describe_is_named(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """TOPIC_AUTHORIZATION_FAILED: no row, counted as unavailable, and the others have theirs."""
    for broker in two.brokers.values():

        def refuse(asked: Asked, answer: Callable[[Asked], Any] = broker.answer_metadata) -> Any:
            reply = answer(asked)
            topics = tuple(
                dataclasses.replace(topic, error_code=ErrorCode(29), partitions=())
                if topic.name == "x"
                else topic
                for topic in reply.topics
            )
            return dataclasses.replace(reply, topics=topics)

        broker.scripts["metadata"] = refuse

    snapshot = await connect_to(two).poll()

    assert snapshot.unavailable == {("x", 0)}
    assert "topic 'x': TOPIC_AUTHORIZATION_FAILED (29)" in snapshot.errors
    assert not snapshot.complete
    assert [row.partitions_unavailable for row in compute(snapshot).groups] == [1, 0]
    assert groups_with_rows(snapshot) == {"b"}


async def test_a_leader_that_moved_is_looked_up_once_and_asked_once(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """NOT_LEADER from the old leader; fresh metadata; the new leader has the end."""
    cluster = connect_to(two)
    await cluster.poll()
    two.leaders["x"][0] = 2
    two.requests.clear()

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert snapshot.end_offsets["x"] == {0: 10}
    assert len(two.asked("metadata")) == 1
    assert len(two.asked("list_offsets")) == 3


@pytest.mark.parametrize("code", [5, 6, 9, 74, 75, 78])
async def test_an_end_that_stays_unknown_is_asked_for_twice(
    two: FakeCluster, connect_to: ConnectTo, code: int
) -> None:
    """Errors that pass are tried once more within the poll, then the partition is left out."""

    def answer(asked: Asked) -> Any:
        make = asked.schema.make
        end = make(
            "ListOffsetsPartitionResponse",
            partition_index=0,
            error_code=code,
            timestamp=-1,
            offset=-1,
        )
        topic = make("ListOffsetsTopicResponse", name="x", partitions=(end,))
        return asked.schema.reply(topics=(topic,))

    two.brokers[1].scripts["list_offsets"] = answer

    snapshot = await connect_to(two).poll()

    assert len(two.asked("list_offsets", broker=1)) == 2
    assert snapshot.unavailable == {("x", 0)}
    assert groups_with_rows(snapshot) == {"b"}


async def test_a_negative_end_without_an_error_is_unavailable(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """-1 is not an offset, whatever the error code says."""
    two.ends["x", 0] = -1

    snapshot = await connect_to(two).poll()

    assert snapshot.unavailable == {("x", 0)}


async def test_a_topic_nobody_commits_to_any_more_is_forgotten(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """What is asked about each minute does not grow with the topics that once were."""
    cluster = connect_to(two, refresh_s=0.0)
    await cluster.poll()
    two.groups["a"].commits.clear()
    await cluster.poll()
    two.requests.clear()

    await cluster.poll()

    (asked,) = two.asked("metadata")
    assert [topic.name for topic in asked.entity.topics] == ["y"]


async def test_a_topic_that_metadata_does_not_mention_is_unavailable(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Asked about and not answered for: the old leader is not believed any longer."""
    cluster = connect_to(two)
    await cluster.poll()
    two.leaders["x"][0] = 2

    def without_topics(asked: Asked) -> Any:
        return dataclasses.replace(two.brokers[1].answer_metadata(asked), topics=())

    for broker in two.brokers.values():
        broker.scripts["metadata"] = without_topics
    two.requests.clear()

    snapshot = await cluster.poll()

    assert snapshot.unavailable == {("x", 0)}
    assert len(two.asked("list_offsets", broker=1)) == 1


async def test_a_leader_that_fails_leaves_its_partitions_unavailable(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The commits are known, the ends are not: no rows for them, all others."""
    two.groups["a"].commits["y"] = {0: 1}
    two.brokers[2].scripts["list_offsets"] = hang_up

    snapshot = await connect_to(two).poll()

    assert snapshot.unavailable == {("y", 0)}
    assert snapshot.end_offsets == {"x": {0: 10}}
    assert not snapshot.complete


async def test_a_leader_the_cluster_does_not_name_is_none(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Metadata may be ahead of itself: a leader that is not among the brokers."""
    two.leaders["x"][0] = 9

    snapshot = await connect_to(two).poll()

    assert snapshot.unavailable == {("x", 0)}
    assert groups_with_rows(snapshot) == {"b"}
