"""StreamsGroupDescribe: members of streams groups, from tasks and topology."""

from dataclasses import replace
from typing import Any

from jmxbridge.kafka.facts.members import Member
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import FakeCluster
from tests.kafka.polling import ConnectTo


async def test_streams_member_is_assigned_the_sources_of_its_tasks(
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


async def test_streams_group_without_a_topology_has_no_partitions(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """If source topics are missing, the broker names the members and no topology."""
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
