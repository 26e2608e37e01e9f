"""A login that holds for a while only (KIP-368): replaced in time, and nothing waiting is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.connection import SESSION_SHARE
from jmxbridge.kafka.login.sasl import plain
from jmxbridge.kafka.login.security import Security
from jmxbridge.kafka.wire.requests import ListGroups
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster, silent

SESSION_S = 100.0


@pytest.fixture
async def fake(start_fake: Callable[..., Awaitable[FakeCluster]]) -> FakeCluster:
    """One broker with a group, that lets everybody in for a while."""
    fake = await start_fake()
    fake.groups["g"] = Group({})
    fake.session_s = SESSION_S
    return fake


@pytest.fixture
async def broker(fake: FakeCluster) -> AsyncIterator[Broker]:
    """Our side of it, logged in as ann."""
    broker = Broker("127.0.0.1", fake.ports[1], security=Security(None, plain("ann", "x")))
    yield broker
    await broker.close()


@pytest.fixture
async def forward(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Put the loop's clock forward."""
    loop = asyncio.get_running_loop()
    real_time, ahead = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: real_time() + ahead)

    def put(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    return put


async def test_the_login_comes_before_every_question(fake: FakeCluster, broker: Broker) -> None:
    """Versions, mechanism, password, and only then what we came for."""
    await broker.ask(ListGroups())

    asked = [each.api for each in fake.requests]
    assert asked == ["api_versions", "sasl_handshake", "sasl_authenticate", "list_groups"]


async def test_a_connection_is_used_until_its_session_is_nearly_over(
    fake: FakeCluster, broker: Broker, forward: Callable[[float], None]
) -> None:
    """Then there is a new one, with a login of its own, and the old one is closed."""
    await broker.ask(ListGroups())
    forward(SESSION_S * SESSION_SHARE - 10)
    await broker.ask(ListGroups())
    assert fake.connections == 1

    forward(10)
    await broker.ask(ListGroups())

    assert fake.connections == 2
    assert len(fake.asked("sasl_authenticate")) == 2


async def test_what_waits_on_the_old_connection_is_answered_there(
    fake: FakeCluster, broker: Broker, forward: Callable[[float], None]
) -> None:
    """The replacement takes nothing away; with its last answer the old one closes."""
    server = fake.brokers[1]
    await broker.ask(ListGroups())
    server.scripts["list_groups"] = silent
    waiting = asyncio.create_task(broker.ask(ListGroups()))
    await server.stalled.wait()
    server.scripts.clear()

    forward(SESSION_S)
    assert (await broker.ask(ListGroups()))[0] == 0
    assert not waiting.done()
    server.answer_late()

    assert (await waiting)[0] == 0
    assert fake.connections == 2
    await broker.close()
    await server.all_gone.wait()


async def test_a_login_for_ever_is_not_repeated(
    fake: FakeCluster, broker: Broker, forward: Callable[[float], None]
) -> None:
    """Most brokers set no limit."""
    fake.session_s = 0.0
    await broker.ask(ListGroups())

    forward(1e9)
    await broker.ask(ListGroups())

    assert fake.connections == 1
