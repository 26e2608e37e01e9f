"""The story this project exists for, on a real Kafka and into a real InfluxDB.

A topic is consumed; the consumer dies while records still arrive; the consumer comes back. The
assertions read InfluxDB through InfluxQL, as a user would.
"""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from demo.influx import Row
from demo.servers import Client, Influx, Kafka
from tests.real.bridge import Bridge

pytestmark = pytest.mark.real

INTERVAL_NS = 2_000_000_000
DESCRIBE = "consumer.group.ConsumerGroupCommand"


class Scene:
    """The observed group and queries about it."""

    def __init__(self, influx: Influx, database: str, kafka: Kafka, topic: str) -> None:
        self.influx = influx
        self.database = database
        self.kafka = kafka
        self.topic = topic
        self.group = f"{topic}-readers"

    def ask(self, influxql: str) -> list[Row]:
        return self.influx.query(influxql, self.database)

    def lag(self, since_ns: int = 0) -> list[tuple[int, int]]:
        """Return time and lag of the group at every poll from `since_ns` on, in order."""
        rows = self.ask(
            f"SELECT lag_sum FROM kafka_consumer_lag_group"
            f" WHERE \"group\" = '{self.group}' AND time >= {since_ns}"
        )
        return [(row["time"], row["lag_sum"]) for row in rows]

    def polled(self) -> set[int]:
        """Return the instants that have the group, with or (before a commit) without a lag."""
        rows = self.ask(
            f"SELECT partitions FROM kafka_consumer_lag_group WHERE \"group\" = '{self.group}'"
        )
        return {row["time"] for row in rows}

    def last_lag_is(self, lag: int, since_ns: int) -> bool:
        return [row_lag for _, row_lag in self.lag(since_ns)[-1:]] == [lag]

    def offsets(self) -> dict[int, tuple[int, int, int]]:
        """Return committed offset, end offset and lag of the last poll by partition."""
        rows = self.ask(
            'SELECT last("offset") AS o, end_offset AS e, lag AS l FROM kafka_consumer_lag'
            f" WHERE \"group\" = '{self.group}' GROUP BY partition"
        )
        return {int(row["partition"]): (row["o"], row["e"], row["l"]) for row in rows}

    def offsets_by_java(self) -> dict[int, tuple[int, int, int]]:
        """Return the same from kafka-consumer-groups --describe."""
        output = self.kafka.tool(DESCRIBE, "--describe", "--group", self.group)
        lines = [line.split() for line in output.splitlines() if line.startswith(self.group)]
        return {int(cell[2]): (int(cell[3]), int(cell[4]), int(cell[5])) for cell in lines}


@pytest.fixture
def scene(
    influx: Influx, influx_database: str, kafka: Kafka, fresh_name: Callable[[str], str]
) -> Scene:
    return Scene(influx, influx_database, kafka, fresh_name("orders"))


@pytest.fixture
def bridge(scene: Scene, consumer: Client, tmp_path: Path) -> Iterator[Bridge]:
    """A bridge that writes broker, consumer and lag to the scene's database."""
    settings = {
        "cluster": "story",
        "interval": "2s",
        "influxdb": {"url": scene.influx.url, "bucket": scene.database},
        "kafka": {"bootstrap": [scene.kafka.bootstrap]},
        "targets": [
            {
                "name": "broker",
                "jmx": f"127.0.0.1:{scene.kafka.jmx_port}",
                "collect": ["broker", "jvm"],
            },
            {
                "name": "app",
                "jmx": f"127.0.0.1:{consumer.jmx_port}",
                "collect": ["consumer", "jvm"],
            },
        ],
    }
    with Bridge(tmp_path, settings) as running:
        yield running


def next_poll_ns() -> int:
    """Return the first instant of the grid whose poll lies wholly in the future."""
    return (time.time_ns() // INTERVAL_NS + 1) * INTERVAL_NS


def test_lag_rises_while_the_consumer_is_dead_and_falls_when_it_is_back(
    scene: Scene, consumer: Client, client: Client, bridge: Bridge
) -> None:
    """The lag rises at every poll while nothing is consumed, is exact at rest, and falls to 0."""
    client.create(scene.topic, 3)
    consumer.subscribe(scene.group, scene.topic, "orders-app")
    client.produce(scene.topic, 300)
    consumer.wait_consumed(300)
    bridge.wait_until(lambda: scene.last_lag_is(0, since_ns=1))

    consumer.kill()
    client.produce(scene.topic, 1)
    began_ns = next_poll_ns()
    while len(scene.lag(began_ns)) < 6:
        client.produce(scene.topic, 7)
    rising = scene.lag(began_ns)
    assert all(sooner[1] < later[1] for sooner, later in pairwise(rising)), rising

    rest_ns = next_poll_ns()
    bridge.wait_until(lambda: bool(scene.lag(rest_ns)))
    by_java = scene.offsets_by_java()
    assert scene.offsets() == by_java
    assert len(by_java) == 3
    assert scene.last_lag_is(sum(lag for _, _, lag in by_java.values()), since_ns=rest_ns)
    assert target_up(scene, "app", since_ns=began_ns) == {0}
    assert target_up(scene, "broker", since_ns=began_ns) == {1}

    consumer.start()
    back_ns = next_poll_ns()
    consumer.subscribe(scene.group, scene.topic, "orders-app")
    bridge.wait_until(lambda: scene.last_lag_is(0, since_ns=back_ns))

    bridge.wait_until(lambda: bool(records_lag_max(scene, since_ns=back_ns)))
    of_jmx = set(records_lag_max(scene, since_ns=1))
    bridge.wait_until(lambda: max(lag_polls(scene)) > max(of_jmx))
    of_offsets = scene.polled()
    missed = polls_missed(lag_polls(scene))
    assert of_jmx <= of_offsets | missed
    assert of_jmx & of_offsets
    assert {time_ns % INTERVAL_NS for time_ns in of_offsets | of_jmx} == {0}
    assert 0 not in target_up(scene, "app", since_ns=max(of_jmx))
    assert bridge.stop() == 0


def target_up(scene: Scene, target: str, *, since_ns: int) -> set[int]:
    """Return the values of a target's `up`."""
    rows = scene.ask(
        f"SELECT up FROM jmxbridge_target WHERE target = '{target}' AND time >= {since_ns}"
    )
    return {row["up"] for row in rows}


def lag_polls(scene: Scene) -> dict[int, Row]:
    """Return the lag polls' own figures by instant."""
    rows = scene.ask("SELECT skipped_ticks, complete FROM jmxbridge_lag_poll")
    return {row["time"]: row for row in rows}


def polls_missed(polls: dict[int, Row]) -> set[int]:
    """Return the instants that may lack a lag by the bridge's own report.

    The previous poll was still running, or a broker did not answer in time.
    """
    skipped = {
        time_ns - n * INTERVAL_NS
        for time_ns, row in polls.items()
        for n in range(1, row["skipped_ticks"] + 1)
    }
    assert not skipped & polls.keys()
    return skipped | {time_ns for time_ns, row in polls.items() if not row["complete"]}


def records_lag_max(scene: Scene, *, since_ns: int) -> list[int]:
    """Return the times at which the consumer's JVM reported its lag."""
    rows = scene.ask(
        "SELECT records_lag_max FROM kafka_consumer"
        f" WHERE target = 'app' AND client_id = 'orders-app' AND time >= {since_ns}"
    )
    return [row["time"] for row in rows]
