"""The kernel's own measure of the way to the other end."""

import socket
import sys

import pytest

from jmxbridge.jmx.net.round_trip import round_trip_us


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="TCP_INFO is Linux's")
def test_a_connected_socket_has_one() -> None:
    """Above nothing, for a handshake took place; below a second on one machine."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sock,
    ):
        measured = round_trip_us(sock)
    assert measured is not None
    assert 0 < measured < 1_000_000


def test_a_closed_socket_has_none() -> None:
    """It may have been closed between a poll and its account."""
    sock = socket.socket()
    sock.close()
    assert round_trip_us(sock) is None


def test_other_kernels_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the option means elsewhere is not looked at."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert round_trip_us(None) is None


def test_an_older_kernel_tells_less() -> None:
    """What the answer does not reach to is not known."""

    class Old:
        def getsockopt(self, *_: int) -> bytes:
            return bytes(104)

    assert round_trip_us(Old()) is None
