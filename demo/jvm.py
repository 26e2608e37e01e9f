"""A JVM with JMX that runs a one-file Java program and answers commands line by line.

The program prints "ready" once it is; from then on it may answer each line of its standard input
with one line (`Jvm.ask`). Its standard error goes to its log.
"""

import os
import re
import select
import time
from collections.abc import Sequence
from pathlib import Path

from demo.cache import java_classes, java_path, jolokia_agent
from demo.process import READY_S, Process, ServerError, accepts, free_port
from demo.server import Server

ANSWER_S = 120.0
SMALL = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def jmx_options(port: int) -> list[str]:
    """Return the JVM options for plain JMX on one port of 127.0.0.1, registry and RMI both.

    The JDK also opens a port of its own choice for local tools, on every address. No option
    prevents that; it refuses connections from other hosts.
    """
    remote = "-Dcom.sun.management.jmxremote"
    return [
        remote,
        f"{remote}.host=127.0.0.1",  # default: every address
        f"{remote}.port={port}",
        f"{remote}.rmi.port={port}",
        f"{remote}.authenticate=false",
        f"{remote}.ssl=false",
        "-Djava.rmi.server.hostname=127.0.0.1",
    ]


def jolokia_option(port: int, version: str, **settings: str) -> str:
    """Return the JVM option for Jolokia's agent on a port of 127.0.0.1, at /jolokia/.

    `settings` are the agent's options: `user="me", password="..."`.
    """
    ours = {"host": "127.0.0.1", "port": str(port), "discoveryEnabled": "false"}
    given = ",".join(f"{key}={value}" for key, value in (ours | settings).items())
    return f"-javaagent:{jolokia_agent(version)}={given}"


# Lines that Jolokia's agent may print to the program's standard output at any time.
_JOLOKIA_LINES = ("Jolokia: ", "I> ", "D> ", "E> ")
_JOLOKIA_PORT = re.compile(r"-javaagent:[^=]*jolokia[^=]*=(?:.*,)?port=(\d+).*")


def _jolokia_ports(options: Sequence[str]) -> list[int]:
    return [int(port[1]) for option in options if (port := _JOLOKIA_PORT.fullmatch(option))]


class Jvm(Server):
    """A Java program run from its source file; ready when it says so and its agents listen."""

    def __init__(
        self,
        source: Path,
        *args: str,
        jmx_port: int | None = None,
        libs: Sequence[Path] = (),
        jvm_options: Sequence[str] = (),
        log: Path | None = None,
        java: Path | None = None,
    ) -> None:
        """Prepare the program. JMX listens on `jmx_port`, or on a free port; `java` runs it."""
        super().__init__(source.stem, None if log is None else log.parent)
        self.jmx_port = jmx_port or free_port()
        self._log = log or self.folder / f"{source.stem}.log"
        self._source = source
        self._java = java or Path("java")
        self._libs = libs
        self._options = [*SMALL, *jmx_options(self.jmx_port), *jvm_options]
        self._args = args
        self._unread = b""

    def _launch(self) -> Process:
        classes = java_classes(self._source, self._libs)
        self._unread = b""
        path = java_path([classes, *self._libs])
        command = [str(self._java), *self._options, "-cp", path, self._source.stem, *self._args]
        return Process(command, log=self._log, talk=True)

    def _await_ready(self, process: Process) -> None:
        self._read_line(READY_S)
        ports = [self.jmx_port, *_jolokia_ports(self._options)]
        process.wait_until(lambda: all(map(accepts, ports)))

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
        if line.decode().startswith(_JOLOKIA_LINES):
            return self._read_line(deadline - time.monotonic())
        return line.decode()
