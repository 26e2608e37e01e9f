"""Two brokers of one Kafka cluster; the first is its controller."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from demo.cache import KAFKA_VERSION
from demo.kafka import Kafka

REPLICATED = {
    "offsets.topic.replication.factor": "2",  # so that a coordinator can move
    "transaction.state.log.replication.factor": "2",
    # A silent broker is fenced after this time; default: 9 s.
    "broker.session.timeout.ms": "6000",
    "broker.heartbeat.interval.ms": "500",
}


class Pair:
    """A cluster started by `start` or `with`.

    Each broker can be stopped, killed, frozen and started again by itself. Without the first there
    is no controller, so leaders and coordinators do not move.
    """

    def __init__(
        self,
        folder: Path,
        *,
        version: str = KAFKA_VERSION,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        settings = REPLICATED | dict(properties or {})
        self.first = Kafka(folder / "1", version=version, properties=settings)
        self.second = Kafka(folder / "2", version=version, properties=settings, joins=self.first)

    @property
    def brokers(self) -> tuple[Kafka, Kafka]:
        """Both brokers, ordered by id (1 and 2)."""
        return self.first, self.second

    def start(self) -> Self:
        """Start both; return when each knows the other."""
        for broker in self.brokers:
            broker.start()
        self.second.process.wait_until(self._is_whole)
        return self

    def _is_whole(self) -> bool:
        ports = {broker.port for broker in self.brokers}
        return all(broker.known_ports() == ports for broker in self.brokers)

    def close(self) -> None:
        """Stop both, the controller last: a broker cannot leave without it."""
        for broker in reversed(self.brokers):
            broker.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()
