"""sd_notify(3): tell systemd that the service is ready, what it is doing, that it stops."""

import socket
from collections.abc import Mapping


def notify(environ: Mapping[str, str], *assignments: str) -> None:
    """Send assignments such as `READY=1` to systemd; do nothing where systemd did not start us.

    `$NOTIFY_SOCKET` is a path, or an abstract socket written with a leading `@`. A refusal is
    not an error: the service must run the same without its supervisor listening.
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
