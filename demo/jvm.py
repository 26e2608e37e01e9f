"""A JVM with JMX on that runs a one-file Java program and can be talked to, line by line.

The program prints "ready" when it is; after that it may answer each line of its standard
input with one line (`Jvm.ask`). What it says on standard error is in its log.
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


def jolokia_option(port: int, version: str, **settings: str) -> str:
    """Return the JVM option for Jolokia's agent on a port of 127.0.0.1, at /jolokia/.

    `settings` are those of the agent: `user="me", password="..."`.
    """
    ours = {"host": "127.0.0.1", "port": str(port), "discoveryEnabled": "false"}
    given = ",".join(f"{key}={value}" for key, value in (ours | settings).items())
    return f"-javaagent:{jolokia_agent(version)}={given}"


# Jolokia's agents start beside the program, and say so on its standard output when they like.
_JOLOKIA_SAYS = ("Jolokia: ", "I> ", "D> ", "E> ")
_JOLOKIA_PORT = re.compile(r"-javaagent:[^=]*jolokia[^=]*=(?:.*,)?port=(\d+).*")


def _jolokia_ports(options: Sequence[str]) -> list[int]:
    return [int(found[1]) for each in options if (found := _JOLOKIA_PORT.fullmatch(each))]


class Jvm(Server):
    """A Java program from its source file; ready when it says so, and its agents listen."""

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
        """Prepare it; JMX is on, at a free port where `jmx_port` is None; `java` runs it."""
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
        if line.decode().startswith(_JOLOKIA_SAYS):
            return self._read_line(deadline - time.monotonic())
        return line.decode()
