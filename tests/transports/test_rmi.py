"""RmiTransport: kept connections, keep-alive calls and costs, with a scripted JVM."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from jmxbridge.jmx import Credentials, ObjectName, Tls
from jmxbridge.jmx.errors import ConnectionFailed, RemoteException
from jmxbridge.jmx.rmi.protocol import Traffic
from jmxbridge.jmx.values import Value
from jmxbridge.transports import rmi
from jmxbridge.transports.rmi import RmiTransport, times


class Jvm:
    """A connection to a JVM without MBeans at some address."""

    def __init__(self, peer_host: str = "127.0.0.1") -> None:
        self.peer_host = peer_host
        self.traffic = Traffic()
        self.round_trip_us = 300
        self.problem: ConnectionFailed | RemoteException | None = None
        self.keep_alive_calls = 0
        self.name_queries = 0
        self.was_called = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_closed = False

    async def get_mbean_count(self) -> int:
        if self.problem is not None:
            raise self.problem
        self.traffic += Traffic(calls=1, round_trips=1, template_hits=7, template_misses=1)
        return 0

    async def get_default_domain(self) -> str:
        self.keep_alive_calls += 1
        self.was_called.set()
        await self.may_answer.wait()
        if self.problem is not None:
            raise self.problem
        return "DefaultDomain"

    async def get_many(self, wanted: Sequence[Any]) -> list[dict[str, Value]]:
        return []

    async def get_infos(self, names: Sequence[ObjectName]) -> list[Any]:
        return []

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        self.name_queries += 1
        return []

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def jvms(monkeypatch: pytest.MonkeyPatch) -> list[Jvm]:
    """The JVMs that connects reach, one after the other; one by default."""
    waiting = [Jvm()]

    async def connect(*args: Any, **options: Any) -> Jvm:
        if not waiting:
            raise ConnectionFailed("nothing listens", "refused")
        return waiting.pop(0)

    monkeypatch.setattr(rmi, "connect", connect)
    return waiting


def make(keep_alive_s: float = 3600.0) -> RmiTransport:
    return RmiTransport("127.0.0.1", 9999, clock_s=lambda: 0.0, keep_alive_s=keep_alive_s)


async def test_fetch_has_costs_of_its_own(jvms: list[Jvm]) -> None:
    """`costs` are those of the last fetch, not of the connection so far."""
    transport = make()
    for _ in range(2):
        await transport.fetch([])
        assert transport.costs == {
            "round_trips": 1,
            "bytes_received": 0,
            "template_hits": 7,
            "template_misses": 1,
            "round_trip_us": 300,
            "server_us": 0,
        }
    await transport.close()


def test_times_split_network_and_jvm() -> None:
    """The network has the round-trip time, if the kernel knows it; the JVM has the rest."""
    assert times(5000, 300) == {"round_trip_us": 300, "server_us": 4700}
    assert times(200, 300) == {"round_trip_us": 300, "server_us": 0}
    assert times(5000, None) == {}


async def test_rmi_transport_keeps_an_idle_connection_alive(jvms: list[Jvm]) -> None:
    """Calls go on between two polls that are far apart."""
    (jvm,) = jvms
    transport = make(keep_alive_s=0.001)
    await transport.fetch([])
    for count in range(1, 4):
        jvm.was_called.clear()
        await jvm.was_called.wait()
        assert jvm.keep_alive_calls >= count
    await transport.close()
    assert jvm.is_closed


async def test_fetch_waits_for_a_keep_alive_call_under_way(jvms: list[Jvm]) -> None:
    """Cancelling the call would cost the connection; the next call follows the next pause."""
    (jvm,) = jvms
    jvm.may_answer.clear()
    transport = make(keep_alive_s=0.001)
    await transport.fetch([])
    await jvm.was_called.wait()
    fetching = asyncio.create_task(transport.fetch([]))
    await asyncio.sleep(0)
    assert not fetching.done()
    jvm.may_answer.set()
    assert await fetching == []
    assert id(transport.connection) == id(jvm)
    await transport.close()


async def test_fetch_cancelled_while_it_waits_does_not_spoil_the_next(jvms: list[Jvm]) -> None:
    """A JVM that hangs in a keep-alive call costs polls and the connection, never the target."""
    (hung,), new = jvms, Jvm()
    jvms.append(new)
    hung.may_answer.clear()
    transport = make(keep_alive_s=0.001)
    await transport.fetch([])
    await hung.was_called.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await transport.fetch([])
    assert hung.is_closed
    assert await transport.fetch([]) == []
    assert id(transport.connection) == id(new)
    await transport.close()


async def test_close_waits_for_no_keep_alive_call(jvms: list[Jvm]) -> None:
    """A call that is not answered is cancelled."""
    (jvm,) = jvms
    jvm.may_answer.clear()
    transport = make(keep_alive_s=0.001)
    await transport.fetch([])
    await jvm.was_called.wait()
    await transport.close()
    assert jvm.is_closed


async def test_fetch_replaces_a_connection_that_ended_between_polls(
    jvms: list[Jvm],
) -> None:
    """An idle close or a restart costs a connect, not a poll."""
    (old,), new = jvms, Jvm()
    jvms.append(new)
    transport = make()
    await transport.fetch([])
    old.problem = ConnectionFailed("dropped", "closed")
    assert await transport.fetch([]) == []
    assert old.is_closed
    assert id(transport.connection) == id(new)
    await transport.close()


async def test_rmi_transport_keeps_names_as_long_as_a_connection(jvms: list[Jvm]) -> None:
    """After a reconnect another JVM may answer at the address: everything is queried again."""
    (old,), new = jvms, Jvm()
    jvms.append(new)
    transport = make()
    for _ in range(3):
        await transport.fetch([])
    assert old.name_queries == 1
    old.problem = ConnectionFailed("dropped", "closed")
    for _ in range(3):
        await transport.fetch([])
    assert (old.name_queries, new.name_queries) == (1, 1)
    await transport.close()


@pytest.mark.parametrize(
    ("word", "raised"), [("closed", "refused"), ("timeout", "timeout"), ("cancelled", "cancelled")]
)
async def test_fetch_reconnects_once_and_only_if_that_can_help(
    word: str, raised: str, jvms: list[Jvm]
) -> None:
    """A JVM that is down is an error; one that is too slow gets no second attempt."""
    (old,) = jvms
    transport = make()
    await transport.fetch([])
    old.problem = ConnectionFailed("gone", word)
    with pytest.raises(ConnectionFailed) as caught:
        await transport.fetch([])
    assert caught.value.error_class == raised
    assert transport.connection is None


async def test_fetch_does_not_replace_a_new_connection_that_fails(jvms: list[Jvm]) -> None:
    """The first error is the one to report."""
    jvms[0].problem = ConnectionFailed("dropped", "closed")
    jvms.append(Jvm())
    with pytest.raises(ConnectionFailed, match="dropped"):
        await make().fetch([])
    assert len(jvms) == 1


@pytest.mark.parametrize(
    ("peer_host", "options", "message"),
    [
        ("192.0.2.7", {}, "without TLS and without a password"),
        (
            "192.0.2.7",
            {"credentials": lambda: Credentials("me", "swordfish")},
            "password goes over",
        ),
        ("192.0.2.7", {"credentials": lambda: Credentials("me", "swordfish"), "tls": Tls()}, None),
        ("192.0.2.7", {"tls": Tls()}, None),
        ("127.0.0.9", {}, None),
        ("::1", {}, None),
    ],
)
async def test_rmi_transport_warns_once_of_an_unprotected_connection(
    peer_host: str,
    options: dict[str, Any],
    message: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One warning, with the address and without the password, however often it connects."""

    async def connect(*args: Any, **options: Any) -> Jvm:
        return Jvm(peer_host)

    monkeypatch.setattr(rmi, "connect", connect)
    transport = RmiTransport("kafka.example", 9999, clock_s=lambda: 0.0, **options)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await transport.fetch([])
            await transport.close()
    warnings = [record.getMessage() for record in caplog.records]
    if message is None:
        assert warnings == []
        return
    (warning,) = warnings
    assert message in warning
    assert "kafka.example:9999" in warning
    assert "swordfish" not in warning


