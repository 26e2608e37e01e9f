"""A connection: calls, their outcomes, sockets that are replaced, and closing."""

import asyncio

import pytest

from jmxbridge.jmx import connection as connection_module
from jmxbridge.jmx.connection import Connection, connect
from jmxbridge.jmx.errors import ConnectionFailed, JmxError, RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi.jrmp import Endpoint
from tests.jmx.java_bytes import class_desc, field
from tests.jmx.scripted import (
    Captured,
    Domain,
    MakeReply,
    Script,
    Serve,
    StubAt,
    Target,
    Visit,
    leave,
    shorten_timeout,
    silence,
)

NAME = ObjectName.parse("odd:type=Any")
INTEGER = b"\x73" + class_desc(
    "java.lang.Integer", field("I", "value"), superclass=class_desc("java.lang.Number")
)


async def test_connect_takes_an_address_and_names_as_text(
    target: Target, domain: Domain, captured: Captured
) -> None:
    """`async with` without `await` closes the connection at the end."""

    async def script(visit: Visit) -> None:
        await visit.answer(captured("faulty"))
        await visit.gone()

    async with connect(f"127.0.0.1:{await target(script)}") as mbeans:
        assert await mbeans.get("odd:type=Faulty", ["Fine"]) == {"Fine": 1}
        with pytest.raises(ValueError, match="domain"):
            await mbeans.query("no name")
        assert mbeans.is_open
    assert not mbeans.is_open


async def test_get_many_returns_exceptions_in_their_place(
    target: Target, captured: Captured
) -> None:
    """One failing MBean does not stop the others, and all calls take one round trip."""

    async def script(visit: Visit) -> None:
        for name in ("faulty", "missing", "faulty"):
            await visit.answer(captured(name))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        before = connection.traffic
        first, second, third = await connection.get_many([(NAME, ["Fine"])] * 3)
        assert first == third == {"Fine": 1}
        assert isinstance(second, RemoteException)
        assert connection.traffic.calls == before.calls + 3
        assert connection.traffic.round_trips == before.round_trips + 1
        assert await connection.get_many([]) == []


