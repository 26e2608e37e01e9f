"""Polls of clusters with broken brokers: the others' rows arrive, and what is missing is said."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.lag.rows import compute
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import FakeCluster, Silence, hang_up, silent

StartFake = Callable[..., Awaitable[FakeCluster]]
ConnectTo = Callable[..., Cluster]
Outlast = Callable[..., Awaitable[Snapshot]]


def groups_with_rows(snapshot: Snapshot) -> set[str]:
    """The groups that have rows."""
    return {row.group for row in compute(snapshot).partitions}


async def test_a_broker_that_never_answers_costs_the_others_nothing(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """The healthy broker's rows arrive; the frozen one is asked once and then left out."""
    cluster = connect_to(two, bootstrap=two.bootstrap[:1])
    two.brokers[2].freeze()

    snapshot = await outlast(cluster.poll(), two.brokers[2])

    assert not snapshot.complete
    assert groups_with_rows(snapshot) == {"a"}
    assert [a.api for a in two.requests if a.broker == 2] == ["api_versions"]
    assert snapshot.errors == (f"broker 2 at 127.0.0.1:{two.ports[2]}: no answer in 30 s",)


async def test_a_broker_that_freezes_between_polls_is_asked_once_a_poll(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """Its silence is paid for once: after the list of groups it is not asked for anything."""
    cluster = connect_to(two)
    assert (await cluster.poll()).complete
    two.brokers[2].freeze()
    two.requests.clear()

    snapshot = await outlast(cluster.poll(), two.brokers[2])

    assert [a.api for a in two.requests if a.broker == 2] == ["list_groups"]
    assert groups_with_rows(snapshot) == {"a"}
    assert set(snapshot.groups) == {"a", "b"}
    assert snapshot.gone == frozenset()


async def test_a_thawed_broker_is_back_in_the_next_poll(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """On a new connection, for the old one may be dead; nothing has to be restarted."""
    cluster = connect_to(two)
    await cluster.poll()
    two.brokers[2].freeze()
    await outlast(cluster.poll(), two.brokers[2])
    await two.brokers[2].all_gone.wait()
    two.brokers[2].thaw()

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_with_rows(snapshot) == {"a", "b"}


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

    assert groups_with_rows(without) == {"a"}
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
    assert groups_with_rows(snapshot) == {"a"}


async def test_dead_hosts_in_the_bootstrap_list_are_tolerated(
    two: FakeCluster, start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """One that refuses and one that never answers stand before the one that works."""
    await two.brokers[1].stop()
    two.groups = {"b": Group({"y": {0: 5}}, coordinator=2)}
    black_hole = await start_fake()
    black_hole.brokers[1].scripts["metadata"] = silent
    refusing = ("127.0.0.1", two.ports.pop(1))
    cluster = connect_to(two, bootstrap=[refusing, *black_hole.bootstrap, *two.bootstrap])

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_with_rows(snapshot) == {"b"}
    await black_hole.brokers[1].all_gone.wait()


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


async def test_a_broker_that_comes_back_elsewhere_is_found_in_the_next_poll(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """After a failure the view is not believed for its full minute."""
    cluster = connect_to(two)
    await cluster.poll()
    await two.brokers[2].stop()
    await cluster.poll()
    del two.ports[2]
    await two.brokers[2].start()

    assert (await cluster.poll()).complete


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

    assert groups_with_rows(snapshot) == {"c"}


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

    assert groups_with_rows(snapshot) == {"b"}
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
    assert groups_with_rows(snapshot) == {"a", "b"}


async def test_closing_twice_and_polling_again_is_fine(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Closed is not dead: connections are made when they are needed."""
    cluster = connect_to(two)
    await cluster.poll()
    await cluster.close()
    await cluster.close()

    assert (await cluster.poll()).complete
