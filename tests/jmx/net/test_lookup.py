"""Looking up hosts while the name servers of some of them do not answer."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jmxbridge.jmx.connection import connect
from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.net import happy_eyeballs, lookup
from jmxbridge.jmx.net.dial import Dial
from jmxbridge.jmx.rmi.jrmp import Endpoint

FOUND = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
# More than asyncio has threads for, on any machine.
MANY = 40


class NameServers:
    """What getaddrinfo meets: names that begin with `dead` are answered when a test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = threading.Event()
        self.real = socket.getaddrinfo

    def look_up(self, host: str, port: int, *, type: int = 0, flags: int = 0) -> Any:
        if flags & socket.AI_NUMERICHOST:
            return self.real(host, port, type=type, flags=flags)
        self.asked.append(host)
        if host.startswith("dead"):
            self.answer.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [FOUND]


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServers]:
    """Name servers that are gone for some names, until the end of the test."""
    made = NameServers()
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    yield made
    made.answer.set()


async def test_names_that_nobody_answers_for_hold_up_nobody_else(servers: NameServers) -> None:
    """However many they are: another name, and what is an address already."""
    dead = [asyncio.create_task(lookup.addresses(f"dead-{n}", 1)) for n in range(MANY)]
    await asyncio.sleep(0)
    assert list(await lookup.addresses("alive", 1)) == [FOUND]
    assert (await lookup.addresses("127.0.0.1", 7))[0][4] == ("127.0.0.1", 7)
    assert (await lookup.addresses("::1", 7))[0][0] is socket.AF_INET6
    assert "127.0.0.1" not in servers.asked
    assert not any(task.done() for task in dead)
    servers.answer.set()
    outcomes = await asyncio.gather(*dead, return_exceptions=True)
    assert {type(each) for each in outcomes} == {socket.gaierror}
    assert not lookup.is_pending("dead-0", 1)


async def test_a_name_is_looked_up_once_at_a_time(servers: NameServers) -> None:
    """Who gives it up and asks again waits for the same lookup, and leaves that to the others."""
    first, second = (asyncio.create_task(lookup.addresses("dead", 1)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    third = asyncio.create_task(lookup.addresses("dead", 1))
    await asyncio.sleep(0)
    assert lookup.is_pending("dead", 1)
    servers.answer.set()
    outcomes = await asyncio.gather(second, third, return_exceptions=True)
    assert {type(each) for each in outcomes} == {socket.gaierror}
    assert servers.asked == ["dead"]


async def test_a_target_whose_name_is_not_answered_for_is_told_so(servers: NameServers) -> None:
    """It is no question of ports, nor of what listens there."""
    with pytest.raises(ConnectionFailed, match="no address for host 'dead' within") as caught:
        await connect("dead", 9999, connect_timeout_s=0.01)
    assert caught.value.error_class == "resolve"
    assert "name servers" in str(caught.value)


async def test_a_silent_port_is_not_blamed_on_the_lookup_for_another_one(
    servers: NameServers,
) -> None:
    """Of the same host, whose name servers are slow."""
    other = asyncio.create_task(lookup.addresses("dead", 2))
    await asyncio.sleep(0)
    dial = Dial(
        Endpoint("dead", 1), rmi_host=None, rmi_port=None, credentials=None, tls=None, timeout_s=1.0
    )
    assert dial.timed_out(1.0).error_class == "timeout"
    servers.answer.set()
    with pytest.raises(socket.gaierror):
        await other


async def test_no_thread_for_it_is_an_error_of_that_host(
    servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is out of threads costs a poll, with the reason."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ConnectionFailed, match="no thread to look it up") as caught:
        await connect("alive", 9999)
    assert caught.value.error_class == "resolve"
    assert not lookup.is_pending("alive", 9999)


@pytest.fixture
def silent_host() -> Iterator[str]:
    """An address at whose port nothing answers; the port is that of the sockets that fill it."""
    with socket.socket() as full:
        full.bind(("127.0.0.3", 0))
        full.listen(0)
        with contextlib.ExitStack() as waiting:
            for _ in range(4):  # more than it lets wait
                sock = waiting.enter_context(socket.socket())
                sock.setblocking(False)
                sock.connect_ex(full.getsockname())
            yield f"{full.getsockname()[1]}"


async def test_an_address_that_stays_silent_does_not_keep_the_others_from_their_turn(
    silent_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that refuses: the first that can be connected to is taken, with no socket left."""
    port = int(silent_host)
    visited = asyncio.Event()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visited.set()
        writer.close()

    async def addresses(host: str, port: int) -> lookup.Addresses:
        hosts = "127.0.0.3", "127.0.0.4", "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in hosts]

    monkeypatch.setattr(lookup, "addresses", addresses)
    async with await asyncio.start_server(visit, "127.0.0.1", port):
        with pytest.raises(ConnectionFailed, match="closed the connection instead of"):
            await connect("three-addresses", port, connect_timeout_s=30.0)
    assert visited.is_set()


async def test_a_host_all_of_whose_addresses_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one's reason is the host's."""

    async def addresses(host: str, port: int) -> lookup.Addresses:
        hosts = "127.0.0.3", "127.0.0.4"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in hosts]

    monkeypatch.setattr(lookup, "addresses", addresses)
    with pytest.raises(ConnectionFailed, match="cannot connect to two-addresses:1: Connection ref"):
        await connect("two-addresses", 1)


async def test_no_socket_is_left_of_a_connection_that_is_given_up_as_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At whichever step of it: it is either returned or closed, and so is one made beside it."""
    made: list[socket.socket] = []
    slow = asyncio.Event()

    async def connected_to(
        family: int, kind: int, proto: int, address: tuple[str, int]
    ) -> tuple[socket.socket, str]:
        if address[0] == "slow":
            with contextlib.suppress(asyncio.CancelledError):  # it was connected already
                await slow.wait()
        made.append(socket.socket())
        return made[-1], address[0]

    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY_S", 0.0)
    monkeypatch.setattr(happy_eyeballs, "_attempt", connected_to)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 1)) for each in ("slow", "fine")]
    for steps in range(20):
        attempt = asyncio.create_task(happy_eyeballs._first_connected(found))
        for _ in range(steps):
            await asyncio.sleep(0)
        attempt.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            (await attempt)[0].close()
        for _ in range(3):
            await asyncio.sleep(0)
        assert {sock.fileno() for sock in made} <= {-1}
