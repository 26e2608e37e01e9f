"""A `jmxbridge run` that one test owns: its file, its store, its process."""

import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from demo.servers import Process

SETS = yaml.safe_load((Path(__file__).parents[2] / "mbeans.yaml").read_text())["mbeans"]


class Bridge:
    """`jmxbridge run` on a file made of `settings`, with the rule sets of the shipped file.

    All starts append to one log. The store is `store.sqlite3` in the folder. `inside` is a command
    prefix, such as `nsenter`.
    """

    def __init__(
        self, folder: Path, settings: dict[str, Any], *, inside: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.file = folder / "mbeans.yaml"
        self.store = folder / "store.sqlite3"
        self.log = folder / "jmxbridge.log"
        document = {"interval": "1s", "mbeans": SETS, "store": {"path": str(self.store)}}
        self.file.write_text(yaml.safe_dump(document | settings))
        self._inside = inside
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The process of the last start."""
        assert self._process is not None
        return self._process

    def start(self) -> Self:
        """Start it in the background."""
        command = [*self._inside, sys.executable, "-m", "jmxbridge", "run", str(self.file)]
        self._process = Process(command, log=self.log)
        return self

    def stop(self) -> int:
        """Stop it and return its exit status."""
        return self.process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.process.stop()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait for a condition while the bridge runs; fail with its log otherwise."""
        self.process.wait_until(ready)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Query the store of the running bridge; read-only, without a lock."""
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()