async def test_a_single_call_raises_the_exception(target: Target, captured: Captured) -> None:
    """The connection stays usable."""

    async def script(visit: Visit) -> None:
        await visit.answer(captured("missing"))
        await visit.answer(captured("faulty"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        with pytest.raises(RemoteException) as caught:
            await connection.get(NAME, ["Fine"])
        assert caught.value.error_class == "not_found"
        assert await connection.get(NAME, ["Fine"]) == {"Fine": 1}


async def test_names_and_descriptions(target: Target, captured: Captured) -> None:
    """query, get_mbean_info and get_infos return names and descriptions."""

    async def script(visit: Visit) -> None:
        await visit.answer(captured("names"))
        await visit.answer(captured("info_numbers"))
        await visit.answer(captured("info_numbers"))
        await visit.answer(captured("missing"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        assert len(await connection.query(None)) > 10
        info = await connection.get_mbean_info(NAME)
        first, second = await connection.get_infos([NAME, NAME])
        assert first == info
        assert isinstance(second, RemoteException)


async def test_query_many_returns_the_names_of_each_pattern(
    target: Target, captured: Captured
) -> None:
    """An exception for one pattern is raised."""

    async def script(visit: Visit) -> None:
        for name in ("names", "names", "names", "missing"):
            await visit.answer(captured(name))
        await visit.gone()

    async with connect("127.0.0.1", await target(script)) as connection:
        first, second = await connection.query_many([NAME, NAME])
        assert first == second
        assert len(first) > 10
        with pytest.raises(RemoteException) as caught:
            await connection.query_many([NAME, NAME])
        assert caught.value.error_class == "not_found"


async def test_the_connection_knows_its_peer(target: Target, make_reply: MakeReply) -> None:
    """The IP address, the round-trip time, and the number of MBeans."""

    async def script(visit: Visit) -> None:
        await visit.answer(make_reply(INTEGER + b"\x00\x00\x00\x07"))
        await visit.gone()

    async with connect("localhost", await target(script)) as connection:
        assert connection.peer_host == "127.0.0.1"
        assert connection.round_trip_us is None or connection.round_trip_us > 0
        assert await connection.get_mbean_count() == 7


async def test_each_task_gets_its_own_reply(target: Target, domain: Domain) -> None:
    """Tasks share a connection; each gets the reply to its own call."""

    async def script(visit: Visit) -> None:
        for i in range(20):
            await visit.answer(domain(str(i)))
        await visit.gone()

    async with await connect("127.0.0.1", await target(script)) as connection:
        answers = await asyncio.gather(*(connection.get_default_domain() for _ in range(20)))
        assert answers == [str(i) for i in range(20)]


@pytest.mark.parametrize("name", ["unserializable", "externalizable"])
async def test_a_value_that_cannot_be_read_costs_one_socket(
    name: str, target: Target, captured: Captured
) -> None:
    """The calls after it are made again over a new socket; every reply finds its call."""

    async def first(visit: Visit) -> None:
        await visit.answer(captured("faulty"))
        await visit.answer(captured(name))

    async def second(visit: Visit) -> None:
        await visit.answer(captured("faulty"))
        await visit.answer(captured("missing"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(first, second)) as connection:
        outcomes = await connection.get_many([(NAME, ["Fine"])] * 4)
        assert [isinstance(outcome, RemoteException) for outcome in outcomes] == [
            *(False, True, False, True)
        ]
        assert getattr(outcomes[1], "error_class", None) == "unreadable"
        assert connection.is_open
        assert connection.traffic.calls >= 2 + 2 + 2


async def test_tasks_share_a_replaced_socket(
    target: Target, captured: Captured, domain: Domain
) -> None:
    """A socket is replaced once, whichever task notices first."""

    async def first(visit: Visit) -> None:
        await visit.answer(captured("unserializable"))

    async def second(visit: Visit) -> None:
        await visit.answer(domain("a"))
        await visit.answer(domain("b"))
        await visit.gone()

    async with await connect("127.0.0.1", await target(first, second)) as connection:
        thrown, *answers = await asyncio.gather(
            connection.get(NAME, ["Fine"]),
            connection.get_default_domain(),
            connection.get_default_domain(),
            return_exceptions=True,
        )
        assert isinstance(thrown, RemoteException)
        assert sorted(map(str, answers)) == ["a", "b"]


async def test_a_socket_without_a_reply_is_not_replaced(
    target: Target,
) -> None:
    """A server that closes twice before it answers anything is not tried a third time."""

    async def listen(visit: Visit) -> None:
        await visit.request()

    connection = await connect("127.0.0.1", await target(listen, listen))
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get_default_domain()
    assert caught.value.error_class == "closed"
    await connection.close()


@pytest.mark.parametrize("word", ["timeout", "refused"])
async def test_a_socket_that_cannot_be_replaced_is_an_error(
    word: str, serve: Serve, stub_at: StubAt, captured: Captured, closed_port: int
) -> None:
    """A target that disappears in the middle is reported like one that was never there."""
    visits = 0

    async def script(visit: Visit) -> None:
        nonlocal visits
        visits += 1
        if visits > 1:
            await visit.gone()
        await visit.greet()
        await visit.answer(stub_at(port))
        await visit.answer(stub_at(port))
        await visit.answer(captured("faulty"))

    port = 0
    port = await serve(script)
    connection = await connect("127.0.0.1", port)
    if word == "timeout":
        shorten_timeout(connection)
    else:
        connection._channel.endpoint = Endpoint("127.0.0.1", closed_port)
    with pytest.raises(ConnectionFailed) as caught:
        await connection.get_many([(NAME, ["Fine"])] * 2)
    assert caught.value.error_class == word
    await connection.close()
    with pytest.raises(ConnectionFailed, match="closed here"):
        await connection.get_default_domain()


async def test_a_dropped_connection_object_is_not_a_missing_mbean(
    target: Target, captured: Captured
) -> None:
    """The answer of a server after an idle time or a restart ends the connection."""

    async def script(visit: Visit) -> None:
        await visit.answer(captured("no_such_object"))
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    with pytest.raises(ConnectionFailed, match="dropped") as caught:
        await connection.get_many([(NAME, ["Fine"])])
    assert caught.value.error_class == "closed"
    assert not connection.is_open
    await connection.close()


async def test_close_ends_the_connection_object(
    target: Target, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is told; a second close does nothing."""
    closed = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.answer(captured("close"))
        closed.set()
        await visit.gone()

    monkeypatch.setattr(connection_module, "CLOSE_S", 10.0)
    connection = await connect("127.0.0.1", await target(script))
    await connection.close()
    assert closed.is_set()
    await connection.close()
    with pytest.raises(ConnectionFailed):
        await connection.get_default_domain()


@pytest.mark.parametrize("script", [silence, leave])
async def test_close_does_not_wait_for_a_silent_server(script: Script, target: Target) -> None:
    """A server that answers nothing, or has closed, does not delay it."""
    connection = await connect("127.0.0.1", await target(script))
    await connection.close()
    assert not connection.is_open


async def test_close_fails_waiting_calls(
    target: Target,
) -> None:
    """A call of another task raises."""
    asked = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        asked.set()
        await visit.gone()

    connection = await connect("127.0.0.1", await target(script))
    waiting = asyncio.create_task(connection.get_default_domain())
    await asked.wait()
    await connection.close()
    with pytest.raises(JmxError):
        await waiting


async def test_a_failed_connect_in_async_with_closes_nothing(closed_port: int) -> None:
    """The error is that of connecting."""
    with pytest.raises(ConnectionFailed, match="refused"):
        async with connect("127.0.0.1", closed_port):
            pytest.fail("nothing listens there")


async def test_repr_shows_address_and_state(target: Target) -> None:
    """The repr names the address, and says if the connection is dead."""
    port = await target(leave)
    connection: Connection = await connect("127.0.0.1", port)
    assert f"127.0.0.1:{port}" in repr(connection)
    await connection.close()
    assert "dead" in repr(connection)
