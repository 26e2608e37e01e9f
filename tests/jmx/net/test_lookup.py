"""Host lookups while the name servers of some hosts do not answer."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jmxbridge.jmx.connection import connect
from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.net import lookup

ADDRESS = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
# More than the threads that asyncio uses for lookups, on any machine.
MANY = 40


class NameServers:
    """A getaddrinfo that answers names which start with `dead` when a test says so."""

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
        return [ADDRESS]


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServers]:
    """Name servers that do not answer for some names until the end of the test."""
    name_servers = NameServers()
    monkeypatch.setattr(socket, "getaddrinfo", name_servers.look_up)
    yield name_servers
    name_servers.answer.set()


async def test_unanswered_names_do_not_block_other_lookups(servers: NameServers) -> None:
    """Another name and an IP address are found, however many names are unanswered."""
    dead = [asyncio.create_task(lookup.addresses(f"dead-{n}", 1)) for n in range(MANY)]
    await asyncio.sleep(0)
    assert list(await lookup.addresses("alive", 1)) == [ADDRESS]
    assert (await lookup.addresses("127.0.0.1", 7))[0][4] == ("127.0.0.1", 7)
    assert (await lookup.addresses("::1", 7))[0][0] is socket.AF_INET6
    assert "127.0.0.1" not in servers.asked
    assert not any(task.done() for task in dead)
    servers.answer.set()
    outcomes = await asyncio.gather(*dead, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {socket.gaierror}
    assert not lookup.is_pending("dead-0", 1)


async def test_callers_share_a_running_lookup(servers: NameServers) -> None:
    """A caller that is cancelled and asks again waits for the same lookup; others keep it."""
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
    assert {type(outcome) for outcome in outcomes} == {socket.gaierror}
    assert servers.asked == ["dead"]


async def test_connect_reports_an_unanswered_name(servers: NameServers) -> None:
    """The error is `resolve`, and asks about name servers instead of ports."""
    with pytest.raises(ConnectionFailed, match="no address for host 'dead' within") as caught:
        await connect("dead", 9999, connect_timeout_s=0.01)
    assert caught.value.error_class == "resolve"
    assert "name servers" in str(caught.value)


async def test_a_lookup_without_a_thread_fails_its_host_alone(
    servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is out of threads costs one connection, with the reason."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ConnectionFailed, match="no thread to look it up") as caught:
        await connect("alive", 9999)
    assert caught.value.error_class == "resolve"
    assert not lookup.is_pending("alive", 9999)
