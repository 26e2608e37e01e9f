"""`make demo`: the lag climbs and falls, and nothing is left running."""

import os
import select
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent.parent
MARK = "JMXBRIDGE_DEMO_MARK"
GONE_S = 30.0
STORY_S = 300.0  # it takes about 50 s; a hung demo fails instead of hanging the run


@dataclass(frozen=True)
class Demo:
    """A demo in its own process group; all its processes have `mark` in their environment."""

    popen: subprocess.Popen[str]
    mark: str

    def read_until(self, words: str) -> str:
        """Return its output up to a line with these words, or to the end."""
        lines = []
        assert self.popen.stdout
        for line in self.popen.stdout:
            lines.append(line)
            if words in line:
                break
        return "".join(lines)

    def processes(self) -> list[int]:
        """Return the pids of the demo and of all processes it started."""
        mark = f"{MARK}={self.mark}".encode()
        pids = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    pids.append(int(folder.name))
        return pids


@contextmanager
def playing(temporary: Path, **options: str) -> Iterator[Demo]:
    """Start a demo with its temporary files in our folder; kill what a failure leaves."""
    mark = uuid.uuid4().hex
    with subprocess.Popen(
        [sys.executable, "-m", "demo.story"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), MARK: mark, **options},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as popen:
        demo = Demo(popen, mark)
        watchdog = threading.Timer(STORY_S, popen.kill)
        watchdog.start()
        try:
            yield demo
        finally:
            watchdog.cancel()
            for pid in demo.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def is_gone(pid: int) -> bool:
    """Whether a process ends within a moment."""
    try:
        ending = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(ending) as file:
        return bool(select.select([file], [], [], GONE_S)[0])


@pytest.mark.parametrize("influx", ["0", "1"], ids=["store", "influx"])
def test_played_once_the_lag_rises_at_every_poll_and_falls_to_0(
    influx: str, tmp_path: Path
) -> None:
    """`make demo ONCE=1` judges the points in the store or in InfluxDB and leaves nothing."""
    with playing(tmp_path, ONCE="1", INFLUX=influx) as demo:
        output = demo.read_until("no line says this")
        assert demo.popen.wait() == 0, output
        assert demo.processes() == []
    assert "✓ the lag rose at every poll" in output
    assert ("SELECT lag_sum FROM" in output) == (influx == "1")
    assert list(tmp_path.glob("*demo*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_ctrl_c_ends_everything_in_order(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C in mid-story stops all processes and removes all files."""
    with playing(tmp_path) as demo:
        output = demo.read_until("reads and commits")
        started = demo.processes()
        os.killpg(demo.popen.pid, number)
        output += demo.read_until("no line says this")
        assert demo.popen.wait() == 0, output
        assert len(started) > 3  # the story, Kafka, the producer, the bridge
        assert demo.processes() == []
    assert list(tmp_path.glob("*demo*")) == []


def test_a_killed_demo_leaves_no_server(tmp_path: Path) -> None:
    """Not even SIGKILL leaves a server behind."""
    with playing(tmp_path) as demo:
        demo.read_until("reads and commits")
        started = demo.processes()
        demo.popen.kill()
        assert len(started) > 3
        assert all(is_gone(pid) for pid in started)
