"""A real Kafka: KRaft, one node, broker and controller in one JVM, JMX on.

Everything it needs to come back is in its folder and its ports, so it can be stopped or killed
and started again as the same broker.
"""

import base64
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.cache import HERE, KAFKA_VERSION, java_path, kafka_libs
from demo.jvm import SMALL, jmx_options
from demo.process import Process, ServerError, free_port
from demo.server import Server

TOOL_S = 120
METADATA = 3  # API key
METADATA_VERSION = 4  # the lowest that both 1.0 and 4.x speak


class Kafka(Server):
    """A broker: made with its options, started by `start` or `with`; ports and data are kept.

    `properties` are laid over server.properties, `jvm_options` come last on the command line (a
    later -D wins over ours). `java` is the program that runs it. Without `folder` the data is in a
    temporary one until `close`.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        version: str = KAFKA_VERSION,
        properties: Mapping[str, str] | None = None,
        jvm_options: Sequence[str] = (),
        port: int | None = None,
        jmx_port: int | None = None,
        java: Path | None = None,
    ) -> None:
        super().__init__("kafka", folder)
        self.java = java or Path("java")
        self.libs = kafka_libs(version)
        self.port = port or free_port()
        self.jmx_port = jmx_port or free_port()
        self._controller_port = free_port()
        self._properties = {**self._defaults(), **(properties or {})}
        self._jvm_options = [*jmx_options(self.jmx_port), *jvm_options]

    @property
    def bootstrap(self) -> str:
        """HOST:PORT for clients."""
        return f"127.0.0.1:{self.port}"

    def _launch(self) -> Process:
        config = self.folder / "server.properties"
        if not config.exists():
            self._format(config)
        command = self._java("kafka.Kafka", str(config), options=self._jvm_options)
        return Process(command, log=self.folder / "kafka.log")

    def _await_ready(self, process: Process) -> None:
        process.wait_until(self.answers)

    def answers(self) -> bool:
        """Whether the broker names itself in the metadata, that is, serves clients."""
        try:
            return self.port in _broker_ports(self.port)
        except (OSError, struct.error):
            return False

    def tool(self, main: str, *args: str) -> str:
        """Run a command-line tool of org.apache.kafka.tools on this broker; its stdout."""
        name = f"org.apache.kafka.tools.{main}"
        return self._run(name, "--bootstrap-server", self.bootstrap, *args)

    def _format(self, config: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        config.write_text("".join(f"{key}={value}\n" for key, value in self._properties.items()))
        # A letter in front: StorageTool takes an id that begins with "-" for an option.
        cluster_id = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        try:
            self._run("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(config))
        except BaseException:
            config.unlink()
            raise

    def _run(self, main: str, *args: str) -> str:
        try:
            done = subprocess.run(
                self._java(main, *args),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TOOL_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ServerError(f"{main} not done in {TOOL_S} s") from None
        if done.returncode:
            raise ServerError(f"{main} ended with {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def _java(self, main: str, *args: str, options: Sequence[str] = ()) -> list[str]:
        log = f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}"
        return [str(self.java), *SMALL, log, *options, "-cp", java_path([self.libs]), main, *args]

    def _defaults(self) -> dict[str, str]:
        controller = f"127.0.0.1:{self._controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",  # a typo must not make a topic
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "8",  # 50 take seconds to make
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "log.cleaner.dedupe.buffer.size": "4194304",  # 128 MiB otherwise, taken at start
            "num.network.threads": "2",
            "num.io.threads": "4",
        }


def _broker_ports(port: int) -> set[int]:
    """Ask for the metadata of no topic; the ports of the brokers it names."""
    # correlation id 1, null client id; no topics, no auto-creation
    request = struct.pack(">hhih", METADATA, METADATA_VERSION, 1, -1) + struct.pack(">i?", 0, False)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(struct.pack(">i", len(request)) + request)
        stream = sock.makefile("rb")
        body = stream.read(struct.unpack(">i", stream.read(4))[0])
    count, pos = struct.unpack_from(">i", body, 8)[0], 12  # after correlation id, throttle time
    ports = set()
    for _ in range(count):
        pos += 4 + 2 + struct.unpack_from(">h", body, pos + 4)[0]  # node id, host
        ports.add(struct.unpack_from(">i", body, pos)[0])
        rack = struct.unpack_from(">h", body, pos + 4)[0]
        pos += 4 + 2 + max(rack, 0)
    return ports