async def test_fetch_keeps_the_connection_after_an_exception_of_the_java_side(
    jvms: list[Jvm],
) -> None:
    """The JVM answered, so its connection is fine; it is kept alive until the next fetch."""
    (jvm,) = jvms
    transport = make(keep_alive_s=0.001)
    jvm.problem = RemoteException("java.lang.OutOfMemoryError", "Java heap space")
    with pytest.raises(RemoteException, match="heap space"):
        await transport.fetch([])
    jvm.problem = None
    await jvm.was_called.wait()
    assert await transport.fetch([]) == []
    assert id(transport.connection) == id(jvm)
    assert transport.series_limited == 0
    await transport.close()


async def test_rmi_transport_takes_the_current_credentials_at_each_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A password that is replaced in its file needs no restart."""
    used: list[Credentials] = []

    async def connect(*args: Any, credentials: Credentials, **options: Any) -> Jvm:
        used.append(credentials)
        return Jvm("127.0.0.1")

    monkeypatch.setattr(rmi, "connect", connect)
    passwords = iter(["old", "new"])
    transport = RmiTransport(
        "127.0.0.1",
        9999,
        clock_s=lambda: 0.0,
        credentials=lambda: Credentials("me", next(passwords)),
    )
    for _ in range(2):
        await transport.fetch([])
        await transport.close()

    assert [credentials.password for credentials in used] == ["old", "new"]
