"""A real Connect worker in distributed mode: file connectors and MirrorMaker 2 in one JVM.

A distributed worker, even alone, has the rebalance metrics that a standalone worker lacks.
Connectors are created through its REST interface. JMX is on.
"""

import http.client
import json
from collections.abc import Mapping
from pathlib import Path

from demo.cache import app_libs, java_path
from demo.jvm import SMALL, jmx_options
from demo.kafka import Kafka, log_option
from demo.process import Process, ServerError, free_port
from demo.server import Server

ASK_S = 60.0
STRING = "org.apache.kafka.connect.storage.StringConverter"


class Connect(Server):
    """A worker on `kafka`: started by `start` or `with`; ready when its REST interface answers."""

    def __init__(self, kafka: Kafka, folder: Path | None = None) -> None:
        super().__init__("connect", folder)
        self.jmx_port = free_port()
        self._rest_port = free_port()
        self._kafka = kafka
        self._libs = app_libs(kafka.version)

    def _launch(self) -> Process:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "connect.properties"
        config.write_text("".join(f"{key}={value}\n" for key, value in self._settings().items()))
        log = log_option(self._kafka.version)
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        options = [*SMALL, log, *jmx_options(self.jmx_port), "-cp", java_path([self._libs])]
        command: list[str | Path] = [self._kafka.java, *options, main, config]
        return Process(command, log=self.folder / "connect.log")

    def _await_ready(self, process: Process) -> None:
        process.wait_until(self.answers)

    def answers(self) -> bool:
        """Whether it lists its connectors, which it can do once it has joined its group."""
        try:
            return self._ask("GET", "/connectors")[0] == http.HTTPStatus.OK
        except OSError:
            return False

    def put(self, name: str, config: Mapping[str, str]) -> None:
        """Create a connector; return when it and its tasks run. Raises ServerError if one fails."""
        status, answer = self._ask("PUT", f"/connectors/{name}/config", json.dumps(config))
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise ServerError(f"connector {name}: {answer}")
        self.process.wait_until(lambda: self._runs(name))

    def _runs(self, name: str) -> bool:
        status, answer = self._ask("GET", f"/connectors/{name}/status")
        if status != http.HTTPStatus.OK:  # 404 until it is assigned, 409 while it rebalances
            return False
        reply = json.loads(answer)
        parts = [reply["connector"], *reply["tasks"]]
        for part in parts:
            if part["state"] == "FAILED":
                raise ServerError(f"connector {name}: {part['trace']}")
        return len(parts) > 1 and all(part["state"] == "RUNNING" for part in parts)

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._rest_port, timeout=ASK_S)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def _settings(self) -> dict[str, str]:
        return {
            "bootstrap.servers": self._kafka.bootstrap,
            "group.id": "connect",
            "listeners": f"http://127.0.0.1:{self._rest_port}",
            "key.converter": STRING,
            "value.converter": STRING,
            **{
                f"{kind}.storage.{key}": value
                for kind in ("config", "offset", "status")
                for key, value in {"topic": f"connect-{kind}", "replication.factor": "1"}.items()
            },
            "offset.storage.partitions": "1",
            "status.storage.partitions": "1",
            "plugin.discovery": "service_load",  # scanning every class takes seconds
        }
