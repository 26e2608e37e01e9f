"""notify: sd_notify(3), against a socket such as systemd opens."""

import socket
from pathlib import Path

import pytest

from jmxbridge.service.systemd import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_notify_sends_its_assignments_as_one_datagram(tmp_path: Path, abstract: bool) -> None:
    """Both kinds of address that systemd uses are understood."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind("\0" + name if abstract else name)
        supervisor.settimeout(5)
        notify({"NOTIFY_SOCKET": "@" + name if abstract else name}, "READY=1", "STATUS=läuft")
        assert supervisor.recv(4096).decode() == "READY=1\nSTATUS=läuft"


def test_notify_without_a_supervisor_does_nothing(tmp_path: Path) -> None:
    """Without the variable, or with a supervisor that is gone."""
    notify({}, "READY=1")
    notify({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, "READY=1")
