"""Share groups (KIP-932) on real brokers: separate rows, with lag where the broker reports it.

Kafka 4.1 has them as a preview and reports start offsets; 4.2 also reports lag.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.cache import kafka_libs
from demo.servers import Client, Jvm, Kafka
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.extras import SharePartition
from tests.real.test_commands import call, cells

pytestmark = pytest.mark.real

SHARE = Path(__file__).with_name("Share.java")
TIMEOUT_S = 60.0
JAVA_SHARE_GROUPS = "consumer.group.ShareGroupCommand"

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
    consumer group on the same topic is unaffected. `jmxbridge lag` has the columns of Kafka's own
    command.
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
            ours = call("lag", "sharers", "--bootstrap", kafka.bootstrap, cwd=tmp_path)
            listed = call("lag", "--bootstrap", kafka.bootstrap, "--json", cwd=tmp_path)
            theirs = kafka.tool(JAVA_SHARE_GROUPS, "--describe", "--group", "sharers")

    (partition,) = snapshot.extras.shares
    assert partition == SharePartition(
        "sharers", "orders", 0, partition.start_offset, 5 if counts else None
    )
    assert 0 <= partition.start_offset <= 30
    assert set(snapshot.groups) == {"billing"}
    assert snapshot.errors == ()
    assert snapshot.complete

    assert ours.returncode == 0
    our_head, our_row = cells(ours.stdout)
    their_head, their_row = cells(theirs)
    assert our_head == ["GROUP", "TOPIC", "PARTITION", "START-OFFSET", "LAG"]
    assert their_head == (our_head if counts else our_head[:-1])
    assert our_row[:3] == their_row[:3] == ["sharers", "orders", "0"]
    assert [our_row[4], *their_row[4:]] == (["5", "5"] if counts else ["-"])
    groups = {group["group"]: group for group in json.loads(listed.stdout)["groups"]}
    kinds = {name: group["kind"] for name, group in groups.items()}
    assert kinds == {"billing": "simple", "sharers": "share"}
    (entry,) = groups["sharers"]["partitions"]
    assert entry["lag"] == partition.lag
    # The broker moves the start offset in its own time, and only forward.
    starts = [partition.start_offset, int(our_row[3]), entry["start_offset"], int(their_row[3])]
    assert starts == sorted(starts)
