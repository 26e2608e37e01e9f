"""What every server here has in common: it starts, stops, is killed, and comes back as it was."""

import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from demo.process import Process, ServerError


class Server(ABC):
    """A server: made with its options, started by `start` or `with`; ports and data are kept.

    Data and log are in `folder`; where none is given, in a temporary one until `close`.
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
        """Return when it answers; raises ServerError."""

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
        """Start it (again); return when it answers."""
        self._process = self._launch()
        try:
            self._await_ready(self._process)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End it orderly; data and ports stay."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """End it as a power cut would; data and ports stay."""
        if self._process:
            self._process.kill()

    def restart(self) -> None:
        """Stop it if it runs, and start it with the same data and ports."""
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
