"""The transport contract on real JVMs: RMI, jmxquery and Jolokia."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.servers import JOLOKIA_VERSIONS, Client, Jvm, Kafka, free_port, jolokia_option
from jmxbridge.jmx import connect
from jmxbridge.jmx.errors import ConnectionFailed, JmxError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Composite
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.transports.catalog import EVERYTHING_S, INCOMPLETE_S
from jmxbridge.transports.jmxquery import JmxqueryTransport
from jmxbridge.transports.jolokia import JolokiaTransport
from jmxbridge.transports.jolokia_agent import JolokiaAgent
from jmxbridge.transports.rmi import RmiTransport
from jmxbridge.transports.transport import Transport

pytestmark = pytest.mark.real

Make = Callable[[int], Transport]

MANY = Path(__file__).parent.parent.parent / "bench" / "Many.java"


def rule(bean: str, *attributes: str, aliases: tuple[str, ...] = ()) -> Rule:
    beans = tuple(ObjectName.parse(alias) for alias in (bean, *aliases))
    return Rule(
        "test", beans, "m", {}, tuple(Field(attribute, (), attribute) for attribute in attributes)
    )


MEMORY = rule("java.lang:type=Memory", "HeapMemoryUsage", "NoSuchAttribute")
FETCHES = rule("kafka.consumer:type=consumer-fetch-manager-metrics,client-id=*", "records-lag-max")
BROKER = rule(
    "kafka.server:type=BrokerTopicMetrics,name=*,topic=*",
    "Count",
    aliases=("kafka.server:type=NeverThere",),
)
RENAMED = rule("kafka.server:type=OldName", "Value", aliases=("java.lang:type=Runtime",))


WAYS = ("rmi", "jmxquery", JOLOKIA_VERSIONS[0], JOLOKIA_VERSIONS[-1])
# Transports that keep what they learned.
LEARNING = [way for way in WAYS if way != "jmxquery"]


@dataclass(frozen=True, slots=True)
class Polled:
    """A broker and a consumer JVM, and the ports for one transport."""

    kafka: Kafka
    client: Client
    broker_port: int
    client_port: int


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """A transport; for Jolokia with an agent's version."""
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def polled(way: str, request: pytest.FixtureRequest) -> Iterator[Polled]:
    """The shared broker, or one with a Jolokia agent."""
    if way in JOLOKIA_VERSIONS:
        ports = [free_port(), free_port()]
        options = [[jolokia_option(port, way)] for port in ports]
        with (
            Kafka(jvm_options=options[0]) as kafka,
            Client(kafka, jvm_options=options[1]) as client,
        ):
            yield Polled(kafka, client, *ports)
        return
    shared: Kafka = request.getfixturevalue("kafka")
    with Client(shared) as client:
        yield Polled(shared, client, shared.jmx_port, client.jmx_port)


