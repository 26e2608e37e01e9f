"""Round-trip time of a socket as the kernel measures it: TCP_INFO, tcp(7).

Unlike the duration of a call it does not include the server's work, so the two can be told apart.
It is the minimum of the last minutes, because the peer may delay its acknowledgements.
"""

import socket
import struct
import sys
from typing import Any

# Offset of `tcpi_min_rtt` in linux/tcp.h, since Linux 4.9.
_MIN_RTT_OFFSET = 148
_U32 = struct.Struct("=I")


def round_trip_us(sock: Any) -> int | None:
    """Return the round-trip time in microseconds; None if the kernel does not report it."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT_OFFSET + _U32.size)
    except OSError:  # the socket is closed
        return None
    if len(info) < _MIN_RTT_OFFSET + _U32.size:
        return None
    min_rtt_us: int = _U32.unpack_from(info, _MIN_RTT_OFFSET)[0]
    return min_rtt_us
