"""Polls of clusters in trouble: what is missing is missing and said; the rest arrives."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jmxbridge.kafka.cluster import Cluster
from jmxbridge.kafka.errors import KafkaUnavailable
from jmxbridge.lag.rows import Lags, compute
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import FakeBroker, FakeCluster, HangUp, Silence

StartFake = Callable[..., Awaitable[FakeCluster]]
ConnectTo = Callable[..., Cluster]

SHORT_S = 0.2
"""For tests in which a deadline must pass."""


def silent(asked: Asked) -> Any:
    """A script: never an answer."""
    raise Silence


def hang_up(asked: Asked) -> Any:
    """A script: the connection is closed."""
    raise HangUp


def groups_of(lags: Lags) -> set[str]:
    """The groups that have rows."""
    return {row.group for row in lags.partitions}


def freeze(broker: FakeBroker) -> None:
    """Let a broker accept everything and answer nothing, as one stopped by SIGSTOP does."""
    for api in ("api_versions", "metadata", "list_groups", "offset_fetch", "list_offsets"):
        broker.scripts[api] = silent


def thaw(broker: FakeBroker) -> None:
    """Let a broker answer again."""
    broker.scripts.clear()


@pytest.fixture
async def two(start_fake: StartFake) -> FakeCluster:
    """Two brokers; group `a` and topic `x` on the first, `b` and `y` on the second."""
    fake = await start_fake(brokers=2)
    fake.add_topic("x", end=10, leader=1)
    fake.add_topic("y", end=10, leader=2)
    fake.groups["a"] = Group({"x": {0: 4}}, coordinator=1)
    fake.groups["b"] = Group({"y": {0: 5}}, coordinator=2)
    return fake


async def test_a_broker_that_never_answers_costs_the_others_nothing(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The healthy broker's rows arrive; the frozen one is asked once and then left out."""
    cluster = connect_to(two, timeout_s=SHORT_S, bootstrap=two.bootstrap[:1])
    freeze(two.brokers[2])

    snapshot = await cluster.poll()

    assert not snapshot.complete
    assert groups_of(compute(snapshot)) == {"a"}
    assert [a.api for a in two.requests if a.broker == 2] == ["api_versions"]
    assert snapshot.errors == (f"broker 2 at 127.0.0.1:{two.ports[2]}: no answer in 0.2 s",)


