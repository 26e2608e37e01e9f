"""GroupListing: which groups there are, also while coordinators move or load."""

import pytest

from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster
from tests.kafka.polling import ConnectTo, StartFake, groups_with_rows


@pytest.mark.parametrize("protocol_type", ["connect", "sr", "share"])
async def test_list_groups_leaves_out_groups_without_offsets(
    start_fake: StartFake, connect_to: ConnectTo, protocol_type: str
) -> None:
    """No commits are fetched for Connect workers, schema registries and share groups."""
    fake = await start_fake()
    fake.groups["workers"] = Group({}, protocol_type=protocol_type)

    snapshot = await connect_to(fake).poll()

    assert snapshot.groups == {}
    assert snapshot.complete
    assert fake.asked("offset_fetch") == []


@pytest.mark.parametrize(
    ("protocol_type", "type_", "kind"),
    [
        ("consumer", "Classic", "consumer"),
        ("consumer", "Consumer", "consumer"),  # KIP-848: commits are read the same way
        ("streams", "Streams", "streams"),
        ("", "Classic", "simple"),  # assign(), Flink, Spark: the broker sees no members
    ],
)
async def test_list_groups_keeps_every_kind_that_commits(
    start_fake: StartFake, connect_to: ConnectTo, protocol_type: str, type_: str, kind: str
) -> None:
    """Groups that keep offsets count, whether or not they have members."""
    fake = await start_fake()
    fake.add_topic("orders", end=3)
    fake.groups["g"] = Group({"orders": {0: 1}}, protocol_type=protocol_type, type=type_)

    snapshot = await connect_to(fake).poll()

    assert snapshot.groups["g"].kind == kind
    assert [row.lag for row in compute_lags(snapshot).partitions] == [2]


async def test_list_groups_returns_a_group_listed_twice_once(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """During a move the old coordinator may list the group as well; its row comes once."""
    fake = await start_fake(brokers=2)
    fake.add_topic("orders", end=3)
    fake.groups["g"] = Group({"orders": {0: 1}}, coordinator=2, listed_by=(1, 2))

    snapshot = await connect_to(fake).poll()

    assert [(row.group, row.lag) for row in compute_lags(snapshot).partitions] == [("g", 2)]
    assert snapshot.groups["g"].coordinator == 2


async def test_list_groups_uses_the_last_list_of_a_loading_broker(
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


async def test_list_groups_is_incomplete_without_an_earlier_list(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The groups of a broker that loads from the start are unknown, and the poll says so."""
    two.brokers[1].scripts["list_groups"] = lambda asked: asked.schema.reply(
        error_code=14, groups=()
    )

    snapshot = await connect_to(two).poll()

    assert groups_with_rows(snapshot) == {"b"}
    assert not snapshot.complete


async def test_list_groups_asks_by_name_for_an_unlisted_group(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """For a second during a move no broker lists it: requested by name, it exists."""
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


async def test_find_coordinators_asks_the_next_broker_after_a_failure(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Any broker can tell; without an answer the group is kept for the next poll."""
    cluster = connect_to(two)
    await cluster.poll()
    two.groups["a"].listed_by = (3,)
    for broker in two.brokers.values():
        broker.scripts["find_coordinator"] = lambda asked: b"\xff"

    snapshot = await cluster.poll()

    assert {asked.broker for asked in two.asked("find_coordinator")} == {1, 2}
    assert set(snapshot.groups) == {"a", "b"}
    assert snapshot.gone == frozenset()
    assert not snapshot.complete
