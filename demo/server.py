"""Base of all servers here: start, stop, kill, restart with the same data."""

import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from demo.process import Process, ServerError


class Server(ABC):
    """A server: started by `start` or `with`; ports and data survive a restart.

    Data and log are in `folder`, or in a temporary folder until `close`.
    """

    def __init__(self, name: str, folder: Path | None) -> None:
        self._name = name
        self._temporary = tempfile.TemporaryDirectory(prefix=f"{name}-") if folder is None else None
        self.folder = folder or Path(self._temporary.name if self._temporary else ".")
        self._process: Process | None = None

    @abstractmethod
    def _launch(self) -> Process:
        """Start the process."""

    @abstractmethod
    def _await_ready(self, process: Process) -> None:
        """Return once it answers; raises ServerError."""

    @property
    def process(self) -> Process:
        """The running process."""
        if self._process is None:
            raise ServerError(f"{self._name} is not started")
        return self._process

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.alive

    def start(self) -> Self:
        """Start or restart it; return once it answers."""
        self._process = self._launch()
        try:
            self._await_ready(self._process)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Stop it; data and ports stay."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """Kill it, like a power cut; data and ports stay."""
        if self._process:
            self._process.kill()

    def restart(self) -> None:
        """Stop it if it runs, then start it with the same data and ports."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it and remove its temporary folder."""
        self.stop()
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()
