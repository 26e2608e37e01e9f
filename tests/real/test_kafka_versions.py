"""Lag on Kafka 4.1, 3.9 and 2.8, row by row against the Java command of each."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from demo.cache import kafka_libs, major
from demo.servers import Client, Jvm, Kafka
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.lag.report.table import tables
from tests.real.lag_oracle import SETTLED_S, java_lines, our_lines, rows_of

pytestmark = pytest.mark.real

MEMBER = Path(__file__).with_name("Member.java")
KIP_848_SINCE = 4  # the major version whose brokers offer KIP-848 by default

Join = Callable[..., Jvm]


@pytest.fixture(scope="module", params=["kafka", "kafka_39", "kafka_28"], ids=["4.1", "3.9", "2.8"])
def broker(request: pytest.FixtureRequest) -> Kafka:
    """A broker of each version."""
    started: Kafka = request.getfixturevalue(request.param)
    return started


@pytest.fixture
def client(broker: Kafka) -> Iterator[Client]:
    """A client JVM on that broker."""
    with Client(broker) as jvm:
        yield jvm


@pytest.fixture
async def cluster(broker: Kafka) -> AsyncIterator[Cluster]:
    """The cluster under test, without filters, like the Java command."""
    everything = Cluster(
        [("127.0.0.1", broker.port)],
        timeout_s=SETTLED_S,
        groups=lambda _: True,
        topics=lambda _: True,
    )
    yield everything
    await everything.close()


@pytest.fixture
def join(broker: Kafka, tmp_path: Path) -> Iterator[Join]:
    """Start a group member that commits on command: `join(group, topic, client_id)`."""
    members: list[Jvm] = []

    def start(group: str, topic: str, client_id: str, protocol: str = "classic") -> Jvm:
        args = (broker.bootstrap, group, topic, client_id, protocol)
        member = Jvm(MEMBER, *args, libs=[kafka_libs()], log=tmp_path / f"{client_id}.log")
        members.append(member)
        return member.start()

    yield start
    for member in members:
        member.close()


async def test_every_row_equals_that_of_the_java_command(
    broker: Kafka,
    client: Client,
    cluster: Cluster,
    join: Join,
    fresh_name: Callable[[str], str],
) -> None:
    """Every column is equal, for current, left and never joined members and a KIP-848 group.

    Partitions are assigned but not committed, committed but not assigned, behind, caught up, and
    ahead of their end.
    """
    topic, other = fresh_name("orders"), fresh_name("bills")
    two, idle, simple = (fresh_name(n) for n in ("two", "idle", "simple"))
    client.create(topic, 4)
    client.create(other, 2)
    client.produce(topic, 40)
    client.commit(simple, topic)
    client.commit(two, other)
    client.produce(other, 5)
    client.produce(topic, 13)
    groups = [two, idle, simple]
    leaver = join(idle, topic, "leaver")
    leaver.ask("commit 0 7")
    leaver.ask("leave")
    first = join(two, topic, "first")
    second = join(two, topic, "second")
    first.ask("await 2")
    second.ask("await 2")
    if major(broker.version) >= KIP_848_SINCE:
        groups.append(fresh_name("newer"))
        kip_848 = join(groups[-1], topic, "kip-848", "consumer")
        for command in ("await 4", "commit 1 3", "commit 2 13", "commit 3 99"):
            kip_848.ask(command)

    theirs = java_lines(broker, "--all-groups")
    description = await cluster.describe()
    snapshot = await cluster.poll()

    assert sorted(our_lines(tables(description))) == sorted(theirs)
    assert [sum(line[0] == group for line in theirs) for group in groups] == [6, 1, 4, 4][
        : len(groups)
    ]
    assert snapshot.complete
    known = {line[:6] for line in theirs if "-" not in line[3:6]}
    ours = {
        tuple(map(str, (*row[:5], row.lag - row.ahead)))
        for group in snapshot.commits
        for row in rows_of(snapshot, group)
    }
    assert ours == known
    assert snapshot.groups[simple].kind == "simple"
    assert snapshot.groups[idle].state == "Empty"
    if major(broker.version) >= KIP_848_SINCE:
        assert str(snapshot.groups[groups[-1]].type).lower() == "consumer"
