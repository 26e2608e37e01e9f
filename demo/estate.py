"""One of each kind of Kafka JVM on one broker and one JDK: broker, client, Streams, Connect.

The Connect worker runs a source, a sink and two connectors of MirrorMaker 2, which mirrors a topic
into another topic of the same broker. (The heartbeat connector would mirror itself for ever.)
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from demo.cache import KAFKA_VERSION
from demo.client import Client
from demo.connect import Connect
from demo.kafka import Kafka
from demo.server import Server
from demo.streams import Streams

TOPIC = "orders.eu"
GROUP = "billing"
CLIENT_ID = "billing-1"
RECORDS = 100
LINES = 50
BYTES = "org.apache.kafka.connect.converters.ByteArrayConverter"


class Estate:
    """Started and stopped by `with`; one Kafka version and one `java` for all of them."""

    def __init__(
        self, folder: Path, *, java: Path | None = None, version: str = KAFKA_VERSION
    ) -> None:
        self.kafka = Kafka(folder / "kafka", version=version, java=java)
        self.client = Client(self.kafka, log=folder / "client.log")
        self.streams = Streams(self.kafka, TOPIC, folder=folder / "streams")
        self.connect = Connect(self.kafka, folder / "connect")
        self._folder = folder
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._servers.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    def _enter(self, server: Server) -> None:
        """Start a server; kill it at the end, for a shutdown takes seconds and no data is kept."""
        self._servers.enter_context(server)
        self._servers.callback(server.kill)

    def _start(self) -> None:
        self._enter(self.kafka)
        self._enter(self.client)
        self.client.create(TOPIC, 2)
        self.client.create("lines")
        self.client.produce(TOPIC, RECORDS)
        self.client.subscribe(GROUP, TOPIC, CLIENT_ID)
        # A server dies with the thread that started it, so these threads live until all are closed.
        threads = self._servers.enter_context(ThreadPoolExecutor(2))
        starting = threads.submit(self._enter, self.streams)
        threads.submit(self._start_connect).result()
        starting.result()

    def _start_connect(self) -> None:
        lines = self._folder / "lines.txt"
        lines.write_text("".join(f"line {number}\n" for number in range(LINES)))
        self._enter(self.connect)
        for name, config in connectors(self.kafka.bootstrap, lines).items():
            self.connect.put(name, config)


def connectors(bootstrap: str, lines: Path) -> Mapping[str, Mapping[str, str]]:
    """Return the settings of each connector by its name."""
    file = "org.apache.kafka.connect.file.FileStream"
    mirror = "org.apache.kafka.connect.mirror.Mirror"
    mirrored = {
        "source.cluster.alias": "west",
        "target.cluster.alias": "east",
        "source.cluster.bootstrap.servers": bootstrap,
        "target.cluster.bootstrap.servers": bootstrap,
        "topics": TOPIC.replace(".", r"\."),
        "groups": GROUP,
        "emit.checkpoints.interval.seconds": "1",
        "refresh.groups.interval.seconds": "1",
        "replication.factor": "1",
        "checkpoints.topic.replication.factor": "1",
        "offset-syncs.topic.replication.factor": "1",
        "sync.topic.acls.enabled": "false",
        "key.converter": BYTES,
        "value.converter": BYTES,
    }
    return {
        "reader": {
            "connector.class": f"{file}SourceConnector",
            "file": str(lines),
            "topic": "lines",
        },
        "writer": {
            "connector.class": f"{file}SinkConnector",
            "file": f"{lines}.out",
            "topics": "lines",
        },
        "mirror": {"connector.class": f"{mirror}SourceConnector", **mirrored},
        "checkpoint": {"connector.class": f"{mirror}CheckpointConnector", **mirrored},
    }
