"""A child ends with us, says why it failed, and gets a port of its own."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.process import Process, ServerError, accepts, free_port

GONE_S = 30.0


def is_gone(pid: int) -> bool:
    """Whether a process has ended, or ends soon."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(fd) as ending:
        return bool(select.select([ending], [], [], GONE_S)[0])


def test_a_child_is_killed_with_its_parent(tmp_path: Path) -> None:
    """Even SIGKILL of the test run leaves no server behind."""
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from demo.process import Process\n"
            "print(Process(['sleep', '600'], log=Path(sys.argv[1])).pid, flush=True)\n"
            "sys.stdin.read()",
            str(tmp_path / "child.log"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    assert is_gone(child)


def test_stop_asks_before_it_kills(tmp_path: Path) -> None:
    """A child that ends on SIGTERM is not killed; one that ignores it is, when time is up."""
    polite = Process(["sleep", "600"], log=tmp_path / "polite.log")
    assert polite.stop() == -signal.SIGTERM
    deaf = Process(["sh", "-c", "trap '' TERM; echo deaf; exec sleep 600"], log=tmp_path / "d.log")
    deaf.wait_until(lambda: "deaf" in deaf.tail())
    assert deaf.stop(timeout_s=0.1) == -signal.SIGKILL
    assert is_gone(polite.pid)
    assert is_gone(deaf.pid)


def test_a_child_leads_a_session_of_its_own(tmp_path: Path) -> None:
    """Ctrl-C in the terminal goes to our process group, not to the servers."""
    child = Process(["sleep", "600"], log=tmp_path / "child.log")
    try:
        assert os.getsid(child.pid) == child.pid
    finally:
        child.kill()


def test_a_child_that_ends_early_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    """Why a server did not start stands in the error, not only in a file."""
    child = Process(["sh", "-c", "echo no space left; exit 3"], log=tmp_path / "server.log")
    with pytest.raises(ServerError, match=r"(?s)server ended with 3:.*no space left"):
        child.wait_until(lambda: False)


def test_a_child_that_never_answers_is_reported_at_its_deadline(tmp_path: Path) -> None:
    """Waiting has an end, and the error holds what the server said so far."""
    child = Process(["sh", "-c", "echo thinking; exec sleep 600"], log=tmp_path / "server.log")
    try:
        child.wait_until(lambda: "thinking" in child.tail())
        with pytest.raises(ServerError, match=r"(?s)server not ready in 0 s:.*thinking"):
            child.wait_until(lambda: False, timeout_s=0.01)
    finally:
        child.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="the range is Linux's")
def test_ports_are_outside_the_ephemeral_range() -> None:
    """No outgoing connection of this host takes the port of a server that is down for a moment."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert max(ports) < lowest
    assert not any(accepts(port) for port in ports)
