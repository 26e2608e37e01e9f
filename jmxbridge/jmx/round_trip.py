"""The round trip to the other end of a socket, as the kernel has measured it: tcp(7), TCP_INFO.

Not what a call takes, which is the server's work too: so the two can be told apart.
"""

import socket
import struct
import sys
from typing import Any

# `struct tcp_info` of linux/tcp.h: eight bytes, then words of 32 bits; this is the 16th of them.
_RTT_AT = 68
_U32 = struct.Struct("=I")


def round_trip_us(sock: Any) -> int | None:
    """Return the smoothed round trip in microseconds; None where the kernel does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RTT_AT + _U32.size)
    except OSError:  # the socket was closed
        return None
    rtt_us: int = _U32.unpack_from(info, _RTT_AT)[0]
    return rtt_us
