"""A real Kafka Streams application (demo/Streams.java), with JMX."""

from pathlib import Path

from demo.cache import HERE, app_libs
from demo.jvm import Jvm
from demo.kafka import Kafka, log_option


class Streams(Jvm):
    """Counts the records of `topic`, which must exist; ready when its tasks run.

    `protocol` is its group.protocol: Kafka 4.2 has `streams` (KIP-1071).
    """

    def __init__(
        self, kafka: Kafka, topic: str, *, folder: Path, protocol: str | None = None
    ) -> None:
        super().__init__(
            HERE / "Streams.java",
            kafka.bootstrap,
            f"counting-{topic}",
            topic,
            str(folder / "state"),
            *([] if protocol is None else [protocol]),
            libs=[app_libs(kafka.version)],
            jvm_options=[log_option(kafka.version)],
            log=folder / "streams.log",
            java=kafka.java,
        )
