"""Reload on SIGHUP: changed targets change, unchanged ones stay connected."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Self

import pytest

from demo.servers import Kafka

pytestmark = pytest.mark.real

DEADLINE_S = 60
FILE = """\
interval: 500ms
store: {{path: store.sqlite3}}
targets:
  - {{name: broker, jmx: '127.0.0.1:{port}', collect: jvm}}
"""
MORE = "  - {{name: again, jmx: '127.0.0.1:{port}', collect: kafka-kraft}}\n"


class Run:
    """`jmxbridge run` and its log lines."""

    def __init__(self, folder: Path, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jmxbridge", "run", *args],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._lines: Queue[str] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                self._lines.put(line)

    def wait_for(self, word: str) -> None:
        """Read until a line has the word; raises queue.Empty at the deadline."""
        while not self.lines or word not in self.lines[-1]:
            self.lines.append(self._lines.get(timeout=DEADLINE_S))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


def test_targets_that_do_not_change_stay_connected(kafka: Kafka, tmp_path: Path) -> None:
    """A new target is polled; an invalid file, or one that needs a restart, changes nothing."""
    file = tmp_path / "mbeans.yaml"
    text = FILE.format(port=kafka.jmx_port)
    file.write_text(text)
    with Run(tmp_path) as run:
        run.wait_for("target broker: up")
        file.write_text("# lines move\n" + text + MORE.format(port=kafka.jmx_port))
        run.process.send_signal(signal.SIGHUP)
        run.wait_for("reloaded: 1 kept, 1 started, 0 stopped")
        run.wait_for("target again: up")
        file.write_text("intervall: 1s\n" + text)
        run.process.send_signal(signal.SIGHUP)
        run.wait_for("not reloaded, the file has errors")
        run.wait_for('did you mean "interval"?')
        file.write_text(text.replace("500ms", "1s"))
        run.process.send_signal(signal.SIGHUP)
        run.wait_for("not reloaded: interval needs a restart")
        file.write_text(text)
        run.process.send_signal(signal.SIGHUP)
        run.wait_for("reloaded: 1 kept, 0 started, 1 stopped")
        assert len([line for line in run.lines if "target broker: up" in line]) == 1
        assert run.stop() == 0
    times = json.loads((tmp_path / "store.polls.json").read_text())["seconds"]
    assert set(times) == {"broker", "again"}  # for `check`, which reads poll times by target


def test_only_polls_the_named_target(kafka: Kafka, tmp_path: Path) -> None:
    """--only polls the named target; an unknown name is a usage error."""
    text = FILE.format(port=kafka.jmx_port) + MORE.format(port=kafka.jmx_port)
    (tmp_path / "mbeans.yaml").write_text(text)
    with Run(tmp_path, "--only", "again") as run:
        run.wait_for("target again: up")
        assert not [line for line in run.lines if "target broker" in line]
        assert run.stop() == 0
    with Run(tmp_path, "--only", "nobody") as wrong:
        assert wrong.process.wait(DEADLINE_S) == 2
        wrong.wait_for("has no target nobody: it has broker, again")
