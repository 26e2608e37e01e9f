"""MetadataCache: when metadata is read again, and from which broker."""

import asyncio
from uuid import UUID

import pytest

from jmxbridge.kafka.facts.address_map import AddressMap
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster, silent
from tests.kafka.polling import ConnectTo, StartFake, groups_with_rows


async def test_ensure_fresh_reads_old_metadata_again(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """With a refresh age of 0 every poll asks once, for brokers and known topics together."""
    fake = await start_fake()
    fake.add_topic("orders")
    fake.groups["g"] = Group({"orders": {0: 0}})
    cluster = connect_to(fake, refresh_s=0.0)
    await cluster.poll()
    fake.requests.clear()

    await cluster.poll()

    (asked,) = fake.asked("metadata")
    assert [topic.name for topic in asked.entity.topics] == ["orders"]


async def test_refresh_tolerates_dead_bootstrap_hosts(
    two: FakeCluster, start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """One that refuses and one that never answers precede the one that works."""
    await two.brokers[1].stop()
    two.groups = {"b": Group({"y": {0: 5}}, coordinator=2)}
    black_hole = await start_fake()
    black_hole.brokers[1].scripts["metadata"] = silent
    refusing = ("127.0.0.1", two.ports.pop(1))
    cluster = connect_to(two, bootstrap=[refusing, *black_hole.bootstrap, *two.bootstrap])

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_with_rows(snapshot) == {"b"}
    assert len(snapshot.errors) == 1
    assert f":{refusing[1]}" in snapshot.errors[0]
    assert (snapshot.warnings, snapshot.failures) == (snapshot.errors, ())
    await black_hole.brokers[1].all_gone.wait()


async def test_refresh_reports_a_dead_member_of_the_cluster_as_a_failure(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The bootstrap list names a broker that the metadata still has: its rows are missing."""
    await two.brokers[1].stop()

    snapshot = await connect_to(two).poll()

    assert groups_with_rows(snapshot) == {"b"}
    assert snapshot.warnings == ()
    assert snapshot.failures == snapshot.errors != ()


async def test_refresh_finds_a_broker_at_its_new_address(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """After a failure metadata is read again before its minute is over."""
    cluster = connect_to(two)
    await cluster.poll()
    await two.brokers[2].stop()
    await cluster.poll()
    del two.ports[2]
    await two.brokers[2].start()

    assert (await cluster.poll()).complete


async def test_refresh_finds_a_moved_cluster_by_the_bootstrap_list(
    two: FakeCluster, start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """When every known broker is gone the list is tried, and the new brokers are used."""
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

    assert groups_with_rows(snapshot) == {"c"}


async def test_refresh_of_one_topic_leaves_the_others_due(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A commit of a deleted topic, read in every poll, must not keep the others from a refresh."""
    cluster = connect_to(two, refresh_s=0.2)
    two.ids["x"] = UUID(int=1)
    two.groups["a"].commits["deleted"] = {0: 5}
    await cluster.poll()
    two.ids["x"] = UUID(int=2)

    for _ in range(5):
        await asyncio.sleep(0.1)
        after = await cluster.poll()

    assert after.topic_ids["x"] == str(UUID(int=2))


async def test_keep_topics_forgets_topics_without_commits(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The metadata read each minute does not grow with former topics."""
    cluster = connect_to(two, refresh_s=0.0)
    await cluster.poll()
    two.groups["a"].commits.clear()
    await cluster.poll()
    two.requests.clear()

    await cluster.poll()

    (asked,) = two.asked("metadata")
    assert [topic.name for topic in asked.entity.topics] == ["y"]


async def test_brokers_are_reached_at_their_mapped_addresses(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Those of the metadata and those of the bootstrap list; the advertised ones are reported."""
    two.host = "kafka.invalid"
    advertised = {("Kafka.invalid", port): ("127.0.0.1", port) for port in two.ports.values()}
    cluster = connect_to(
        two,
        bootstrap=[("kafka.invalid", two.ports[1])],
        addresses=AddressMap(advertised),
    )

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_with_rows(snapshot) == {"a", "b"}
    assert cluster.brokers == {node_id: ("kafka.invalid", p) for node_id, p in two.ports.items()}
    assert two.connections == 2


async def test_an_advertised_address_that_leads_nowhere_names_the_map(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The bootstrap list is a tunnel; the brokers advertise names of another network."""
    two.host = "kafka.invalid"

    with pytest.raises(KafkaUnavailable) as caught:
        await connect_to(two).poll()

    for node_id, port in two.ports.items():
        start = f"broker {node_id} advertises kafka.invalid:{port}, which cannot be reached from"
        assert start in str(caught.value)
