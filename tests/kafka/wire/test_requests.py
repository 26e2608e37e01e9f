"""Requests in every version: what is on the wire, and that answers are the same."""

import pytest

from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster
from tests.kafka.polling import ConnectTo, StartFake


@pytest.mark.parametrize("version", range(4, 13))
async def test_metadata_request_never_creates_a_topic(
    start_fake: StartFake, connect_to: ConnectTo, version: int
) -> None:
    """In every version the request forbids it on the wire."""
    fake = await start_fake()
    fake.versions[3] = (0, version)
    fake.groups["g"] = Group({"deleted": {0: 5}})

    await connect_to(fake).poll()

    asked = fake.asked("metadata")
    assert {a.version for a in asked} == {version}
    assert [a.entity.allow_auto_topic_creation for a in asked] == [False, False]


@pytest.mark.parametrize(
    ("key", "lowest", "highest"), [(2, 1, 7), (9, 2, 8), (16, 0, 5), (10, 0, 4)]
)
async def test_every_version_gives_the_same_rows(
    start_fake: StartFake, connect_to: ConnectTo, key: int, lowest: int, highest: int
) -> None:
    """A poll, and a second one that must look a group up by name, in each version of an API."""
    for version in range(lowest, highest + 1):
        fake = await start_fake(brokers=2)
        fake.versions[key] = (0, version)
        fake.add_topic("orders", 2, end=9, leader=2)
        fake.groups["g"] = Group({"orders": {0: 4, 1: 5}}, coordinator=2)
        cluster = connect_to(fake)
        first = compute_lags(await cluster.poll())
        fake.groups["g"].listed_by = (3,)

        second = compute_lags(await cluster.poll())

        assert [row.lag for row in first.partitions] == [5, 4]
        assert second.partitions == first.partitions


@pytest.mark.parametrize("version", range(7))
async def test_every_version_of_describe_groups_gives_the_same_members(
    with_members: FakeCluster, connect_to: ConnectTo, version: int
) -> None:
    """From our lowest to our highest."""
    with_members.versions[15] = (0, version)

    description = await connect_to(with_members).describe(["classic"])

    assert [len(m.assigned) for m in description.memberships["classic"].members] == [2, 1]
