"""One child process: its log, its readiness, its end.

Rule: a child never outlives us. The kernel kills it when its parent dies (PR_SET_PDEATHSIG, Linux
only); otherwise it is stopped by its pid. It leads its own session, so Ctrl-C in the terminal
reaches only us, and we choose the order in which servers stop.

PR_SET_PDEATHSIG follows the *thread* that started the child: start servers from a thread that lives
as long as they must.
"""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
READY_S = 180.0  # a fresh broker needs 6-14 s, up to 120 s on a busy machine
STOP_S = 30.0  # a broker's shutdown takes 1-3 s; after this it is killed
POLL_S = 0.1
TAIL_LINES = 25

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ServerError(Exception):
    """A server could not be fetched, started or queried; the message has its last log lines."""


class Process:
    """A running child whose output goes to `log`.

    `talk` opens pipes to its stdin and stdout instead; `output` is a file descriptor for both
    stdout and stderr.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        talk: bool = False,
        output: int | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        self.name = log.stem
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talk else output or out,
                stderr=output or out,
                cwd=cwd,
                env=None if env is None else {**os.environ, **env},
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.popen.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float = READY_S) -> None:
        """Poll `ready` until it is true; raises ServerError if the process ends or time is up."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.alive:
                raise ServerError(f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} not ready in {timeout_s:.0f} s:\n{self.tail()}")
            time.sleep(POLL_S)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end and return the exit status; raises ServerError when time is up."""
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ServerError(f"{self.name} is still running after {timeout_s:.0f} s") from None

    def stop(self, timeout_s: float = STOP_S) -> int:
        """Terminate it, kill it after `timeout_s`; return the exit status."""
        self._close_stdin()
        if self.alive:
            self.popen.terminate()
            try:
                self.popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        return self._reap()

    def kill(self) -> int:
        """Kill it at once (SIGKILL); return the exit status."""
        if self.alive:
            self.popen.kill()
        self._close_stdin()
        return self._reap()

    def pause(self) -> None:
        """Stop it with SIGSTOP: its sockets stay open and do not answer."""
        self.popen.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue a stopped process."""
        self.popen.send_signal(signal.SIGCONT)

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _close_stdin(self) -> None:
        if self.popen.stdin and not self.popen.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # it ended before reading everything
                self.popen.stdin.close()

    def _reap(self) -> int:
        status = self.popen.wait()
        if self.popen.stdout:
            self.popen.stdout.close()
        return status


def end_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when its parent ends; Linux only."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, number)


def _die_with(parent: int) -> Callable[[], None]:
    def in_child() -> None:
        end_with_parent()
        if os.getppid() != parent:  # the parent died before prctl
            os._exit(1)

    return in_child


_handed_out: set[int] = set()


def free_port() -> int:
    """Return a free TCP port, never the same one twice.

    It lies below the kernel's ephemeral range: a server that restarts must find its port free, and
    a client that keeps connecting to an ephemeral port of its own host can connect to itself and
    occupy it.
    """
    while True:
        port = random.randrange(15_000, 32_000)  # noqa: S311 - spreads ports, guards nothing
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Whether a port of 127.0.0.1 accepts connections."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
