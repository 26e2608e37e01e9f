"""Round-trip times as the kernel measures them."""

import socket
import sys

import pytest

from jmxbridge.jmx.net.round_trip import round_trip_us


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="TCP_INFO is Linux's")
def test_a_connected_socket_has_a_round_trip_time() -> None:
    """The handshake was measured: more than 0 and less than a second on one machine."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sock,
    ):
        measured = round_trip_us(sock)
    assert measured is not None
    assert 0 < measured < 1_000_000


def test_a_closed_socket_has_no_round_trip_time() -> None:
    """A socket may be closed between a poll and its report."""
    sock = socket.socket()
    sock.close()
    assert round_trip_us(sock) is None


def test_other_kernels_report_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option has another meaning there."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert round_trip_us(None) is None


def test_an_older_kernel_reports_nothing() -> None:
    """Its answer ends before the field."""

    class Old:
        def getsockopt(self, *_: int) -> bytes:
            return bytes(104)

    assert round_trip_us(Old()) is None
