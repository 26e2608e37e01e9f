"""Polls while coordinators move, load or refuse: a group is gone only when that is said."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.rows import compute
from tests.kafka.fake_answers import Asked
from tests.kafka.fake_cluster import FakeBroker, FakeCluster

StartFake = Callable[..., Awaitable[FakeCluster]]
ConnectTo = Callable[..., Cluster]


def groups_with_rows(snapshot: Snapshot) -> set[str]:
    """The groups that have rows."""
    return {row.group for row in compute(snapshot).partitions}


async def test_a_moved_coordinator_is_found_within_the_poll(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """NOT_COORDINATOR: looked up again and asked again; the rows are all there."""
    cluster = connect_to(two)
    await cluster.poll()
    two.groups["a"].coordinator = 2
    two.groups["a"].listed_by = (1,)

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_with_rows(snapshot) == {"a", "b"}
    assert snapshot.groups["a"].coordinator == 2


@pytest.mark.parametrize("code", [14, 15, 16])
async def test_a_coordinator_that_is_not_ready_is_asked_again(
    two: FakeCluster, connect_to: ConnectTo, code: int
) -> None:
    """Loading, not available, not mine: each for two answers, then fine; nothing is lost."""
    broker = two.brokers[1]
    refusals = 0

    def not_ready(asked: Asked) -> Any:
        nonlocal refusals
        refusals += 1
        if refusals > 2:
            return broker.answer_offset_fetch(asked)
        make = asked.schema.make
        group = make("OffsetFetchResponseGroup", group_id="a", topics=(), error_code=code)
        return asked.schema.reply(groups=(group,))

    broker.scripts["offset_fetch"] = not_ready

    snapshot = await connect_to(two).poll()

    assert snapshot.complete
    assert snapshot.errors == ()
    assert groups_with_rows(snapshot) == {"a", "b"}


async def test_a_coordinator_that_stays_unready_is_no_empty_group(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """After four tries the group is left out of this poll, kept, and the poll is incomplete."""

    def loading(asked: Asked) -> Any:
        make = asked.schema.make
        group = make("OffsetFetchResponseGroup", group_id="a", topics=(), error_code=14)
        return asked.schema.reply(groups=(group,))

    two.brokers[1].scripts["offset_fetch"] = loading
    cluster = connect_to(two)

    snapshot = await cluster.poll()

    assert len(two.asked("offset_fetch", broker=1)) == 4
    assert set(snapshot.groups) == {"a", "b"}
    assert set(snapshot.commits) == {"b"}
    assert not snapshot.complete
    assert snapshot.errors == (
        "group 'a': no commits from its coordinator: COORDINATOR_LOAD_IN_PROGRESS (14)",
    )


async def test_a_loading_broker_is_taken_at_its_last_list(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Error 14 comes with an empty list; its groups keep their rows, the poll is incomplete."""
    cluster = connect_to(two)
    await cluster.poll()
    two.brokers[1].scripts["list_groups"] = lambda asked: asked.schema.reply(
        error_code=14, groups=()
    )

    snapshot = await cluster.poll()

    assert groups_with_rows(snapshot) == {"a", "b"}
    assert not snapshot.complete
    assert two.asked("find_coordinator") == []


