"""Cluster.poll with broken brokers: rows of the others arrive, and errors name what is missing."""

import asyncio
from typing import Any

import pytest

from jmxbridge.kafka.wire.errors import KafkaUnavailable
from tests.kafka.fake_answers import Asked
from tests.kafka.fake_cluster import FakeCluster, Silence, hang_up, silent
from tests.kafka.polling import ConnectTo, Outlast, groups_with_rows


async def test_poll_leaves_out_a_broker_that_never_answers(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """The rows of the healthy broker arrive; the frozen one is asked once."""
    cluster = connect_to(two, bootstrap=two.bootstrap[:1])
    two.brokers[2].freeze()

    snapshot = await outlast(cluster.poll(), two.brokers[2])

    assert not snapshot.complete
    assert groups_with_rows(snapshot) == {"a"}
    assert [a.api for a in two.requests if a.broker == 2] == ["api_versions"]
    assert snapshot.errors == (f"broker 2 at 127.0.0.1:{two.ports[2]}: no answer in 30 s",)


async def test_poll_asks_a_frozen_broker_once(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """It costs its time once: after the list of groups it gets no further request."""
    cluster = connect_to(two)
    assert (await cluster.poll()).complete
    two.brokers[2].freeze()
    two.requests.clear()

    snapshot = await outlast(cluster.poll(), two.brokers[2])

    assert [a.api for a in two.requests if a.broker == 2] == ["list_groups"]
    assert groups_with_rows(snapshot) == {"a"}
    assert set(snapshot.groups) == {"a", "b"}
    assert snapshot.gone == frozenset()


async def test_poll_uses_a_thawed_broker_again(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """On a new connection, as the old one may be dead; nothing has to be restarted."""
    cluster = connect_to(two)
    await cluster.poll()
    two.brokers[2].freeze()
    await outlast(cluster.poll(), two.brokers[2])
    await two.brokers[2].all_gone.wait()
    two.brokers[2].thaw()

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert groups_with_rows(snapshot) == {"a", "b"}


async def test_poll_uses_a_restarted_broker_again(two: FakeCluster, connect_to: ConnectTo) -> None:
    """While its port is closed the other broker has its rows; after that all rows are back."""
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


async def test_poll_reopens_connections_closed_while_idle(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Brokers close idle connections; the next poll is complete without an error."""
    cluster = connect_to(two)
    await cluster.poll()
    for broker in two.brokers.values():
        await broker.hang_up()

    snapshot = await cluster.poll()

    assert snapshot.complete
    assert snapshot.errors == ()


async def test_poll_repeats_a_request_lost_with_its_connection_once(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The close may cross the request: it is sent once more, and only once."""
    cluster = connect_to(two)
    await cluster.poll()
    two.requests.clear()
    two.brokers[2].scripts["list_groups"] = hang_up

    snapshot = await cluster.poll()

    assert len(two.asked("list_groups", broker=2)) == 2
    assert groups_with_rows(snapshot) == {"a"}


async def test_poll_without_any_broker_names_every_address(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The only failure that raises; the next poll may succeed."""
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


async def test_poll_raises_when_all_brokers_are_gone_between_polls(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Metadata that is still fresh must not make an empty snapshot of a dead cluster."""
    cluster = connect_to(two)
    await cluster.poll()
    for broker in two.brokers.values():
        await broker.stop()

    with pytest.raises(KafkaUnavailable, match="Connection refused"):
        await cluster.poll()


async def test_poll_names_a_broker_without_a_usable_version(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A future broker that dropped our versions is reported; nothing is guessed."""
    two.versions[9] = (30, 31)

    snapshot = await connect_to(two).poll()

    assert not snapshot.complete
    assert snapshot.commits == {}
    assert all(
        "it offers OffsetFetch versions 30 to 31, and jmxbridge has 2 to 8" in error
        for error in snapshot.errors
    )


async def test_poll_works_after_a_cancelled_poll(two: FakeCluster, connect_to: ConnectTo) -> None:
    """Cancelled while a broker is silent: its late answers do not disturb the next poll."""
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


async def test_close_may_be_called_twice_and_before_a_poll(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A closed cluster opens connections again when they are needed."""
    cluster = connect_to(two)
    await cluster.poll()
    await cluster.close()
    await cluster.close()

    assert (await cluster.poll()).complete


async def test_poll_has_the_delays_of_this_poll(two: FakeCluster, connect_to: ConnectTo) -> None:
    """By broker; a poll without a delay has none."""
    cluster = connect_to(two)
    calm = await cluster.poll()
    two.throttle_ms = 70

    throttled = await cluster.poll()
    two.throttle_ms = 0
    calm_again = await cluster.poll()

    assert throttled.complete
    assert throttled.throttled_ms == {
        f"broker {node_id} at 127.0.0.1:{port}": 70 * 3 for node_id, port in two.ports.items()
    }
    assert calm.throttled_ms == calm_again.throttled_ms == {}


async def test_poll_names_the_quota_behind_a_deadline(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """A broker that muted our connection for longer than its time allows does not answer."""
    cluster = connect_to(two)
    await cluster.poll()
    two.throttle_ms = 40_000
    two.brokers[2].scripts["offset_fetch"] = silent

    snapshot = await outlast(cluster.poll(), two.brokers[2])

    (error,) = snapshot.errors
    assert error.startswith(
        f"broker 2 at 127.0.0.1:{two.ports[2]}: no answer in 30 s; it throttled us for 40,000 ms"
    )
