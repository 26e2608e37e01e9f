"""fetch_offsets: a partition has an offset, is orphaned, or is unavailable; never 0 by default."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.vanished_groups import VanishedGroups
from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_answers import Asked
from tests.kafka.fake_cluster import FakeCluster, hang_up
from tests.kafka.polling import ConnectTo, groups_with_rows, lags


async def poll(cluster: Cluster, remembered: VanishedGroups) -> Snapshot:
    """Poll as the lag poll does, at one instant: commits, groups that are gone, ends."""
    read = await cluster.read_commits()
    last_commits = remembered.merge(read.commits, read.gone, 1)
    return await cluster.read_ends(read.with_vanished(last_commits))


async def test_fetch_offsets_reports_a_deleted_topic_as_orphaned(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Commits of a deleted topic: no end and no row, but counted; the poll is complete."""
    two.groups["a"].commits["deleted"] = {0: 3, 1: 4}

    snapshot = await connect_to(two).poll()

    assert snapshot.orphaned == {("deleted", 0), ("deleted", 1)}
    assert snapshot.unavailable == frozenset()
    assert snapshot.complete
    assert groups_with_rows(snapshot) == {"a", "b"}


async def test_fetch_offsets_reports_a_topic_deleted_between_polls_at_once(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The cached leader does not know the partition; fresh metadata says why."""
    cluster = connect_to(two)
    await cluster.poll()
    del two.leaders["x"]

    snapshot = await cluster.poll()

    assert snapshot.orphaned == {("x", 0)}
    assert groups_with_rows(snapshot) == {"b"}


async def test_fetch_offsets_reports_a_partition_beyond_its_topic_as_orphaned(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A topic recreated with fewer partitions leaves commits behind."""
    two.groups["a"].commits["x"][7] = 3

    snapshot = await connect_to(two).poll()

    assert snapshot.orphaned == {("x", 7)}
    assert snapshot.end_offsets["x"] == {0: 10}


async def test_fetch_offsets_finds_a_partition_added_to_a_known_topic(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A partition without a known leader may be newer than the metadata, which is refreshed."""
    cluster = connect_to(two)
    await cluster.poll()
    two.leaders["x"][1], two.ends["x", 1] = 2, 5
    two.groups["a"].commits["x"][1] = 3

    snapshot = await cluster.poll()

    assert snapshot.orphaned == frozenset()
    assert snapshot.end_offsets["x"] == {0: 10, 1: 5}


async def test_fetch_offsets_reports_a_partition_without_a_leader(
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


async def test_fetch_offsets_names_a_topic_that_may_not_be_described(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """TOPIC_AUTHORIZATION_FAILED: no row, counted as unavailable; the others have theirs."""
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
    assert [row.partitions_unavailable for row in compute_lags(snapshot).groups] == [1, 0]
    assert groups_with_rows(snapshot) == {"b"}


async def test_fetch_offsets_follows_a_moved_leader(
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
async def test_fetch_offsets_tries_transient_errors_twice(
    two: FakeCluster, connect_to: ConnectTo, code: int
) -> None:
    """Transient errors are tried once more within the poll, then the partition is left out."""

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


async def test_fetch_offsets_reports_a_negative_end_as_unavailable(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """-1 is not an offset, whatever the error code is."""
    two.ends["x", 0] = -1

    snapshot = await connect_to(two).poll()

    assert snapshot.unavailable == {("x", 0)}


async def test_fetch_offsets_reports_a_topic_missing_in_metadata_as_unavailable(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Requested and not answered: the old leader is no longer trusted."""
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


async def test_fetch_offsets_reports_partitions_of_a_failing_leader(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The commits are known, the ends are not: no rows for them, all others."""
    two.groups["a"].commits["y"] = {0: 1}
    two.brokers[2].scripts["list_offsets"] = hang_up

    snapshot = await connect_to(two).poll()

    assert snapshot.unavailable == {("y", 0)}
    assert snapshot.end_offsets == {"x": {0: 10}}
    assert not snapshot.complete


async def test_fetch_offsets_ignores_a_leader_that_is_no_broker(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Metadata may name a leader that is not among the brokers."""
    two.leaders["x"][0] = 9

    snapshot = await connect_to(two).poll()

    assert snapshot.unavailable == {("x", 0)}
    assert groups_with_rows(snapshot) == {"b"}


async def test_fetch_offsets_ends_read_committed_groups_at_open_transactions(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Other groups, and the requests for them, are as before."""
    two.groups["b"].commits["x"] = {0: 4}
    two.stable_ends["x", 0] = 6

    snapshot = await connect_to(two, read_committed="a".__eq__).poll()

    assert {(r.group, r.topic): r.lag for r in compute_lags(snapshot).partitions} == {
        ("a", "x"): 2,
        ("b", "x"): 6,
        ("b", "y"): 5,
    }
    isolated = [a for a in two.asked("list_offsets") if a.entity.isolation_level == 1]
    assert [[topic.name for topic in asked.entity.topics] for asked in isolated] == [["x"]]


async def test_fetch_offsets_never_replaces_a_stable_end_by_another(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The other end would be another number under the same name, so the row is left out."""
    healthy = two.brokers[1].answer_list_offsets

    def fail_isolated(asked: Asked) -> object:
        reply = healthy(asked)
        if asked.entity.isolation_level == 0:
            return reply
        make = asked.schema.make
        bad = make("ListOffsetsPartitionResponse", partition_index=0, error_code=78, offset=-1,
                   timestamp=-1)  # fmt: skip
        return asked.schema.reply(
            topics=(make("ListOffsetsTopicResponse", name="x", partitions=(bad,)),)
        )

    two.brokers[1].scripts["list_offsets"] = fail_isolated

    snapshot = await connect_to(two, read_committed="a".__eq__).poll()

    assert lags(snapshot, "a") == []
    assert lags(snapshot, "b") == [5]
    assert snapshot.unavailable == {("x", 0)}
    assert not snapshot.complete
