"""A JVM with JMX on that runs a one-file Java program and can be talked to, line by line.

The program prints one line when it is ready; after that it may answer each line of its standard
input with one line (`Jvm.ask`). What it says on standard error is in its log.
"""

import os
import select
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from demo.cache import java_classes, java_path
from demo.process import READY_S, Process, ServerError, accepts, free_port

ANSWER_S = 120.0
SMALL = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def jmx_options(port: int) -> list[str]:
    """Return the JVM options for plain JMX on one port of 127.0.0.1, registry and RMI both.

    Beside it the JDK opens a port of its own choice for tools on the same host, on every address;
    no option prevents that, but it turns away whoever is not this host.
    """
    remote = "-Dcom.sun.management.jmxremote"
    return [
        remote,
        f"{remote}.host=127.0.0.1",  # without it the port is open on every address
        f"{remote}.port={port}",
        f"{remote}.rmi.port={port}",
        f"{remote}.authenticate=false",
        f"{remote}.ssl=false",
        "-Djava.rmi.server.hostname=127.0.0.1",
    ]


class Jvm:
    """A Java program from its source file; ready when it has printed its first line."""

    def __init__(
        self,
        source: Path,
        *args: str,
        jmx_port: int | None = None,
        libs: Sequence[Path] = (),
        jvm_options: Sequence[str] = (),
        log: Path | None = None,
    ) -> None:
        """Prepare it; JMX is on, at a free port where `jmx_port` is None."""
        self._temporary = tempfile.TemporaryDirectory(prefix="jvm-") if log is None else None
        folder = Path(self._temporary.name) if self._temporary else Path()
        self.jmx_port = jmx_port or free_port()
        self._log = log or folder / f"{source.stem}.log"
        self._source = source
        self._libs = libs
        self._options = [*SMALL, *jmx_options(self.jmx_port), *jvm_options]
        self._args = args
        self._process: Process | None = None
        self._unread = b""

    @property
    def process(self) -> Process:
        """The running JVM."""
        if self._process is None:
            raise ServerError(f"{self._source.stem} is not started")
        return self._process

    def start(self) -> Self:
        """Start it (again), on the same JMX port; return when it is ready."""
        classes = java_classes(self._source, self._libs)
        self._unread = b""
        path = java_path([classes, *self._libs])
        command = ["java", *self._options, "-cp", path, self._source.stem, *self._args]
        self._process = Process(command, log=self._log, talk=True)
        try:
            self._read_line(READY_S)
            self._process.wait_until(lambda: accepts(self.jmx_port))
        except BaseException:
            self.kill()
            raise
        return self

    def ask(self, line: str, *, timeout_s: float = ANSWER_S) -> str:
        """Send one line and return the program's answer, without its line end."""
        stdin = self.process.popen.stdin
        if stdin is None:
            raise ServerError(f"{self._source.stem} is not listening")
        try:
            stdin.write(line.encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise ServerError(f"{self._source.stem} has ended:\n{self.process.tail()}") from None
        return self._read_line(timeout_s)

    def stop(self) -> None:
        """End it (SIGTERM)."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self._process:
            self._process.kill()

    def close(self) -> None:
        """Stop it and remove its log."""
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

    def _read_line(self, timeout_s: float) -> str:
        name, stdout = self._source.stem, self.process.popen.stdout
        if stdout is None:
            raise ServerError(f"{name} is not talking")
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stdout], [], [], left)[0]:
                raise ServerError(f"{name} silent for {timeout_s:.0f} s:\n{self.process.tail()}")
            data = os.read(stdout.fileno(), 65536)
            if not data:
                raise ServerError(f"{name} ended:\n{self.process.tail()}")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()
