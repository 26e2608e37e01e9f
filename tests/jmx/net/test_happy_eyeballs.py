"""Connecting to hosts that have several addresses, or none that answers."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from jmxbridge.jmx.connection import connect
from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.net import happy_eyeballs, lookup
from tests.jmx.scripted import Serve, failure, leave


def tcp(host: str, port: int) -> tuple[Any, Any, int, str, Any]:
    """Return an IPv4 address as getaddrinfo does."""
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)


def resolve_to(monkeypatch: pytest.MonkeyPatch, hosts: Sequence[str]) -> None:
    """Let every name resolve to these addresses."""

    async def addresses(host: str, port: int) -> lookup.Addresses:
        return [tcp(address, port) for address in hosts]

    monkeypatch.setattr(lookup, "addresses", addresses)


async def test_a_closed_port_is_refused(closed_port: int) -> None:
    """The error is `refused` and names the address."""
    error = await failure("127.0.0.1", closed_port)
    assert error.error_class == "refused"
    assert f"127.0.0.1:{closed_port}" in str(error)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".invalid"])
async def test_an_unknown_host_cannot_be_resolved(host: str) -> None:
    """The error is `resolve` and names the host, also for a name that is too long for DNS."""
    error = await failure(host, 9999)
    assert error.error_class == "resolve"
    assert host in str(error)


async def test_a_host_without_addresses_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty answer of the lookup is an error."""
    resolve_to(monkeypatch, [])
    with pytest.raises(ConnectionFailed, match="it has no address") as caught:
        await connect("no-addresses", 1)
    assert caught.value.error_class == "unreachable"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where 127.0.0.3 answers no connection and other addresses refuse them.

    Pending connections fill the backlog of the socket that listens there.
    """
    with socket.socket() as full:
        full.bind(("127.0.0.3", 0))
        full.listen(0)
        with contextlib.ExitStack() as pending:
            for _ in range(4):  # more than the backlog holds
                sock = pending.enter_context(socket.socket())
                sock.setblocking(False)
                sock.connect_ex(full.getsockname())
            port: int = full.getsockname()[1]
            yield port


async def test_the_next_address_is_tried_while_one_stays_silent(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first address that connects is used, after one that is silent and one that refuses."""
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY_S", 0.01)
    visited = asyncio.Event()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visited.set()
        writer.close()

    resolve_to(monkeypatch, ["127.0.0.3", "127.0.0.4", "127.0.0.1"])
    async with await asyncio.start_server(visit, "127.0.0.1", silent_port):
        with pytest.raises(ConnectionFailed, match="closed the connection instead of"):
            await connect("three-addresses", silent_port, connect_timeout_s=30.0)
    assert visited.is_set()


def test_the_attempt_delay_is_that_of_rfc_8305() -> None:
    """Section 8 recommends 250 ms."""
    assert happy_eyeballs.ATTEMPT_DELAY_S == 0.25


async def test_a_silent_address_can_still_connect_after_the_others_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When no address is left to try, the attempts in progress are awaited."""
    others_failed = asyncio.Event()
    with socket.socket() as sock:

        async def attempt(
            family: int, kind: int, proto: int, address: tuple[str, int]
        ) -> happy_eyeballs.Connected:
            if address[0] == "slow":
                await others_failed.wait()
                for _ in range(10):  # the failure is noticed first
                    await asyncio.sleep(0)
                return sock, "slow"
            asyncio.get_running_loop().call_soon(others_failed.set)
            raise ConnectionRefusedError

        monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY_S", 0.0)
        monkeypatch.setattr(happy_eyeballs, "_attempt", attempt)
        addresses = [tcp("slow", 1), tcp("refused", 1)]
        assert await happy_eyeballs._first_connected(addresses) == (sock, "slow")


async def test_the_error_of_the_last_address_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """If all addresses of a host refuse, the error is the reason of the last one."""
    resolve_to(monkeypatch, ["127.0.0.3", "127.0.0.4"])
    with pytest.raises(ConnectionFailed, match="cannot connect to two-addresses:1: Connection ref"):
        await connect("two-addresses", 1)


async def test_cancelling_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """At whichever step it is cancelled, every socket is returned or closed, also a second one."""
    sockets: list[socket.socket] = []
    slow = asyncio.Event()

    async def attempt(
        family: int, kind: int, proto: int, address: tuple[str, int]
    ) -> happy_eyeballs.Connected:
        if address[0] == "slow":
            with contextlib.suppress(asyncio.CancelledError):  # it connected before
                await slow.wait()
        sockets.append(socket.socket())
        return sockets[-1], address[0]

    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY_S", 0.0)
    monkeypatch.setattr(happy_eyeballs, "_attempt", attempt)
    addresses = [tcp("slow", 1), tcp("fine", 1)]
    for steps in range(20):
        connecting = asyncio.create_task(happy_eyeballs._first_connected(addresses))
        for _ in range(steps):
            await asyncio.sleep(0)
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            (await connecting)[0].close()
        for _ in range(3):
            await asyncio.sleep(0)
        assert {sock.fileno() for sock in sockets} <= {-1}


async def test_a_connect_without_an_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that drops packets is `timeout`, and the socket is closed."""

    async def hang(sock: socket.socket, address: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", hang)
    error = await failure("127.0.0.1", 9999, timeout_s=0.05)
    assert error.error_class == "timeout"


async def test_a_socket_that_is_reset_at_once_is_still_connected(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its peer address is that of the lookup, so the error is what the peer did."""

    class ResetSocket(socket.socket):
        def getpeername(self) -> Any:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    port = await serve(leave)
    monkeypatch.setattr(socket, "socket", ResetSocket)
    error = await failure("127.0.0.1", port)
    assert error.error_class == "not_rmi"


async def test_a_limit_on_open_files_is_an_error_of_the_connection(
    closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error quotes the operating system."""

    def refuse(*args: Any, **options: Any) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(ConnectionFailed, match=r"cannot connect to .*: Too many open files"):
        await connect("127.0.0.1", closed_port)
