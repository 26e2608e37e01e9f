"""fetch_members: the request of each protocol, chunks, and groups that cannot be described."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jmxbridge.kafka.cluster import members
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import KAFKA_2_3, FakeCluster
from tests.kafka.polling import ConnectTo


async def test_fetch_members_describes_others_without_streams_support(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A protocol that the broker lacks affects the groups of that protocol only."""
    two.groups["a"].type = "Streams"
    del two.versions[89]

    snapshot = await connect_to(two).poll(describe=True)

    assert snapshot.memberships is not None
    assert set(snapshot.memberships) == {"b"}
    assert len(snapshot.describe_errors) == 1
    assert snapshot.complete


async def test_fetch_members_splits_groups_into_chunks(
    two: FakeCluster, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replies stay small; every group is in one of them."""
    monkeypatch.setattr(members, "CHUNK", 2)
    for n in range(5):
        two.groups[f"g{n}"] = Group({}, coordinator=1)

    snapshot = await connect_to(two).poll(describe=True)

    assert snapshot.memberships is not None
    assert set(snapshot.memberships) == set(two.groups)
    sizes = [len(asked.entity.groups) for asked in two.asked("describe_groups", 1)]
    assert sizes == [2, 2, 2]


async def test_fetch_members_names_a_group_that_may_not_be_described(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """The error code of one group affects that group only."""

    def refuse(asked: Asked) -> Any:
        group = asked.schema.make(
            "DescribedGroup",
            error_code=30,
            group_id="classic",
            group_state="",
            protocol_type="",
            protocol_data="",
            members=(),
        )
        return asked.schema.reply(groups=(group,))

    with_members.brokers[1].scripts["describe_groups"] = refuse

    description = await connect_to(with_members).describe(["classic", "newer"])

    assert set(description.memberships) == {"newer"}
    assert description.snapshot.errors == (
        "group 'classic': cannot be described: GROUP_AUTHORIZATION_FAILED (30)",
    )


async def test_fetch_members_treats_groups_of_old_brokers_as_classic(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """Before 3.8 a broker does not report the type of a group."""
    with_members.versions = KAFKA_2_3
    del with_members.groups["newer"]

    description = await connect_to(with_members).describe()

    assert [m.client_id for m in description.memberships["classic"].members] == ["one", "two"]


async def test_fetch_members_leaves_out_a_group_with_a_damaged_assignment(
    with_members: FakeCluster, connect_to: ConnectTo
) -> None:
    """Clients write assignments; the other groups of the same reply are described."""
    with_members.groups["odd"] = Group({"x": {2: 3}}, coordinator=1, members=[("four", {"x": [2]})])
    broker = with_members.brokers[1]

    def garble(asked: Asked, answer: Callable[[Asked], Any] = broker.answer_describe_groups) -> Any:
        reply = answer(asked)
        groups = tuple(
            replace(
                group,
                members=tuple(
                    replace(member, member_assignment=b"\0\0\x7f\xff\xff\xff")
                    for member in group.members
                ),
            )
            if group.group_id == "odd"
            else group
            for group in reply.groups
        )
        return replace(reply, groups=groups)

    broker.scripts["describe_groups"] = garble

    description = await connect_to(with_members).describe()

    assert set(description.memberships) == {"classic", "newer", "idle"}
    assert description.snapshot.errors == ("group 'odd': cannot be described: CORRUPT_MESSAGE (2)",)
