"""JVMs that run Kafka's code: on each JDK of this machine, and of older Kafka versions."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.estate import CLIENT_ID, GROUP, RECORDS, TOPIC, Estate
from demo.jdk import java_of
from demo.servers import KAFKA_39, Client, Kafka, ZooKeeperKafka
from jmxbridge.jmx import connect

# MBeans that exist only after a record and a group's progress were mirrored.
MIRRORED = (
    "kafka.connect.mirror:type=MirrorSourceConnector,*",
    "kafka.connect.mirror:type=MirrorCheckpointConnector,*",
)


async def has(port: int, *patterns: str) -> bool:
    """Return whether a JVM has an MBean for each pattern."""
    async with connect("127.0.0.1", port, timeout_s=60) as connection:
        return all([await connection.query(pattern) for pattern in patterns])


def jdk(version: int) -> Path:
    """Return the `java` of a JDK; skip if this machine has none of that version."""
    java = java_of(version)
    if java is None:
        pytest.skip(f"no JDK {version}: neither by JAVA_HOME* nor beside the default one")
    return java


def started(version: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Start an estate on a JDK."""
    java = jdk(version)
    with Estate(tmp_path_factory.mktemp(f"jdk-{version}"), java=java) as estate:
        port = estate.connect.jmx_port
        estate.connect.process.wait_until(lambda: asyncio.run(has(port, *MIRRORED)))
        yield estate


@pytest.fixture(scope="package")
def estate_17(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Kafka 4.1, its clients, Streams and Connect on JDK 17."""
    yield from started(17, tmp_path_factory)


@pytest.fixture(scope="package")
def estate_25(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """The estate of `estate_17` on JDK 25."""
    yield from started(25, tmp_path_factory)


@dataclass(frozen=True, slots=True)
class Served:
    """A broker with a client of the newest version that produces and consumes."""

    kafka: Kafka
    client: Client


def served(kafka: Kafka) -> Iterator[Served]:
    """Use a broker, so that it has the MBeans that appear with use."""
    with Client(kafka) as client:
        client.create(TOPIC, 2)
        client.produce(TOPIC, RECORDS)
        client.subscribe(GROUP, TOPIC, CLIENT_ID)
        client.wait_consumed(RECORDS)
        yield Served(kafka, client)
        client.unsubscribe()
        client.delete(TOPIC)


@pytest.fixture(scope="package")
def estate_28(kafka_28: Kafka) -> Iterator[Served]:
    """Kafka 2.8 with ZooKeeper, after some use."""
    yield from served(kafka_28)


@pytest.fixture(scope="package")
def estate_39(kafka_39: Kafka) -> Iterator[Served]:
    """Kafka 3.9, after some use."""
    yield from served(kafka_39)


@dataclass(frozen=True, slots=True)
class Older:
    """Brokers of older versions without clients."""

    kafka_28: Kafka
    kafka_39: Kafka


@pytest.fixture(scope="package")
def older_25(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Older]:
    """Kafka 2.8 and 3.9 on JDK 25, which both run on although they were built for older ones."""
    java, folder = jdk(25), tmp_path_factory.mktemp("older")
    older = Older(
        ZooKeeperKafka(folder / "28", java=java),
        Kafka(folder / "39", version=KAFKA_39, java=java),
    )
    # A server dies with the thread that started it, so these threads live until both are closed.
    with ThreadPoolExecutor(2) as threads, ExitStack() as servers:
        list(threads.map(servers.enter_context, (older.kafka_28, older.kafka_39)))
        yield older


@pytest.fixture(scope="package")
def port_of(request: pytest.FixtureRequest) -> Callable[[str], int]:
    """Return the JMX port of a JVM of a fixture, such as `estate_17.client`."""

    def port(name: str) -> int:
        estate, _, server = name.partition(".")
        return int(getattr(request.getfixturevalue(estate), server).jmx_port)

    return port


@pytest.fixture
def jmx_port(request: pytest.FixtureRequest, port_of: Callable[[str], int]) -> int:
    """Return the JMX port of the JVM that the test's parameter names."""
    return port_of(request.param)
