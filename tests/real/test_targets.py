"""What any transport promises, held against real JVMs: our own client and jmxquery alike."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from demo.servers import Client, Kafka, free_port
from jmxbridge.jmx.errors import ConnectionFailed, JmxError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Composite
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.targets.catalog import EVERYTHING_S, INCOMPLETE_S
from jmxbridge.targets.jmxquery import JmxqueryTransport
from jmxbridge.targets.rmi import RmiTransport
from jmxbridge.targets.transport import Transport

pytestmark = pytest.mark.real

Make = Callable[[int], Transport]


def rule(bean: str, *attributes: str, aliases: tuple[str, ...] = ()) -> Rule:
    beans = tuple(ObjectName.parse(each) for each in (bean, *aliases))
    return Rule("test", beans, "m", {}, tuple(Field(each, (), each) for each in attributes))


MEMORY = rule("java.lang:type=Memory", "HeapMemoryUsage", "NoSuchAttribute")
FETCHES = rule("kafka.consumer:type=consumer-fetch-manager-metrics,client-id=*", "records-lag-max")
BROKER = rule(
    "kafka.server:type=BrokerTopicMetrics,name=*,topic=*",
    "Count",
    aliases=("kafka.server:type=NeverThere",),
)
RENAMED = rule("kafka.server:type=OldName", "Value", aliases=("java.lang:type=Runtime",))


@pytest.fixture
def make_rmi() -> Make:
    def make(port: int) -> Transport:
        return RmiTransport("127.0.0.1", port, rmi_host=None, rmi_port=None, clock_s=time.monotonic)

    return make


@pytest.fixture
def make_jmxquery() -> Make:
    return lambda port: JmxqueryTransport("127.0.0.1", port, timeout_s=60.0)


@pytest.fixture(params=["rmi", "jmxquery"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Make a transport to a port; closed after the test."""
    chosen: Make = request.getfixturevalue(f"make_{request.param}")
    made: list[Transport] = []

    def remember(port: int) -> Transport:
        made.append(chosen(port))
        return made[-1]

    yield remember
    for each in made:
        await each.close()


def by_name(readings: list[Reading]) -> dict[str, Reading]:
    return {reading.name.canonical: reading for reading in readings}


async def test_a_composite_is_read_and_an_attribute_that_is_not_there_is_not(
    kafka: Kafka, make: Make
) -> None:
    """A reading has the attributes that exist, composites with all their items."""
    (reading,) = await make(kafka.jmx_port).fetch([MEMORY])
    assert reading.rule is MEMORY
    assert set(reading.values) == {"HeapMemoryUsage"}
    heap = reading.values["HeapMemoryUsage"]
    assert isinstance(heap, Composite)
    assert {"init", "used", "committed", "max"} == set(heap)
    assert isinstance(heap["used"], int)
    assert heap["used"] > 0


async def test_a_pattern_gives_a_reading_for_each_mbean(
    kafka: Kafka, client: Client, make: Make, fresh_name: Callable[[str], str]
) -> None:
    """Every topic written to has its own reading; the count is exact."""
    topic = fresh_name("counted")
    client.create(topic)
    client.produce(topic, 12)
    found = by_name(await make(kafka.jmx_port).fetch([BROKER]))
    name = f"kafka.server:name=MessagesInPerSec,topic={topic},type=BrokerTopicMetrics"
    assert found[name].values == {"Count": 12}


async def test_an_alias_is_used_where_the_first_name_is_not_there(kafka: Kafka, make: Make) -> None:
    """A rule with names of several Kafka versions reads the one that this JVM has."""
    renamed = rule("kafka.server:type=OldName", "Uptime", aliases=("java.lang:type=Runtime",))
    (reading,) = await make(kafka.jmx_port).fetch([renamed])
    assert reading.name.canonical == "java.lang:type=Runtime"


async def test_an_unreachable_jvm_is_an_error_not_an_empty_answer(make: Make) -> None:
    """Nothing listens: the caller must not mistake that for a JVM without MBeans."""
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1"):
        await make(free_port()).fetch([MEMORY])


async def test_a_jvm_that_comes_back_is_read_again(consumer: Client, make: Make) -> None:
    """The same transport fails while the JVM is away and reads its successor, on the same port."""
    transport = make(consumer.jmx_port)
    assert await transport.fetch([MEMORY])
    consumer.kill()
    with pytest.raises(JmxError):
        await transport.fetch([MEMORY])
    consumer.start()
    assert await transport.fetch([MEMORY])


class Clock:
    """The transport's clock, moved by the test."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def rmi(consumer: Client, clock: Clock) -> AsyncIterator[RmiTransport]:
    """Our own client on the consumer's JVM, with a clock that only the test moves."""
    transport = RmiTransport(
        "127.0.0.1", consumer.jmx_port, rmi_host=None, rmi_port=None, clock_s=clock
    )
    yield transport
    await transport.close()


async def test_mbeans_that_come_and_go_are_noticed_by_the_next_poll_but_one(
    consumer: Client, client: Client, rmi: RmiTransport, fresh_name: Callable[[str], str]
) -> None:
    """A consumer that starts is read, one that stops is left out; neither waits for a refresh."""
    topic = fresh_name("coming")
    client.create(topic)
    assert await rmi.fetch([FETCHES]) == []
    consumer.subscribe(fresh_name("group"), topic, "comer")
    await rmi.fetch([FETCHES])  # this poll sees that the number of MBeans is another
    assert [reading.name.value("client-id") for reading in await rmi.fetch([FETCHES])] == ["comer"]
    consumer.unsubscribe()
    await rmi.fetch([FETCHES, MEMORY])
    assert [reading.rule for reading in await rmi.fetch([FETCHES, MEMORY])] == [MEMORY]


async def test_a_steady_poll_is_one_round_trip(consumer: Client, rmi: RmiTransport) -> None:
    """Names and attributes are looked up once; after that a poll asks for values only."""
    await rmi.fetch([MEMORY, RENAMED])
    connection = rmi.connection
    assert connection is not None
    before = connection.traffic.round_trips
    await rmi.fetch([MEMORY, RENAMED])
    assert connection.traffic.round_trips == before + 1
    assert rmi.costs["round_trips"] == 1
    assert (rmi.costs["template_hits"], rmi.costs["template_misses"]) == (1, 0)


async def test_what_was_learned_is_looked_at_again_in_time(
    consumer: Client, rmi: RmiTransport, clock: Clock
) -> None:
    """MBeans that lack an attribute are asked sooner than all the others."""
    await rmi.fetch([MEMORY])
    connection = rmi.connection
    assert connection is not None
    costs = []
    for seconds in (INCOMPLETE_S / 2, INCOMPLETE_S / 2, EVERYTHING_S):
        clock.now_s += seconds
        before = connection.traffic.round_trips
        await rmi.fetch([MEMORY])
        costs.append(connection.traffic.round_trips - before)
    assert costs[0] == 1
    assert costs[1] > 1  # MEMORY names an attribute that does not exist
    assert costs[2] > 1


async def test_an_advertised_address_that_is_not_reachable_is_named(
    tmp_path: Path, kafka: Kafka
) -> None:
    """The error says what was asked, what the JVM advertised, and the settings that mend it."""
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