class Clock:
    """The transports' clock, moved by the test."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_transport(way: str, port: int, clock: Clock) -> Transport:
    if way == "rmi":
        return RmiTransport("127.0.0.1", port, clock_s=clock)
    if way == "jmxquery":
        return JmxqueryTransport("127.0.0.1", port, timeout_s=60.0)
    return JolokiaTransport(JolokiaAgent(f"http://127.0.0.1:{port}/jolokia/"), clock_s=clock)


@pytest.fixture
async def make(way: str, clock: Clock) -> AsyncIterator[Make]:
    """Create a transport to a port, closed after the test."""
    made: list[Transport] = []

    def remember(port: int) -> Transport:
        made.append(make_transport(way, port, clock))
        return made[-1]

    yield remember
    for transport in made:
        await transport.close()


def by_name(readings: list[Reading]) -> dict[str, Reading]:
    return {reading.name.canonical: reading for reading in readings}


async def test_a_composite_is_read_and_an_attribute_that_is_not_there_is_not(
    polled: Polled, make: Make
) -> None:
    """A reading has the existing attributes, composites with all items."""
    (reading,) = await make(polled.broker_port).fetch([MEMORY])
    assert reading.rule is MEMORY
    assert set(reading.values) == {"HeapMemoryUsage"}
    heap = reading.values["HeapMemoryUsage"]
    assert isinstance(heap, Composite)
    assert {"init", "used", "committed", "max"} == set(heap)
    assert isinstance(heap["used"], int)
    assert heap["used"] > 0


async def test_a_pattern_gives_a_reading_for_each_mbean(
    polled: Polled, make: Make, fresh_name: Callable[[str], str]
) -> None:
    """Every topic has its own reading with the exact count."""
    topic = fresh_name("counted")
    polled.client.create(topic)
    polled.client.produce(topic, 12)
    readings = by_name(await make(polled.broker_port).fetch([BROKER]))
    name = f"kafka.server:name=MessagesInPerSec,topic={topic},type=BrokerTopicMetrics"
    assert readings[name].values == {"Count": 12}


async def test_an_alias_is_used_where_the_first_name_is_not_there(
    polled: Polled, make: Make
) -> None:
    """A rule with aliases reads the one that this JVM has."""
    renamed = rule("kafka.server:type=OldName", "Uptime", aliases=("java.lang:type=Runtime",))
    (reading,) = await make(polled.broker_port).fetch([renamed])
    assert reading.name.canonical == "java.lang:type=Runtime"


async def test_an_unreachable_jvm_is_an_error_not_an_empty_answer(make: Make) -> None:
    """A refused connection is an error, not a JVM without MBeans."""
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1"):
        await make(free_port()).fetch([MEMORY])


async def test_a_jvm_that_comes_back_is_read_again(polled: Polled, make: Make) -> None:
    """The transport fails while the JVM is down and reads its successor on the same port."""
    transport = make(polled.client_port)
    assert await transport.fetch([MEMORY])
    polled.client.kill()
    with pytest.raises(JmxError):
        await transport.fetch([MEMORY])
    polled.client.start()
    assert await transport.fetch([MEMORY])


async def fetch_at_rest(transport: Transport, rules: list[Rule]) -> None:
    """Fetch until no lookup was needed: a JVM that just started still registers MBeans."""
    async with asyncio.timeout(60):
        await transport.fetch(rules)
        while transport.costs["round_trips"] != 1:
            await transport.fetch(rules)


@pytest.mark.parametrize("way", LEARNING, indirect=True)
async def test_mbeans_that_come_and_go_are_noticed_by_the_next_poll_but_one(
    polled: Polled, make: Make, fresh_name: Callable[[str], str]
) -> None:
    """A started consumer is read and a stopped one is not, before the regular refresh."""
    consumer, transport = polled.client, make(polled.client_port)
    topic = fresh_name("coming")
    consumer.create(topic)
    assert await transport.fetch([FETCHES]) == []
    consumer.subscribe(fresh_name("group"), topic, "comer")
    await transport.fetch([FETCHES])  # this poll notices that the MBeans changed
    (reading,) = await transport.fetch([FETCHES])
    assert reading.name.value("client-id") == "comer"
    consumer.unsubscribe()
    await transport.fetch([FETCHES, MEMORY])
    readings = await transport.fetch([FETCHES, MEMORY])
    assert [reading.rule for reading in readings] == [MEMORY]


@pytest.mark.parametrize("way", LEARNING, indirect=True)
async def test_a_steady_poll_is_one_round_trip(polled: Polled, make: Make) -> None:
    """Names and attributes are looked up once; later polls ask for values only."""
    transport = make(polled.client_port)
    await transport.fetch([MEMORY, RENAMED])
    assert transport.costs["round_trips"] > 1
    await fetch_at_rest(transport, [MEMORY, RENAMED])
    await transport.fetch([MEMORY, RENAMED])
    assert transport.costs["round_trips"] == 1
    assert transport.costs["bytes_received"] > 0
    if isinstance(transport, RmiTransport):
        costs = transport.costs
        assert (costs["template_hits"], costs["template_misses"]) == (1, 0)


@pytest.mark.parametrize("way", LEARNING, indirect=True)
async def test_mbeans_that_lack_an_attribute_are_looked_up_sooner(
    polled: Polled, make: Make, clock: Clock
) -> None:
    """MBeans that lack an attribute are looked up again sooner than the others."""
    transport = make(polled.client_port)
    await fetch_at_rest(transport, [MEMORY])
    costs = []
    for seconds in (INCOMPLETE_S / 2, INCOMPLETE_S / 2, EVERYTHING_S):
        clock.now_s += seconds
        await transport.fetch([MEMORY])
        costs.append(transport.costs["round_trips"])
    assert costs[0] == 1
    assert costs[1] > 1  # MEMORY names an attribute that does not exist
    assert costs[2] > 1


async def test_an_advertised_address_that_is_not_reachable_is_named(
    tmp_path: Path, kafka: Kafka
) -> None:
    """The error names the address asked, the address advertised and the settings that fix it."""
    with Client(
        kafka, jvm_options=["-Djava.rmi.server.hostname=127.0.0.77"], log=tmp_path / "client.log"
    ) as client:
        transport = RmiTransport(
            "127.0.0.1", client.jmx_port, rmi_host=None, rmi_port=None, clock_s=time.monotonic
        )
        with pytest.raises(ConnectionFailed) as caught:
            await transport.fetch([MEMORY])
        message = str(caught.value)
        assert f"127.0.0.1:{client.jmx_port}" in message
        assert f"127.0.0.77:{client.jmx_port}" in message
        assert "rmi_host" in message
        mended = RmiTransport(
            "127.0.0.1",
            client.jmx_port,
            rmi_host="127.0.0.1",
            rmi_port=None,
            clock_s=time.monotonic,
        )
        assert await mended.fetch([MEMORY])
        await mended.close()


async def test_the_port_of_something_else(kafka: Kafka, tmp_path: Path) -> None:
    """A Kafka listener and an HTTP server are recognised and named in the error."""
    with pytest.raises(ConnectionFailed, match="Kafka listener") as caught:
        await connect("127.0.0.1", kafka.port)
    assert caught.value.error_class == "not_rmi"
    http = free_port()
    with Jvm(
        MANY, "1", jvm_options=[jolokia_option(http, JOLOKIA_VERSIONS[-1])], log=tmp_path / "http"
    ):
        with pytest.raises(ConnectionFailed, match=r"HTTP server .* Jolokia") as caught:
            await connect("127.0.0.1", http, timeout_s=0.5)
        assert caught.value.error_class == "timeout"
