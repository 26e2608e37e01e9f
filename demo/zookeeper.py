"""A real ZooKeeper, and Kafka 2.x, which needs one."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from demo.cache import KAFKA_28, java_path, kafka_libs
from demo.jvm import SMALL
from demo.kafka import Kafka, log_option
from demo.process import Process, free_port
from demo.server import Server

CONFIG = """\
tickTime=2000
dataDir={folder}/data
clientPort={port}
clientPortAddress=127.0.0.1
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=ruok,dump
"""
SESSION_MS = 6000  # a killed broker stays registered this long


class ZooKeeper(Server):
    """One ZooKeeper server, from the jars of a Kafka distribution."""

    def __init__(self, folder: Path | None = None, *, version: str = KAFKA_28) -> None:
        super().__init__("zookeeper", folder)
        self.port = free_port()
        self._version = version
        self._libs = kafka_libs(version)

    def _launch(self) -> Process:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "zoo.cfg"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port))
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        path = java_path([self._libs])
        command = ["java", *SMALL, log_option(self._version), "-cp", path, main, str(config)]
        return Process(command, log=self.folder / "zookeeper.log")

    def _await_ready(self, process: Process) -> None:
        process.wait_until(lambda: self.ask("ruok") == "imok")

    def ask(self, word: str) -> str:
        """Send a four-letter word and return the answer, or "" if there is none."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sock:
                sock.sendall(word.encode())
                return sock.makefile("rb").read().decode()
        except OSError:
            return ""


class ZooKeeperKafka(Kafka):
    """A broker with its own ZooKeeper, which keeps running while the broker restarts."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        version: str = KAFKA_28,
        properties: Mapping[str, str] | None = None,
        jvm_options: Sequence[str] = (),
        java: Path | None = None,
    ) -> None:
        self._zookeeper = ZooKeeper(folder and folder / "zookeeper", version=version)
        super().__init__(
            folder, version=version, properties=properties, jvm_options=jvm_options, java=java
        )

    def start(self) -> Self:
        """Start the broker, and ZooKeeper the first time; return once it answers."""
        if not self._zookeeper.alive:
            self._zookeeper.start()
        # After a kill it is still registered, and a second registration would be refused.
        self._zookeeper.process.wait_until(lambda: not self._is_registered())
        return super().start()

    def close(self) -> None:
        """Stop both and remove their temporary folders."""
        super().close()
        self._zookeeper.close()

    def _is_registered(self) -> bool:
        return f"/brokers/ids/{self.node_id}" in self._zookeeper.ask("dump")

    def _tool_named(self, main: str) -> str:
        return f"kafka.admin.{main.rpartition('.')[2]}"

    def _configure(self, config: Path) -> None:
        self._write(config)

    def _defaults(self) -> dict[str, str]:
        return self._common() | {
            "broker.id": str(self.node_id),
            "zookeeper.connect": f"127.0.0.1:{self._zookeeper.port}",
            "zookeeper.session.timeout.ms": str(SESSION_MS),
        }
