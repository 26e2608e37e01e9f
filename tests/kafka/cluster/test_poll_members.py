"""Members in a poll: asked for last, at a slow rate, and to nobody's harm."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from jmxbridge.kafka.cluster import members
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.members import Member
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.rows import compute
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import FakeBroker, FakeCluster, silent

ConnectTo = Callable[..., Cluster]
Outlast = Callable[[Awaitable[Snapshot], FakeBroker], Awaitable[Snapshot]]


async def test_members_are_asked_for_only_when_wanted(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A poll without them costs nothing more; with them a request for each coordinator."""
    two.groups["a"].members = [("one", {"x": [0]})]
    cluster = connect_to(two)

    without = await cluster.poll()
    plain = await cluster.poll()
    described = await cluster.poll(describe=True)

    assert without.memberships is None
    assert described.memberships is not None
    assert described.memberships["a"].members == (
        Member("one-id", "one", "/127.0.0.1", (("x", 0),)),
    )
    assert described.memberships["b"].members == ()
    assert described.requests == plain.requests + 2
    assert described.phases.describe_ms > 0 == plain.phases.describe_ms


async def test_a_coordinator_that_tells_nobodys_name_harms_no_row(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """It is asked after everything else: the poll is whole, and what is missing is said apart."""
    two.brokers[2].scripts["describe_groups"] = silent
    cluster = connect_to(two)

    snapshot = await outlast(cluster.poll(describe=True), two.brokers[2])
    after = await cluster.poll()

    assert [row.lag for row in compute(snapshot).partitions] == [6, 5]
    assert snapshot.complete
    assert snapshot.errors == ()
    assert len(snapshot.describe_errors) == 1
    assert snapshot.memberships is not None
    assert set(snapshot.memberships) == {"a"}
    assert after.complete


async def test_topics_that_are_not_looked_at_are_in_no_assignment(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """What is filtered has no row, so it is no partition without a commit either."""
    two.groups["a"].members = [("one", {"x": [0], "secret": [0, 1]})]
    cluster = connect_to(two, topics=lambda topic: topic != "secret")

    snapshot = await cluster.poll(describe=True)

    assert snapshot.memberships is not None
    (member,) = snapshot.memberships["a"].members
    assert member.assigned == (("x", 0),)


async def test_a_streams_member_reads_the_sources_of_its_tasks(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A task is that partition of every source of its subtopology, repartition topics included."""
    two.groups["a"] = Group(
        {"x": {0: 4}},
        coordinator=1,
        type="Streams",
        protocol_type="streams",
        members=[("app", {"x": [0]})],
    )

    snapshot = await connect_to(two).poll(describe=True)

    assert snapshot.describe_errors == ()
    assert snapshot.memberships is not None
    (member,) = snapshot.memberships["a"].members
    assert member == Member("app-id", "app", "/127.0.0.1", (("x", 0), ("app-repartition", 0)))


async def test_a_broker_without_streams_groups_leaves_the_others_described(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """What one kind of group needs is no affair of the rest."""
    two.groups["a"].type = "Streams"
    del two.versions[89]

    snapshot = await connect_to(two).poll(describe=True)

    assert snapshot.memberships is not None
    assert set(snapshot.memberships) == {"b"}
    assert len(snapshot.describe_errors) == 1
    assert snapshot.complete


async def test_many_groups_take_several_requests(
    two: FakeCluster, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply stays small; every group is in one of them."""
    monkeypatch.setattr(members, "CHUNK", 2)
    for n in range(5):
        two.groups[f"g{n}"] = Group({}, coordinator=1)

    snapshot = await connect_to(two).poll(describe=True)

    assert snapshot.memberships is not None
    assert set(snapshot.memberships) == set(two.groups)
    sizes = [len(asked.entity.groups) for asked in two.asked("describe_groups", 1)]
    assert sizes == [2, 2, 2]


async def test_a_streams_group_without_a_topology_has_members_without_partitions(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Its source topics are missing, say: the broker names the members and no topology."""
    two.groups["a"].type = "Streams"
    two.groups["a"].members = [("app", {"x": [0]})]
    broker = two.brokers[1]

    def without(asked: Asked) -> Any:
        described = broker.answer_streams_group_describe(asked)
        groups = tuple(replace(group, topology=None) for group in described.groups)
        return replace(described, groups=groups)

    broker.scripts["streams_group_describe"] = without

    snapshot = await connect_to(two).poll(describe=True)

    assert snapshot.memberships is not None
    (member,) = snapshot.memberships["a"].members
    assert (member.client_id, member.assigned) == ("app", ())
