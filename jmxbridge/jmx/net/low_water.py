"""How many bytes must have come before a socket wakes us: its low-water mark (socket(7)).

A JVM writes each answer by itself, so a poll of 2,000 MBeans wakes whoever reads as often as that,
and being woken costs more than reading by a template. So the kernel is told to wait for about as
much as came the last time; not for more than `MAX_BYTES`, so that reading goes on beside writing.

The mark is a guess: an answer may be shorter than the last one was, and what never comes would be
waited for in vain. After `LULL_S` without a wake-up the mark is therefore 1 again.
"""

import asyncio
import contextlib
import socket

# Half of the receive buffer that a Linux socket begins with.
MAX_BYTES = 64 << 10
# What a wrong guess costs at the most; and 200 wake-ups a second are nothing.
LULL_S = 0.005
# What the option is called where there is one; Windows has none.
_OPTION: int | None = getattr(socket, "SO_RCVLOWAT", None)


class LowWater:
    """The mark of one socket, in a transport of the running loop. A blocking recv would hang."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._socket = transport.get_extra_info("socket")
        self._loop = asyncio.get_running_loop()
        self._mark = 1
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, size: int) -> None:
        """Wake when `size` bytes are there, or some are and it was quiet for `LULL_S`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._set(min(size, MAX_BYTES))
        if self._mark > 1:
            self._timer = self._loop.call_later(LULL_S, self.lower)

    def lower(self) -> None:
        """Wake for every byte."""
        self.expect(1)

    def _set(self, mark: int) -> None:
        if mark == self._mark or _OPTION is None:
            return
        with contextlib.suppress(OSError):  # the socket was closed meanwhile
            self._socket.setsockopt(socket.SOL_SOCKET, _OPTION, mark)
            self._mark = mark
