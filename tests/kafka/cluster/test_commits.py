"""fetch_commits: chunks, old brokers, and coordinators that move, load or refuse."""

from typing import Any

import pytest

from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import KAFKA_2_3, FakeBroker, FakeCluster, hang_up
from tests.kafka.polling import ConnectTo, StartFake, groups_with_rows


async def test_fetch_commits_splits_groups_into_chunks(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """501 groups of one coordinator take two requests, and all are there."""
    fake = await start_fake()
    fake.add_topic("orders", end=9)
    fake.groups |= {f"g{n}": Group({"orders": {0: n % 9}}) for n in range(501)}

    snapshot = await connect_to(fake).poll()

    assert sorted(len(a.entity.groups) for a in fake.asked("offset_fetch")) == [1, 500]
    assert len(snapshot.commits) == 501


async def test_fetch_commits_asks_kafka_2_3_group_by_group(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """Before 3.0 a request takes one group; before 2.6 lists have no states.

    States are read by name, many groups at once; types are unknown.
    """
    fake = await start_fake()
    fake.versions = KAFKA_2_3
    fake.add_topic("orders", end=9)
    fake.groups |= {f"g{n}": Group({"orders": {0: n % 9}}) for n in range(100)}

    snapshot = await connect_to(fake).poll()

    assert snapshot.complete
    assert len(compute_lags(snapshot).partitions) == 100
    assert len(fake.asked("offset_fetch")) == 100
    assert (snapshot.groups["g0"].state, snapshot.groups["g0"].type) == ("Stable", None)
    assert len(fake.asked("describe_groups")) == 1


async def test_fetch_commits_follows_a_moved_coordinator(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """NOT_COORDINATOR: looked up and asked again within the poll; no row is missing."""
    cluster = connect_to(two)
    await cluster.poll()
    two.groups["a"].coordinator = 2
    two.groups["a"].listed_by = (1,)

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_with_rows(snapshot) == {"a", "b"}
    assert snapshot.groups["a"].coordinator == 2


@pytest.mark.parametrize("code", [14, 15, 16])
async def test_fetch_commits_asks_a_coordinator_again_that_is_not_ready(
    two: FakeCluster, connect_to: ConnectTo, code: int
) -> None:
    """Loading, not available, not coordinator: each for two answers, then fine."""
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


async def test_fetch_commits_leaves_out_a_group_after_four_tries(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The group is kept without commits, and the poll is incomplete."""

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
        "group 'a': no commits: its coordinator answered COORDINATOR_LOAD_IN_PROGRESS (14)",
    )


async def test_fetch_commits_marks_a_partition_with_an_error(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Its commit is unknown: counted as unavailable, and the poll is incomplete."""
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

    (row,) = (row for row in compute_lags(snapshot).groups if row.group == "a")
    assert (row.partitions, row.partitions_unavailable, row.lag_sum) == (1, 1, None)
    assert not snapshot.complete


async def test_fetch_commits_names_a_group_that_may_not_be_read(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """GROUP_AUTHORIZATION_FAILED is not retried; the other groups have their commits."""

    def answer(asked: Asked) -> Any:
        make = asked.schema.make
        group = make("OffsetFetchResponseGroup", group_id="a", topics=(), error_code=30)
        return asked.schema.reply(groups=(group,))

    two.brokers[1].scripts["offset_fetch"] = answer

    snapshot = await connect_to(two).poll()

    assert len(two.asked("offset_fetch", broker=1)) == 1
    assert groups_with_rows(snapshot) == {"b"}
    assert snapshot.refusals == {"a": "its coordinator answered GROUP_AUTHORIZATION_FAILED (30)"}
    assert snapshot.errors == (
        "group 'a': no commits: its coordinator answered GROUP_AUTHORIZATION_FAILED (30)",
    )


async def test_fetch_commits_refreshes_metadata_for_an_unknown_coordinator(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A coordinator that is not among the known brokers is known in the next poll."""
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
        "group 'a': no commits: its coordinator, broker 3, is not in the metadata yet",
    )
    assert after.complete
    assert groups_with_rows(after) == {"a", "b"}


def refuse_lookup(broker: FakeBroker, code: int) -> None:
    """Answer every lookup of a coordinator with this error code."""

    def answer(asked: Asked) -> Any:
        make = asked.schema.make
        nobody = {"node_id": -1, "host": "", "port": -1, "error_message": None}
        coordinators = tuple(
            make("Coordinator", key=key, error_code=code, **nobody)
            for key in asked.entity.coordinator_keys
        )
        return asked.schema.reply(coordinators=coordinators)

    broker.scripts["find_coordinator"] = answer


@pytest.mark.parametrize(
    ("code", "lookups"),
    [(30, 1), (15, 4)],
    ids=["group authorization failed", "coordinator not available"],
)
async def test_fetch_commits_names_the_error_of_a_lookup(
    start_fake: StartFake, connect_to: ConnectTo, code: int, lookups: int
) -> None:
    """A group that no broker lists to us: the error is that of the lookup, retried if it passes."""
    fake = await start_fake()
    fake.groups["listed"] = Group({})
    refuse_lookup(fake.brokers[1], code)

    description = await connect_to(fake).describe(["hidden"])

    reason = description.snapshot.refusals["hidden"]
    assert reason.startswith("its coordinator is not known: a broker answered ")
    assert reason.endswith(f" ({code})")
    assert description.snapshot.errors == (f"group 'hidden': no commits: {reason}",)
    assert len(fake.asked("find_coordinator")) == lookups


async def test_fetch_commits_knows_no_coordinator_if_no_lookup_is_answered(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """The group has no coordinator and no error of one."""
    fake = await start_fake()
    fake.groups["listed"] = Group({})
    fake.brokers[1].scripts["find_coordinator"] = lambda asked: b"\xff"

    description = await connect_to(fake).describe(["hidden"])

    assert description.snapshot.refusals == {"hidden": "its coordinator is not known"}


async def test_fetch_commits_gives_no_reason_for_silence(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A coordinator that hangs up is an error of the broker, not of the group."""
    two.brokers[1].scripts["offset_fetch"] = hang_up

    snapshot = await connect_to(two).poll()

    assert set(snapshot.commits) == {"b"}
    assert snapshot.refusals == {}
