"""The terminal of the demo: the story's lines above, the bridge's live status below them.

The bridge redraws its status in place at the foot of the terminal; a line that another process
prints in between would end up inside it. So the bridge gets its own terminal (a pty), its output is
passed on, and a line of the story is inserted where a redraw has wiped the old status and not yet
drawn the new one. Without a terminal the bridge writes to a pipe.
"""

import fcntl
import os
import pty
import re
import sys
import termios
import threading
from contextlib import suppress
from typing import TextIO

REDRAW = re.compile(rb"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*")  # wipe this line, go up, wipe, …
CUT_SHORT = re.compile(rb"\x1b(?:\[[0-9?;]*)?\Z")  # a code whose end has not arrived
HIDE_CURSOR = b"\x1b[?25l"  # printed when a live status begins; SHOW_CURSOR when it ends
SHOW_CURSOR = b"\x1b[?25h"
READ_BYTES = 65536


class Splice:
    """Passes a live status on and inserts lines between its redraws. Pure."""

    def __init__(self) -> None:
        self._live = False
        self._waiting: list[bytes] = []
        self._held = b""

    def say(self, line: str) -> bytes:
        """Return the bytes to write now: the line, or nothing while it waits for a redraw."""
        self._waiting.append(line.encode() + b"\n")
        return b"" if self._live else self._released()

    def feed(self, data: bytes) -> bytes:
        """Return the bytes to write for a piece of the bridge's output."""
        data = self._held + data
        cut = CUT_SHORT.search(data)
        end = cut.start() if cut else len(data)
        redraw = REDRAW.search(data, 0, end) if self._waiting else None
        if redraw and redraw.end() == end:  # the wipe may continue in the next piece
            end, redraw = redraw.start(), None
        data, self._held = data[:end], data[end:]
        if redraw:
            data = data[: redraw.end()] + self._released() + data[redraw.end() :]
        hidden, shown = data.rfind(HIDE_CURSOR), data.rfind(SHOW_CURSOR)
        if hidden != shown:  # the piece contains one of them
            self._live = hidden > shown
        return data if self._live else data + self._released()

    def end(self) -> bytes:
        """Return the bytes to write when the bridge has ended, by whatever cause."""
        left = self._held + (b"\n" + SHOW_CURSOR if self._live else b"")
        self._live, self._held = False, b""
        return left + self._released()

    def _released(self) -> bytes:
        lines = b"".join(self._waiting)
        self._waiting.clear()
        return lines


class Stage:
    """Standard output, shared with one child at a time."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._splice = Splice()
        self._relay: threading.Thread | None = None

    def say(self, line: str) -> None:
        """Print a line of the story."""
        with self._lock:
            self._write(self._splice.say(line))

    def admit(self) -> int:
        """Return a file descriptor for a child's output; the caller closes it after the start."""
        if self._out.isatty():
            ours, theirs = pty.openpty()
            size = fcntl.ioctl(self._out.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        else:
            ours, theirs = os.pipe()
        self._relay = threading.Thread(target=self._pass_on, args=(ours,), daemon=True)
        self._relay.start()
        return theirs

    def dismiss(self) -> None:
        """Wait until all output of the child, which must have ended, is shown."""
        if self._relay:
            self._relay.join()

    def _pass_on(self, source: int) -> None:
        # a pty ends with EIO
        with os.fdopen(source, "rb", buffering=0) as reader, suppress(OSError):
            while data := reader.read(READ_BYTES):
                with self._lock:
                    self._write(self._splice.feed(data))
        with self._lock:
            self._write(self._splice.end())

    def _write(self, data: bytes) -> None:
        self._out.buffer.write(data)
        self._out.flush()