async def test_a_broker_that_is_loading_from_the_start_makes_the_poll_incomplete(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Without an earlier list its groups are not known; the snapshot does not claim otherwise."""
    two.brokers[1].scripts["list_groups"] = lambda asked: asked.schema.reply(
        error_code=14, groups=()
    )

    snapshot = await connect_to(two).poll()

    assert groups_with_rows(snapshot) == {"b"}
    assert not snapshot.complete


async def test_a_group_that_nobody_lists_is_not_gone(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """For a second during a move no broker lists it: asked by name, in one request, it is there."""
    cluster = connect_to(two)
    await cluster.poll()
    two.groups["a"].listed_by = two.groups["b"].listed_by = (3,)
    two.groups["a"].coordinator = 2

    snapshot = await cluster.poll()

    assert groups_with_rows(snapshot) == {"a", "b"}
    assert snapshot.gone == frozenset()
    assert not snapshot.complete
    (asked,) = two.asked("find_coordinator")
    assert sorted(asked.entity.coordinator_keys) == ["a", "b"]


async def test_a_group_is_gone_when_its_coordinator_says_so(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Unlisted, and an answer without error and without commits: reported once, then forgotten."""
    cluster = connect_to(two)
    await cluster.poll()
    del two.groups["a"]

    snapshot = await cluster.poll()
    after = await cluster.poll()

    assert snapshot.gone == {"a"}
    assert set(snapshot.groups) == set(snapshot.commits) == {"b"}
    assert snapshot.complete
    assert after.gone == frozenset()
    assert len(two.asked("find_coordinator")) == 1


async def test_a_group_whose_coordinator_is_dead_is_not_gone(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Unlisted because its broker is away: it is kept, has no rows, and comes back."""
    cluster = connect_to(two)
    await cluster.poll()
    await two.brokers[2].stop()
    for _ in range(3):
        snapshot = await cluster.poll()
        assert snapshot.gone == frozenset()
        assert set(snapshot.groups) == {"a", "b"}
        assert set(snapshot.commits) == {"a"}
    await two.brokers[2].start()

    assert groups_with_rows(await cluster.poll()) == {"a", "b"}


async def test_a_negative_commit_is_no_commit(two: FakeCluster, connect_to: ConnectTo) -> None:
    """-1 from a coordinator means uncommitted: no row, and its end is not asked for."""
    two.groups["a"].commits["x"][0] = -1

    snapshot = await connect_to(two).poll()

    assert "x" not in {t.name for a in two.asked("list_offsets") for t in a.entity.topics}
    assert groups_with_rows(snapshot) == {"b"}
    assert snapshot.complete


async def test_a_commit_with_an_error_is_unavailable(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The coordinator could not say what was committed: counted, and the poll is incomplete."""
    broker = two.brokers[1]

    def answer(asked: Asked) -> Any:
        make = asked.schema.make
        partition = make(
            "OffsetFetchResponsePartitions",
            partition_index=0,
            committed_offset=-1,
            metadata="",
            error_code=88,
        )
        topic = make("OffsetFetchResponseTopics", name="x", partitions=(partition,))
        group = make("OffsetFetchResponseGroup", group_id="a", topics=(topic,), error_code=0)
        return asked.schema.reply(groups=(group,))

    broker.scripts["offset_fetch"] = answer

    snapshot = await connect_to(two).poll()

    (row,) = (row for row in compute(snapshot).groups if row.group == "a")
    assert (row.partitions, row.partitions_unavailable, row.lag_sum) == (1, 1, None)
    assert not snapshot.complete


async def test_a_group_we_may_not_read_is_named(two: FakeCluster, connect_to: ConnectTo) -> None:
    """GROUP_AUTHORIZATION_FAILED is not retried; the others go on."""

    def answer(asked: Asked) -> Any:
        make = asked.schema.make
        group = make("OffsetFetchResponseGroup", group_id="a", topics=(), error_code=30)
        return asked.schema.reply(groups=(group,))

    two.brokers[1].scripts["offset_fetch"] = answer

    snapshot = await connect_to(two).poll()

    assert len(two.asked("offset_fetch", broker=1)) == 1
    assert groups_with_rows(snapshot) == {"b"}
    assert snapshot.errors == (
        "group 'a': no commits from its coordinator: GROUP_AUTHORIZATION_FAILED (30)",
    )


async def test_a_coordinator_that_joined_since_is_known_in_the_next_poll(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Looked up, and not among the brokers we know: the view is asked for again."""
    cluster = connect_to(two)
    await cluster.poll()
    two.brokers[3] = FakeBroker(two, 3)
    await two.brokers[3].start()
    two.groups["a"].coordinator = 3
    two.groups["a"].listed_by = (1,)

    before = await cluster.poll()
    after = await cluster.poll()

    assert set(before.groups) == {"a", "b"}
    assert set(before.commits) == {"b"}
    assert before.errors == (
        "group 'a': no commits from its coordinator: COORDINATOR_NOT_AVAILABLE (15)",
    )
    assert after.complete
    assert groups_with_rows(after) == {"a", "b"}


async def test_what_streams_made_for_itself_is_no_backlog(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Left out of the rows, of what is asked and of what is assigned, unless it is wanted."""
    inner = "a-counts-repartition"
    two.add_topic(inner, end=10)
    two.groups["a"].commits[inner] = {0: 1}
    two.groups["a"].members = [("one", {"x": [0], inner: [0]})]
    two.groups["b"].commits[inner] = {0: 1}

    snapshot = await connect_to(two).poll(describe=True)
    whole = await connect_to(two, internal_topics=True).poll(describe=True)

    def topics(found: Snapshot) -> list[tuple[str, str]]:
        return sorted((row.group, row.topic) for row in compute(found).partitions)

    def assigned(found: Snapshot) -> int:
        assert found.memberships is not None
        return len(found.memberships["a"].members[0].assigned)

    assert topics(snapshot) == [("a", "x"), ("b", inner), ("b", "y")]
    assert assigned(snapshot) == 1
    assert topics(whole) == [("a", inner), ("a", "x"), ("b", inner), ("b", "y")]
    assert assigned(whole) == 2
