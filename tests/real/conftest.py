"""Real servers for the tests, started on first use and stopped at the end of the run.

All tests share one broker and one InfluxDB, so each test uses unique names (`fresh_name`,
`influx_database`). A test that stops, kills or freezes a server starts its own from `demo.servers`.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.servers import KAFKA_39, Client, Influx, Jvm, Kafka, Pair, ZooKeeperKafka

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One Kafka 4.1 broker with JMX, shared by all tests that leave it running."""
    with Kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_39(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One Kafka 3.9 broker (KRaft), shared by all tests that leave it running."""
    with Kafka(tmp_path_factory.mktemp("kafka-39"), version=KAFKA_39) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_28(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One Kafka 2.8 broker with its ZooKeeper, shared by all tests that leave it running."""
    with ZooKeeperKafka(tmp_path_factory.mktemp("kafka-28")) as broker:
        yield broker


@pytest.fixture(scope="session")
def two_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two Kafka 4.1 brokers of one cluster, with topic auto-creation on.

    A test that stops one gets it restarted before the next test.
    """
    folder = tmp_path_factory.mktemp("pair")
    with Pair(folder, properties={"auto.create.topics.enable": "true"}) as pair:
        yield pair


@pytest.fixture(scope="session")
def client(kafka: Kafka) -> Iterator[Client]:
    """One JVM with JMX that creates topics, produces and commits on `kafka`."""
    with Client(kafka) as jvm:
        yield jvm
        jvm.unsubscribe()


@pytest.fixture
def consumer(kafka: Kafka) -> Iterator[Client]:
    """A consumer JVM on `kafka` that one test owns and may stop."""
    with Client(kafka) as jvm:
        yield jvm


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    """One InfluxDB 1.8, shared by all tests that leave it running."""
    with Influx(tmp_path_factory.mktemp("influx")) as server:
        yield server


@pytest.fixture
def influx_database(influx: Influx) -> Iterator[str]:
    """A new database on `influx`, dropped after the test."""
    name = influx.create_database()
    yield name
    influx.query(f'DROP DATABASE "{name}"')


@pytest.fixture
def fresh_name() -> Callable[[str], str]:
    """Make a unique topic or group name: `fresh_name("orders")`."""
    return lambda stem: f"{stem}-{next(_numbers)}"


@pytest.fixture
def jvm(tmp_path: Path) -> Iterator[Callable[..., Jvm]]:
    """Start a one-file Java program with JMX: `jvm(Path("Many.java"), "2000")`."""
    started: list[Jvm] = []

    def start(source: Path, *args: str) -> Jvm:
        program = Jvm(source, *args, log=tmp_path / f"{source.stem}-{len(started)}.log")
        started.append(program)
        return program.start()

    yield start
    for program in started:
        program.close()