async def test_a_broker_that_freezes_between_polls_is_asked_once_a_poll(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Its silence is paid for once: after the list of groups it is not asked for anything."""
    cluster = connect_to(two, timeout_s=SHORT_S)
    assert (await cluster.poll()).complete
    freeze(two.brokers[2])
    two.requests.clear()

    snapshot = await cluster.poll()

    assert [a.api for a in two.requests if a.broker == 2] == ["list_groups"]
    assert groups_of(compute(snapshot)) == {"a"}
    assert set(snapshot.groups) == {"a", "b"}
    assert snapshot.gone == frozenset()


async def test_a_thawed_broker_is_back_in_the_next_poll(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Nothing has to be restarted, and the poll after the fault is complete."""
    cluster = connect_to(two, timeout_s=SHORT_S)
    await cluster.poll()
    freeze(two.brokers[2])
    await cluster.poll()
    thaw(two.brokers[2])

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_of(compute(snapshot)) == {"a", "b"}


async def test_a_broker_that_went_and_came_back_is_found_again(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """While its port is closed the other goes on; back again, all rows are."""
    cluster = connect_to(two)
    await cluster.poll()
    await two.brokers[2].stop()
    without = await cluster.poll()
    await two.brokers[2].start()

    snapshot = await cluster.poll()

    assert groups_of(compute(without)) == {"a"}
    assert not without.complete
    (error,) = without.errors
    assert "Connection refused (the address that broker 2 advertises)" in error
    assert snapshot.complete


async def test_connections_closed_while_idle_are_made_again_unnoticed(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Brokers close idle connections; the next poll is complete all the same."""
    cluster = connect_to(two)
    await cluster.poll()
    for broker in two.brokers.values():
        await broker.hang_up()

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert snapshot.errors == ()


async def test_a_connection_lost_under_a_request_is_made_again_once(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The close may cross the request on its way: it is sent again, and only once."""
    cluster = connect_to(two)
    await cluster.poll()
    two.requests.clear()
    two.brokers[2].scripts["list_groups"] = hang_up

    snapshot = await cluster.poll()

    assert len(two.asked("list_groups", broker=2)) == 2
    assert groups_of(compute(snapshot)) == {"a"}


async def test_dead_hosts_in_the_bootstrap_list_are_tolerated(
    two: FakeCluster, start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """One that refuses and one that never answers stand before the one that works."""
    await two.brokers[1].stop()
    two.groups = {"b": Group({"y": {0: 5}}, coordinator=2)}
    black_hole = await start_fake()
    freeze(black_hole.brokers[1])
    refusing = ("127.0.0.1", two.ports.pop(1))
    cluster = connect_to(two, bootstrap=[refusing, *black_hole.bootstrap, *two.bootstrap])

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_of(compute(snapshot)) == {"b"}


async def test_no_broker_at_all_is_an_error_that_names_every_address(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The one case that raises; and the poll after it may succeed."""
    for broker in two.brokers.values():
        await broker.stop()
    cluster = connect_to(two)

    with pytest.raises(KafkaUnavailable) as caught:
        await cluster.poll()

    for _, port in two.bootstrap:
        assert f"127.0.0.1:{port}: Connection refused" in str(caught.value)
    for broker in two.brokers.values():
        await broker.start()
    assert (await cluster.poll()).complete


async def test_brokers_that_all_go_between_polls_are_an_error_too(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A view that is still fresh does not make an empty snapshot out of a dead cluster."""
    cluster = connect_to(two)
    await cluster.poll()
    for broker in two.brokers.values():
        await broker.stop()

    with pytest.raises(KafkaUnavailable, match="Connection refused"):
        await cluster.poll()


async def test_a_cluster_that_moved_is_found_through_the_bootstrap_list(
    two: FakeCluster, start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """When every known broker is gone the list is asked again, and the new brokers are used."""
    other = await start_fake(brokers=1)
    other.add_topic("z", end=3)
    other.groups["c"] = Group({"z": {0: 1}})
    cluster = connect_to(two, bootstrap=[*two.bootstrap, *other.bootstrap], refresh_s=0.0)
    other_port = other.ports[1]
    other.ports = two.ports
    await cluster.poll()
    other.ports = {1: other_port}
    for broker in two.brokers.values():
        await broker.stop()

    snapshot = await cluster.poll()

    assert groups_of(compute(snapshot)) == {"c"}


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
    assert groups_of(compute(snapshot)) == {"a", "b"}
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
    assert groups_of(compute(snapshot)) == {"a", "b"}


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

    assert groups_of(compute(snapshot)) == {"a", "b"}
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

    assert groups_of(compute(snapshot)) == {"b"}
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

    assert groups_of(compute(snapshot)) == {"a", "b"}
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

    assert groups_of(compute(await cluster.poll())) == {"a", "b"}


async def test_an_unknown_error_code_fails_one_request_and_no_connection(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A code younger than the codec, in one broker's commits: the rest of the poll goes on."""
    broker = two.brokers[1]
    young = (1234).to_bytes(2)

    def answer(asked: Asked) -> bytes:
        body = asked.schema.encode(broker.answer_offset_fetch(asked))
        return body[:-4] + young + body[-2:]

    broker.scripts["offset_fetch"] = answer
    cluster = connect_to(two)

    snapshot = await cluster.poll()

    assert groups_of(compute(snapshot)) == {"b"}
    assert snapshot.end_offsets == {"y": {0: 10}}
    assert not snapshot.complete
    (error,) = snapshot.errors
    assert "OffsetFetch reply (version 8) cannot be read: 1234 is not a valid ErrorCode" in error
    broker.scripts.clear()
    assert (await cluster.poll()).complete
    assert two.connections == 2


async def test_a_broker_without_a_usable_version_is_named(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A broker of the future that dropped what we know says so; nothing is guessed."""
    two.versions[9] = (30, 31)

    snapshot = await connect_to(two).poll()

    assert not snapshot.complete
    assert snapshot.commits == {}
    assert all(
        "it offers OffsetFetch versions 30 to 31, and jmxbridge has 2 to 8" in error
        for error in snapshot.errors
    )


async def test_a_deleted_topic_is_orphaned(two: FakeCluster, connect_to: ConnectTo) -> None:
    """Commits of a topic that is gone: no end, no row, but counted; the poll is complete."""
    two.groups["a"].commits["deleted"] = {0: 3, 1: 4}

    snapshot = await connect_to(two).poll()

    assert snapshot.orphaned == {("deleted", 0), ("deleted", 1)}
    assert snapshot.unavailable == frozenset()
    assert snapshot.complete
    assert groups_of(compute(snapshot)) == {"a", "b"}


async def test_a_topic_deleted_between_polls_is_orphaned_at_once(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The cached leader says it does not know the partition; fresh metadata says why."""
    cluster = connect_to(two)
    await cluster.poll()
    del two.leaders["x"]

    snapshot = await cluster.poll()

    assert snapshot.orphaned == {("x", 0)}
    assert groups_of(compute(snapshot)) == {"b"}


async def test_a_partition_beyond_those_of_its_topic_is_orphaned(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A topic recreated with fewer partitions leaves commits behind."""
    two.groups["a"].commits["x"][7] = 3

    snapshot = await connect_to(two).poll()

    assert snapshot.orphaned == {("x", 7)}
    assert snapshot.end_offsets["x"] == {0: 10}


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
    assert snapshot.errors == ("no end offset, for want of a leader that answers: 'x' 1",)
    assert snapshot.end_offsets["x"] == {0: 10}
    assert not snapshot.complete
    assert after.complete
    assert after.end_offsets["x"] == {0: 10, 1: 5}


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
    assert groups_of(compute(snapshot)) == {"b"}


async def test_a_negative_end_without_an_error_is_unavailable(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """-1 is not an offset, whatever the error code says."""
    two.ends["x", 0] = -1

    snapshot = await connect_to(two).poll()

    assert snapshot.unavailable == {("x", 0)}


async def test_a_negative_commit_is_no_commit(two: FakeCluster, connect_to: ConnectTo) -> None:
    """-1 from a coordinator means uncommitted: no row, and its end is not asked for."""
    two.groups["a"].commits["x"][0] = -1

    snapshot = await connect_to(two).poll()

    assert "x" not in {t.name for a in two.asked("list_offsets") for t in a.entity.topics}
    assert groups_of(compute(snapshot)) == {"b"}
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
    assert groups_of(compute(snapshot)) == {"b"}
    assert snapshot.errors == (
        "group 'a': no commits from its coordinator: GROUP_AUTHORIZATION_FAILED (30)",
    )


async def test_a_cancelled_poll_leaves_the_cluster_usable(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Cancelled while a broker is silent; its late answers do not disturb the next poll."""
    cluster = connect_to(two)
    await cluster.poll()
    asked_now = asyncio.Event()
    broker = two.brokers[2]

    def silent_for_now(asked: Asked) -> Any:
        asked_now.set()
        raise Silence

    broker.scripts["list_groups"] = silent_for_now
    poll = asyncio.create_task(cluster.poll())
    await asked_now.wait()
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    broker.scripts.clear()

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_of(compute(snapshot)) == {"a", "b"}


async def test_closing_twice_and_polling_again_is_fine(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Closed is not dead: connections are made when they are needed."""
    cluster = connect_to(two)
    await cluster.poll()
    await cluster.close()
    await cluster.close()

    assert (await cluster.poll()).complete
