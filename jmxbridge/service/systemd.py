"""Notifications to systemd, sd_notify(3): ready, status, stopping."""

import socket
from collections.abc import Mapping


def notify(environ: Mapping[str, str], *assignments: str) -> None:
    """Send assignments such as `READY=1` to systemd; do nothing if systemd did not start us.

    `$NOTIFY_SOCKET` is a path, or an abstract socket written with a leading `@`. A failure to send
    is no error: the service must run the same without a listening supervisor.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto("\n".join(assignments).encode(), address)
        except OSError:
            return
