"""The round trip to the other end of a socket, as the kernel has measured it: tcp(7), TCP_INFO.

Not what a call takes, which is the server's work too: so the two can be told apart. It is the least
of the last minutes, for the other end may wait before it acknowledges.
"""

import socket
import struct
import sys
from typing import Any

# `tcpi_min_rtt` of linux/tcp.h, since Linux 4.9.
_MIN_RTT_AT = 148
_U32 = struct.Struct("=I")


def round_trip_us(sock: Any) -> int | None:
    """Return the round trip in microseconds; None where the kernel does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT_AT + _U32.size)
    except OSError:  # the socket was closed
        return None
    if len(info) < _MIN_RTT_AT + _U32.size:
        return None
    least_us: int = _U32.unpack_from(info, _MIN_RTT_AT)[0]
    return least_us
