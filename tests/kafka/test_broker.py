"""Broker: one connection, opened when needed and replaced before its session expires."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jmxbridge.jmx.credentials import Tls
from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.connection import SESSION_SHARE
from jmxbridge.kafka.login.sasl import plain
from jmxbridge.kafka.login.security import Security
from jmxbridge.kafka.wire.errors import ConnectFailed, TlsFailed
from jmxbridge.kafka.wire.requests import ListGroups
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster, silent
from tests.kafka.polling import Forward, StartFake

SESSION_S = 100.0


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


async def test_ask_shares_one_connection_between_requests(
    fake: FakeCluster, broker: Broker
) -> None:
    """The first request opens it, the others wait for it."""
    await asyncio.gather(*(broker.ask(ListGroups()) for _ in range(5)))

    assert fake.connections == 1


async def test_ask_opens_a_closed_connection_again(fake: FakeCluster, broker: Broker) -> None:
    """`close` may be called twice, and ends nothing for good."""
    await broker.ask(ListGroups())
    await broker.close()
    await broker.close()
    assert not broker.connected

    await broker.ask(ListGroups())

    assert fake.connections == 2


async def test_ask_names_the_broker_that_advertises_a_dead_address(free_port: int) -> None:
    """A broker of the bootstrap list may name an address that leads nowhere."""
    broker = Broker("127.0.0.1", free_port, 7)

    with pytest.raises(ConnectFailed) as caught:
        await broker.ask(ListGroups())

    assert str(broker) == f"broker 7 at 127.0.0.1:{free_port}"
    assert str(caught.value) == (
        f"broker 7 advertises 127.0.0.1:{free_port}, which cannot be reached from here: Connection"
        " refused; if the broker runs, map the address with kafka.advertised"
    )


async def test_ask_names_the_mapping_that_leads_nowhere(free_port: int) -> None:
    """The tunnel is closed, or the map is wrong: both addresses are named."""
    broker = Broker("kafka-7.invalid", 9092, 7, reached_at=("127.0.0.1", free_port))

    with pytest.raises(ConnectFailed) as caught:
        await broker.ask(ListGroups())

    assert str(broker) == f"broker 7 at kafka-7.invalid:9092 via 127.0.0.1:{free_port}"
    assert str(caught.value) == (
        f"broker 7 advertises kafka-7.invalid:9092, which kafka.advertised maps to"
        f" 127.0.0.1:{free_port}, and that cannot be reached from here: Connection refused; open"
        " the tunnel, or correct the entry"
    )


async def test_ask_takes_a_broker_that_was_reached_for_down(
    fake: FakeCluster, broker: Broker
) -> None:
    """Its address is right, so there is nothing to map."""
    await broker.ask(ListGroups())
    await fake.brokers[1].stop()
    await broker.close()

    with pytest.raises(ConnectFailed, match=r"refused \(the address that broker 1 advertises\)$"):
        await broker.ask(ListGroups())


async def test_ask_keeps_the_message_of_a_failed_tls_connection(tmp_path: Path) -> None:
    """It has a fix of its own."""
    security = Security(tls=Tls(ca_file=tmp_path / "missing.pem"))
    broker = Broker("127.0.0.1", 9093, 7, security)

    with pytest.raises(TlsFailed, match=r"missing\.pem.*\(the address that broker 7 advertises\)$"):
        await broker.ask(ListGroups())


async def test_ask_connects_to_the_mapped_address(fake: FakeCluster) -> None:
    """The advertised one is only the name."""
    broker = Broker("kafka-1.invalid", 9092, 1, reached_at=("127.0.0.1", fake.ports[1]))

    assert (await broker.ask(ListGroups()))[0] == 0
    await broker.close()


async def test_no_answer_tells_silence_from_an_address_that_leads_nowhere(
    fake: FakeCluster, broker: Broker
) -> None:
    """A firewall drops what is sent to an address from elsewhere: no refusal, only silence."""
    never_reached = broker.no_answer(5.0)
    await broker.ask(ListGroups())

    where = f"127.0.0.1:{fake.ports[1]}"
    assert never_reached.startswith(
        f"broker 1 advertises {where}, which cannot be reached from here: no answer in 5 s; "
    )
    assert broker.no_answer(5.0) == f"broker 1 at {where}: no answer in 5 s"
    assert Broker("listed", 9092).no_answer(5.0) == "listed:9092: no answer in 5 s"


async def test_throttled_ms_adds_the_delays_of_all_connections(
    fake: FakeCluster, broker: Broker
) -> None:
    """Handshakes are throttled too."""
    fake.throttle_ms = 200
    await broker.ask(ListGroups())
    assert broker.throttled_ms == 400

    await broker.close()
    await broker.ask(ListGroups())

    assert broker.throttled_ms == 800


def test_str_puts_an_ipv6_address_in_brackets() -> None:
    """So the port can be told from the address."""
    assert str(Broker("::1", 9092)) == "[::1]:9092"


@pytest.fixture
async def guarded(start_fake: StartFake) -> FakeCluster:
    """One broker with a group; its sessions are limited."""
    guarded = await start_fake()
    guarded.groups["g"] = Group({})
    guarded.session_s = SESSION_S
    return guarded


@pytest.fixture
async def logged_in(guarded: FakeCluster) -> AsyncIterator[Broker]:
    """Our side of it, logged in as ann."""
    broker = Broker(
        "127.0.0.1", guarded.ports[1], security=Security(None, plain("ann", lambda: "x"))
    )
    yield broker
    await broker.close()


async def test_ask_logs_in_before_any_other_request(
    guarded: FakeCluster, logged_in: Broker
) -> None:
    """Versions, mechanism, password, and only then the request itself."""
    await logged_in.ask(ListGroups())

    apis = [asked.api for asked in guarded.requests]
    assert apis == ["api_versions", "sasl_handshake", "sasl_authenticate", "list_groups"]


async def test_ask_replaces_a_connection_before_its_session_expires(
    guarded: FakeCluster, logged_in: Broker, forward: Forward
) -> None:
    """The new one has its own login, and the old one is closed (KIP-368)."""
    await logged_in.ask(ListGroups())
    forward(SESSION_S * SESSION_SHARE - 10)
    await logged_in.ask(ListGroups())
    assert guarded.connections == 1

    forward(10)
    await logged_in.ask(ListGroups())

    assert guarded.connections == 2
    assert len(guarded.asked("sasl_authenticate")) == 2


async def test_ask_on_a_replaced_connection_is_still_answered(
    guarded: FakeCluster, logged_in: Broker, forward: Forward
) -> None:
    """The replacement loses no request; the old connection closes after its last answer."""
    server = guarded.brokers[1]
    await logged_in.ask(ListGroups())
    server.scripts["list_groups"] = silent
    waiting = asyncio.create_task(logged_in.ask(ListGroups()))
    await server.stalled.wait()
    server.scripts.clear()

    forward(SESSION_S)
    assert (await logged_in.ask(ListGroups()))[0] == 0
    assert not waiting.done()
    server.answer_late()

    assert (await waiting)[0] == 0
    assert guarded.connections == 2
    await logged_in.close()
    await server.all_gone.wait()


async def test_ask_never_repeats_an_unlimited_login(
    guarded: FakeCluster, logged_in: Broker, forward: Forward
) -> None:
    """Most brokers set no limit."""
    guarded.session_s = 0.0
    await logged_in.ask(ListGroups())

    forward(1e9)
    await logged_in.ask(ListGroups())

    assert guarded.connections == 1
