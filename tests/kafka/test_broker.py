"""A broker's connection: one, made when it is needed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.wire.errors import ConnectFailed
from jmxbridge.kafka.wire.requests import ListGroups
from tests.kafka.fake_cluster import FakeCluster

StartFake = Callable[..., Awaitable[FakeCluster]]


@pytest.fixture
async def fake(start_fake: StartFake) -> FakeCluster:
    """One healthy broker."""
    return await start_fake()


@pytest.fixture
async def broker(fake: FakeCluster) -> AsyncIterator[Broker]:
    """That broker as a poll sees it."""
    broker = Broker("127.0.0.1", fake.ports[1], 1)
    yield broker
    await broker.close()


async def test_requests_at_the_same_time_share_one_connection(
    fake: FakeCluster, broker: Broker
) -> None:
    """The first makes it, the others wait for it."""
    await asyncio.gather(*(broker.ask(ListGroups()) for _ in range(5)))

    assert fake.connections == 1


async def test_closed_it_is_made_again_when_it_is_needed(fake: FakeCluster, broker: Broker) -> None:
    """Closing is for now, and may be done twice."""
    await broker.ask(ListGroups())
    await broker.close()
    await broker.close()
    assert not broker.connected

    await broker.ask(ListGroups())

    assert fake.connections == 2


async def test_an_address_that_fails_says_who_advertises_it(free_port: int) -> None:
    """A broker reached through the bootstrap list may name an address that leads nowhere."""
    broker = Broker("127.0.0.1", free_port, 7)

    with pytest.raises(ConnectFailed, match=r"refused \(the address that broker 7 advertises\)$"):
        await broker.ask(ListGroups())
    assert str(broker) == f"broker 7 at 127.0.0.1:{free_port}"


def test_an_ipv6_address_is_written_in_brackets() -> None:
    """So that the port can be told from it."""
    assert str(Broker("::1", 9092)) == "[::1]:9092"
