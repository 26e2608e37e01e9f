"""A real Kafka broker with JMX, in KRaft mode (3.x and newer); zookeeper.py has older ones.

Its folder and its ports are kept, so a broker that was stopped or killed starts again as the same
broker. The first node of a cluster is also its controller.
"""

import base64
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.cache import HERE, KAFKA_VERSION, LOG4J2_SINCE, java_path, kafka_libs, major
from demo.jvm import SMALL, jmx_options
from demo.process import Process, ServerError, free_port
from demo.server import Server

TOOL_S = 120
METADATA = 3  # API key
METADATA_VERSION = 4  # the lowest that both 1.0 and 4.x speak


class Kafka(Server):
    """A broker: started by `start` or `with`; ports and data survive a restart.

    `properties` override server.properties; `jvm_options` come last on the command line (a later
    -D overrides ours). `java` is the JVM's path. With `joins` it is the next broker of that
    cluster. Without `folder` the data lies in a temporary folder until `close`.
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
        joins: "Kafka | None" = None,
    ) -> None:
        super().__init__("kafka", folder)
        self.version = version
        self.node_id: int = joins.node_id + 1 if joins else 1
        self.java = java or Path("java")
        self.libs = kafka_libs(version)
        self.port = port or free_port()
        self.jmx_port = jmx_port or free_port()
        # Starts with a letter: StorageTool takes an id that begins with "-" for an option.
        own_id = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        self._cluster_id: str = joins._cluster_id if joins else own_id
        self._controller_port: int = joins._controller_port if joins else free_port()
        self._properties = {**self._defaults(), **(properties or {})}
        self._jvm_options = [*jmx_options(self.jmx_port), *jvm_options]

    @property
    def bootstrap(self) -> str:
        """HOST:PORT for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def controller(self) -> str:
        """HOST:PORT of the cluster's KRaft controller, which serves no clients."""
        return f"127.0.0.1:{self._controller_port}"

    def _launch(self) -> Process:
        config = self.folder / "server.properties"
        if not config.exists():
            self._configure(config)
        command = self._java("kafka.Kafka", str(config), options=self._jvm_options)
        return Process(command, log=self.folder / "kafka.log")

    def _await_ready(self, process: Process) -> None:
        process.wait_until(self.answers)

    def answers(self) -> bool:
        """Whether the broker lists itself in the metadata, which it does once it serves clients."""
        return self.port in self.known_ports()

    def known_ports(self) -> set[int]:
        """Return the ports of all brokers in its metadata; empty if it does not answer."""
        try:
            return _broker_ports(self.port)
        except (OSError, struct.error):
            return set()

    def tool(self, main: str, *args: str) -> str:
        """Run a command-line tool of org.apache.kafka.tools on this broker; return its stdout."""
        return self._run(self._tool_named(main), "--bootstrap-server", self.bootstrap, *args)

    def configure(self, *args: str) -> None:
        """Run kafka-configs.sh on this broker."""
        self._run("kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap, *args)

    def _tool_named(self, main: str) -> str:
        return f"org.apache.kafka.tools.{main}"

    def _configure(self, config: Path) -> None:
        """Write server.properties and format the storage before the first start."""
        self._write(config)
        id_ = self._cluster_id
        try:
            self._run("kafka.tools.StorageTool", "format", "-t", id_, "-c", str(config))
        except BaseException:
            config.unlink()
            raise

    def _write(self, config: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        config.write_text("".join(f"{key}={value}\n" for key, value in self._properties.items()))

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
        log = log_option(self.version)
        return [str(self.java), *SMALL, log, *options, "-cp", java_path([self.libs]), main, *args]

    def _defaults(self) -> dict[str, str]:
        clients = f"PLAINTEXT://{self.bootstrap}"
        leads = self.node_id == 1
        return self._common() | {
            "process.roles": "broker,controller" if leads else "broker",
            "node.id": str(self.node_id),
            "controller.quorum.voters": f"1@{self.controller}",
            "listeners": f"{clients},CONTROLLER://{self.controller}" if leads else clients,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        }

    def _common(self) -> dict[str, str]:
        return {
            "listeners": f"PLAINTEXT://{self.bootstrap}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",  # a typo must not make a topic
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "8",  # 50 take seconds to create
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "log.cleaner.dedupe.buffer.size": "4194304",  # default: 128 MiB, allocated at start
            "num.network.threads": "2",
            "num.io.threads": "4",
        }


def log_option(version: str) -> str:
    """Return the JVM option for the logging configuration of a Kafka version."""
    if major(version) >= LOG4J2_SINCE:
        return f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}"
    return f"-Dlog4j.configuration=file:{HERE / 'log4j.properties'}"


def _broker_ports(port: int) -> set[int]:
    """Request metadata without topics; return the ports of the brokers it lists."""
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
