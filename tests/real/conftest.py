"""Real servers for the tests, started when a test first asks and stopped at the end of the run.

One broker and one InfluxDB serve every test, so a test takes names of its own (`fresh_name`,
`influx_database`); one that stops, kills or freezes a server starts its own from `demo.servers`.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.servers import KAFKA_39, Client, Influx, Jvm, Kafka, Pair, ZooKeeperKafka

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One Kafka 4.1 broker, JMX on, for every test that leaves it running."""
    with Kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_39(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One Kafka 3.9 broker (KRaft) for every test that leaves it running."""
    with Kafka(tmp_path_factory.mktemp("kafka-39"), version=KAFKA_39) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_28(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One Kafka 2.8 broker with its ZooKeeper for every test that leaves it running."""
    with ZooKeeperKafka(tmp_path_factory.mktemp("kafka-28")) as broker:
        yield broker


@pytest.fixture(scope="session")
def two_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two Kafka 4.1 brokers of one cluster that create any topic somebody asks about.

    Who stops one has it back before the next test.
    """
    folder = tmp_path_factory.mktemp("pair")
    with Pair(folder, properties={"auto.create.topics.enable": "true"}) as pair:
        yield pair


@pytest.fixture(scope="session")
def client(kafka: Kafka) -> Iterator[Client]:
    """One JVM with JMX on that creates topics, produces and commits on `kafka`."""
    with Client(kafka) as jvm:
        yield jvm
        jvm.unsubscribe()


@pytest.fixture
def consumer(kafka: Kafka) -> Iterator[Client]:
    """A JVM of the test's own on `kafka`: to consume in, and to stop."""
    with Client(kafka) as jvm:
        yield jvm


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    """One InfluxDB 1.8 for every test that leaves it running."""
    with Influx(tmp_path_factory.mktemp("influx")) as server:
        yield server


@pytest.fixture
def influx_database(influx: Influx) -> Iterator[str]:
    """A database of the test's own on `influx`, dropped afterwards."""
    name = influx.create_database()
    yield name
    influx.query(f'DROP DATABASE "{name}"')


@pytest.fixture
def fresh_name() -> Callable[[str], str]:
    """Make a topic or group name no other test uses: `fresh_name("orders")`."""
    return lambda stem: f"{stem}-{next(_numbers)}"


@pytest.fixture
def jvm(tmp_path: Path) -> Iterator[Callable[..., Jvm]]:
    """Start a one-file Java program with JMX on: `jvm(Path("Many.java"), "2000")`."""
    started: list[Jvm] = []

    def start(source: Path, *args: str) -> Jvm:
        program = Jvm(source, *args, log=tmp_path / f"{source.stem}-{len(started)}.log")
        started.append(program)
        return program.start()

    yield start
    for program in started:
        program.close()
