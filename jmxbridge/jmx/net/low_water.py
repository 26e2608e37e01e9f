"""Low-water mark of a socket: how many bytes must arrive before it wakes us (socket(7)).

A JVM writes each reply separately, so a poll of 2,000 MBeans can wake the reader 2,000 times, and a
wake-up costs more than reading a reply by a template. The kernel is therefore told to wait for
about as many bytes as came the last time, but at most `MAX_BYTES`, so that reading and writing
overlap.

The mark is a guess. If a reply is shorter than the last one was, the kernel would wait for bytes
that never come. Therefore the mark returns to 1 after `LULL_S` without a wake-up.
"""

import asyncio
import contextlib
import socket

# Half of the initial receive buffer of a Linux socket.
MAX_BYTES = 64 << 10
# The delay that a wrong guess costs; the 200 wake-ups a second that this allows cost nothing.
LULL_S = 0.005
# None on systems without the option, such as Windows.
_OPTION: int | None = getattr(socket, "SO_RCVLOWAT", None)


class LowWaterMark:
    """The low-water mark of a transport's socket. A blocking recv on that socket would hang."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._socket = transport.get_extra_info("socket")
        self._loop = asyncio.get_running_loop()
        self._mark = 1
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, size: int) -> None:
        """Wake when `size` bytes have arrived, or fewer and then none for `LULL_S`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._set(min(size, MAX_BYTES))
        if self._mark > 1:
            self._timer = self._loop.call_later(LULL_S, self.reset)

    def reset(self) -> None:
        """Wake for every byte."""
        self.expect(1)

    def _set(self, mark: int) -> None:
        if mark == self._mark or _OPTION is None:
            return
        with contextlib.suppress(OSError):  # the socket is closed
            self._socket.setsockopt(socket.SOL_SOCKET, _OPTION, mark)
            self._mark = mark
