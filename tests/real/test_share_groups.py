"""Share groups (KIP-932) on real brokers: separate rows, with lag where the broker reports it.

Kafka 4.1 has them as a preview and reports start offsets; 4.2 also reports lag.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.cache import kafka_libs
from demo.servers import Client, Jvm, Kafka
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.extras import SharePartition

pytestmark = pytest.mark.real

SHARE = Path(__file__).with_name("Share.java")
TIMEOUT_S = 60.0

ALONE = {
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
}
PREVIEW = {
    "unstable.api.versions.enable": "true",
    "group.share.enable": "true",
    "group.coordinator.rebalance.protocols": "classic,consumer,share",
}

Start = Callable[[str], Kafka]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a broker with share groups: `start(version)`."""
    started: list[Kafka] = []

    def make(version: str) -> Kafka:
        preview = PREVIEW if version.startswith("4.1") else {}
        kafka = Kafka(tmp_path / version, version=version, properties=ALONE | preview)
        started.append(kafka)
        return kafka.start()

    yield make
    for kafka in started:
        kafka.close()


@pytest.mark.parametrize(("version", "counts"), [("4.1.0", False), ("4.2.0", True)])
async def test_a_share_group_has_a_start_and_a_lag_where_it_is_counted(
    start: Start, tmp_path: Path, version: str, counts: bool
) -> None:
    """Records written after everything was acknowledged count as lag.

    The start offset trails the acknowledged records, so the distance to the end is not the lag. A
    consumer group on the same topic is unaffected.
    """
    kafka = start(version)
    args = (kafka.bootstrap, "sharers", "orders")
    member = Jvm(SHARE, *args, libs=[kafka_libs(version)], log=tmp_path / "share.log")
    cluster = Cluster([("127.0.0.1", kafka.port)], timeout_s=TIMEOUT_S)
    with Client(kafka) as client:
        client.create("orders")
        client.commit("billing", "orders")
        client.produce("orders", 30)
        with member:
            assert member.ask("30") == "ok 30"
            client.produce("orders", 5)
            try:
                snapshot = await cluster.poll()
            finally:
                await cluster.close()

    (partition,) = snapshot.extras.shares
    assert partition == SharePartition(
        "sharers", "orders", 0, partition.start_offset, 5 if counts else None
    )
    assert 0 <= partition.start_offset <= 30
    assert set(snapshot.groups) == {"billing"}
    assert snapshot.errors == ()
    assert snapshot.complete
