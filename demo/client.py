"""A Java client (demo/Client.java), with a method for each of its commands."""

from collections.abc import Sequence
from pathlib import Path

from demo.cache import HERE, KAFKA_VERSION, kafka_libs
from demo.jvm import Jvm
from demo.kafka import Kafka, log_option
from demo.process import ServerError

STAMPS = 100
"""Timestamps in one command line, which must fit into a pipe's buffer."""


class Client(Jvm):
    """One JVM that creates topics, produces, consumes and commits, with JMX at `jmx_port`.

    Every method returns when the broker has confirmed; raises ServerError otherwise.
    """

    def __init__(
        self,
        kafka: Kafka,
        *,
        jmx_port: int | None = None,
        jvm_options: Sequence[str] = (),
        log: Path | None = None,
    ) -> None:
        """Prepare the client; it runs on the broker's JDK."""
        options = [log_option(KAFKA_VERSION), *jvm_options]
        super().__init__(
            HERE / "Client.java",
            kafka.bootstrap,
            jmx_port=jmx_port,
            libs=[kafka_libs()],  # the newest client supports brokers from 2.1 on
            jvm_options=options,
            log=log,
            java=kafka.java,
        )

    def create(self, topic: str, partitions: int = 1, replicas: int = 1) -> None:
        """Create a topic; every partition has a leader afterwards."""
        self._do("create", topic, str(partitions), str(replicas))

    def move(self, topic: str, *brokers: int) -> None:
        """Move a topic to these brokers; leadership of its partitions alternates between them."""
        self._do("move", topic, *map(str, brokers))

    def delete(self, topic: str) -> None:
        """Delete a topic."""
        self._do("delete", topic)

    def produce(self, topic: str, count: int) -> None:
        """Write records, spread evenly over the partitions; all are acknowledged afterwards."""
        self._do("produce", topic, str(count))

    def produce_at(self, topic: str, times_ms: Sequence[int]) -> None:
        """Write one record to partition 0 for each of these times, which become its CreateTime."""
        for start in range(0, len(times_ms), STAMPS):
            self._do("stamp", topic, *map(str, times_ms[start : start + STAMPS]))

    def begin_transaction(self, topic: str, count: int) -> None:
        """Write records to partition 0 in a transaction, and leave it open."""
        self._do("begin", topic, str(count))

    def commit(self, group: str, topic: str) -> None:
        """Commit the end offset of every partition, without consuming."""
        self._do("commit", group, topic)

    def subscribe(
        self, group: str, topic: str, client_id: str = "client", *, per_second: int = 0
    ) -> None:
        """Consume and commit in the background; returns when partitions are assigned.

        `per_second` limits the records consumed; 0 means no limit.
        """
        self._do("subscribe", group, topic, client_id, str(per_second))

    def unsubscribe(self) -> None:
        """Commit consumed offsets and close every consumer of this JVM."""
        self._do("stop")

    def consumed(self) -> int:
        """Return the number of records this JVM has consumed."""
        return int(self._do("consumed"))

    def wait_consumed(self, count: int) -> None:
        """Wait until this JVM has consumed and committed at least `count` records."""
        self._do("await", str(count))

    def _do(self, *words: str) -> str:
        status, _, rest = self.ask(" ".join(words)).partition(" ")
        if status != "ok":
            raise ServerError(f"{' '.join(words)}: {rest}")
        return rest
