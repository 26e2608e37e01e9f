"""Lag on a real broker while groups come and go, topics are deleted and the broker dies."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from demo.servers import Client, Kafka, free_port
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.address_map import AddressMap
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.kafka.facts.throttling import delay_sentences
from jmxbridge.kafka.wire.error_codes import UNKNOWN_TOPIC_OR_PARTITION
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.lag.history.saved_state import decode, encode
from jmxbridge.lag.history.vanished_groups import VanishedGroups
from jmxbridge.lag.output.points import to_points
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.lag.report.diagnosis import diagnose
from jmxbridge.lag.report.look import LagLooks
from jmxbridge.lag.report.poll_changes import PollChanges
from jmxbridge.lag.report.table import tables
from jmxbridge.lag.tracker import LagTracker
from jmxbridge.point import FieldValue
from jmxbridge.times import NS
from tests.real.lag_oracle import SETTLED_S, poll_until, rows_of

pytestmark = pytest.mark.real


@pytest.fixture
async def cluster(kafka: Kafka) -> AsyncIterator[Cluster]:
    """The cluster under test, with default filters."""
    cluster = Cluster([("127.0.0.1", kafka.port)], timeout_s=SETTLED_S)
    yield cluster
    await cluster.close()


async def test_describe_tells_a_missing_group_from_an_empty_one(
    kafka: Kafka, client: Client, cluster: Cluster, fresh_name: Callable[[str], str]
) -> None:
    """An unknown group is reported as such; asking does not create it."""
    topic, group, nonsense = fresh_name("t"), fresh_name("g"), fresh_name("nonsense")
    client.create(topic)
    client.commit(group, topic)

    shown = tables(await cluster.describe([nonsense, group]))
    snapshot = await cluster.poll()

    assert [(table.group, table.exists) for table in shown] == [(group, True), (nonsense, False)]
    assert nonsense not in snapshot.groups


async def test_lag_rises_without_a_consumer_and_falls_to_zero(
    client: Client, consumer: Client, cluster: Cluster, fresh_name: Callable[[str], str]
) -> None:
    """The lag rises strictly at every poll of a stopped group and falls to 0."""
    topic, group = fresh_name("orders"), fresh_name("billing")
    client.create(topic, 3)
    client.commit(group, topic)
    sums = []
    for _ in range(5):
        client.produce(topic, 30)
        sums.append(sum(row.lag for row in rows_of(await cluster.poll(), group)))

    consumer.subscribe(group, topic)
    consumer.wait_consumed(150)
    snapshot = await poll_until(cluster, lambda s: not any(row.lag for row in rows_of(s, group)))

    assert sums == [30, 60, 90, 120, 150]
    assert [row.lag for row in rows_of(snapshot, group)] == [0, 0, 0]


async def test_a_deleted_group_keeps_its_lag(
    kafka: Kafka, client: Client, cluster: Cluster, fresh_name: Callable[[str], str]
) -> None:
    """A deleted group is reported gone; its lag grows until it commits again."""
    topic, group = fresh_name("orders"), fresh_name("billing")
    remembered = VanishedGroups()

    async def poll() -> Snapshot:
        read = await cluster.read_commits()
        last_commits = remembered.merge(read.commits, read.gone, time.time_ns())
        return await cluster.read_ends(read.with_vanished(last_commits))

    client.create(topic)
    client.produce(topic, 5)
    client.commit(group, topic)
    client.produce(topic, 3)
    before = rows_of(await poll(), group)
    kafka.tool("consumer.group.ConsumerGroupCommand", "--delete", "--group", group)
    client.produce(topic, 4)

    first = await poll()
    second = await poll()
    client.commit(group, topic)
    back = await poll()

    assert [row.lag for row in before] == [3]
    for snapshot in (first, second):
        assert snapshot.vanished == {group}
        assert [row.lag for row in rows_of(snapshot, group)] == [7]
    assert back.vanished == frozenset()
    assert [row.lag for row in rows_of(back, group)] == [0]


async def test_records_deleted_unread_count_as_expired(
    kafka: Kafka,
    client: Client,
    cluster: Cluster,
    fresh_name: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """Records deleted with the Java command count as expired; the others remain consumable."""
    topic, group = fresh_name("orders"), fresh_name("billing")
    client.create(topic)
    client.produce(topic, 2)
    client.commit(group, topic)
    client.produce(topic, 10)
    record = {"topic": topic, "partition": 0, "offset": 7}
    plan = tmp_path / "delete.json"
    plan.write_text(json.dumps({"partitions": [record], "version": 1}))
    kafka.tool("DeleteRecordsCommand", "--offset-json-file", str(plan))

    (row,) = rows_of(await cluster.poll(), group)

    assert (row.offset, row.start_offset, row.end_offset) == (2, 7, 12)
    assert (row.lag, row.expired, row.consumable) == (10, 5, 5)


async def test_a_deleted_topic_loses_its_rows_and_no_others(
    client: Client, cluster: Cluster, fresh_name: Callable[[str], str]
) -> None:
    """Its partitions are orphaned until the broker drops the commits; never an error, never 0."""
    kept, deleted, group = fresh_name("kept"), fresh_name("deleted"), fresh_name("g")
    client.create(kept)
    client.create(deleted, 2)
    client.commit(group, kept)
    client.commit(group, deleted)
    client.produce(kept, 3)
    before = rows_of(await cluster.poll(), group)
    client.delete(deleted)

    def left(snapshot: Snapshot) -> set[str]:
        return {row.topic for row in rows_of(snapshot, group)}

    snapshot = await poll_until(cluster, lambda s: left(s) == {kept})

    assert len(before) == 3
    assert [row.lag for row in rows_of(snapshot, group)] == [3]
    assert snapshot.unavailable == frozenset()
    settled = await poll_until(cluster, lambda s: deleted not in s.commits[group])
    assert settled.complete


async def test_a_deleted_group_is_reported_gone_once(
    kafka: Kafka, client: Client, cluster: Cluster, fresh_name: Callable[[str], str]
) -> None:
    """A deleted group is reported gone once, then forgotten."""
    topic, group = fresh_name("t"), fresh_name("short-lived")
    client.create(topic)
    client.commit(group, topic)
    before = await cluster.poll()
    kafka.tool("consumer.group.ConsumerGroupCommand", "--delete", "--group", group)

    snapshot = await cluster.poll()
    after = await cluster.poll()

    assert group in before.groups
    assert snapshot.gone == {group}
    assert group not in snapshot.groups
    assert after.gone == frozenset()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Kafka]:
    """A broker for one test, with topic auto-creation on."""
    with Kafka(tmp_path / "kafka", properties={"auto.create.topics.enable": "true"}) as kafka:
        yield kafka


@pytest.fixture
async def own_cluster(own_kafka: Kafka) -> AsyncIterator[Cluster]:
    """The cluster of `own_kafka`, with a long timeout for a starting broker."""
    cluster = Cluster([("127.0.0.1", own_kafka.port)], timeout_s=SETTLED_S)
    yield cluster
    await cluster.close()


@pytest.fixture
async def impatient(own_kafka: Kafka) -> AsyncIterator[Cluster]:
    """The cluster of `own_kafka`, with a short timeout."""
    cluster = Cluster([("127.0.0.1", own_kafka.port)], timeout_s=1.0)
    yield cluster
    await cluster.close()


@pytest.fixture
async def own_metadata(own_kafka: Kafka) -> AsyncIterator[MetadataCache]:
    """Only the metadata requests of a poll."""
    metadata = MetadataCache([("127.0.0.1", own_kafka.port)])
    yield metadata
    await metadata.close()


@pytest.mark.parametrize("version", ["kafka_39", "kafka"])
async def test_a_controller_in_the_bootstrap_list_is_named(
    request: pytest.FixtureRequest, version: str
) -> None:
    """Brokers of 3.9 and 4.1: the controller listener answers ApiVersions and nothing of ours."""
    broker: Kafka = request.getfixturevalue(version)
    host, _, port = broker.controller.rpartition(":")

    async with Cluster([(host, int(port))], timeout_s=SETTLED_S) as cluster:
        with pytest.raises(KafkaUnavailable, match=f"^{broker.controller}: this is a KRaft contr"):
            await cluster.poll()


async def test_a_quota_delays_a_poll_and_is_named(kafka: Kafka, cluster: Cluster) -> None:
    """The broker mutes the connection for up to a second after each answer; nothing is missing."""
    client = ("--alter", "--entity-type", "clients", "--entity-name", "jmxbridge")
    await cluster.poll()
    kafka.configure(*client, "--add-config", "request_percentage=0.01")
    try:
        throttled = await poll_until(cluster, lambda snapshot: bool(snapshot.throttled_ms))
    finally:
        kafka.configure(*client, "--delete-config", "request_percentage")
    free = await poll_until(cluster, lambda snapshot: not snapshot.throttled_ms)

    name = f"broker 1 at 127.0.0.1:{kafka.port}"
    assert throttled.complete
    assert throttled.errors == ()
    assert f"{name} throttled us for" in delay_sentences(throttled.throttled_ms)[name]
    assert free.complete


async def test_an_advertised_address_that_leads_nowhere_is_mapped(tmp_path: Path) -> None:
    """The broker is named without the map, and polled with it."""
    port = free_port()
    advertised = {"advertised.listeners": f"PLAINTEXT://kafka-1.invalid:{port}"}
    bootstrap = [("127.0.0.1", port)]
    with Kafka(tmp_path / "kafka", port=port, properties=advertised):
        async with Cluster(bootstrap, timeout_s=SETTLED_S) as cluster:
            with pytest.raises(KafkaUnavailable) as caught:
                await cluster.poll()
        addresses = AddressMap({("kafka-1.invalid", port): ("127.0.0.1", port)})
        async with Cluster(bootstrap, timeout_s=SETTLED_S, addresses=addresses) as cluster:
            mapped = await poll_until(cluster, lambda snapshot: snapshot.complete)

    assert f"broker 1 advertises kafka-1.invalid:{port}, which cannot be" in str(caught.value)
    assert str(caught.value).endswith("map the address with kafka.advertised")
    assert mapped.brokers_answered == 1


async def test_polls_create_nothing_and_survive_a_broker_restart(
    own_kafka: Kafka, own_cluster: Cluster, impatient: Cluster, own_metadata: MetadataCache
) -> None:
    """Polls create no topic and recover after the broker freezes, dies and returns."""
    # A new cluster, where even __consumer_offsets is created on demand.
    await own_metadata.refresh(PollBudget(SETTLED_S), ["never-made"])
    assert own_metadata.topics["never-made"].error == UNKNOWN_TOPIC_OR_PARTITION
    assert (await own_cluster.describe(["nonsense"])).missing == ("nonsense",)
    assert (await own_cluster.poll()).complete
    assert own_kafka.tool("TopicCommand", "--list").split() == []

    with Client(own_kafka) as client:
        client.create("orders", 2)
        client.commit("g", "orders")
        client.produce("orders", 6)
    assert [row.lag for row in rows_of(await own_cluster.poll(), "g")] == [3, 3]

    address = f"127.0.0.1:{own_kafka.port}"
    await poll_until(impatient, lambda snapshot: snapshot.complete)
    own_kafka.process.pause()
    try:
        with pytest.raises(KafkaUnavailable, match=f"{address}: no answer in 1 s"):
            await impatient.poll()
    finally:
        own_kafka.process.resume()
    thawed = await poll_until(impatient, lambda snapshot: snapshot.complete)
    assert [row.lag for row in rows_of(thawed, "g")] == [3, 3]

    own_kafka.kill()
    with pytest.raises(KafkaUnavailable, match=f"{address}: Connection refused"):
        await own_cluster.poll()
    own_kafka.start()
    back = await poll_until(own_cluster, lambda snapshot: snapshot.complete)
    assert [row.lag for row in rows_of(back, "g")] == [3, 3]


async def test_a_transaction_left_open_is_reported_until_it_ends(
    kafka: Kafka, client: Client, fresh_name: Callable[[str], str]
) -> None:
    """Both ends are written, a restart keeps its age, and Kafka's command finds and aborts it."""
    topic, group = fresh_name("orders"), fresh_name("billing")
    client.create(topic)
    client.produce(topic, 5)
    client.commit(group, topic)
    client.begin_transaction(topic, 3)
    client.produce(topic, 4)
    reads_committed = group.__eq__
    cluster = Cluster(
        [("127.0.0.1", kafka.port)],
        timeout_s=SETTLED_S,
        groups=reads_committed,
        read_committed=reads_committed,
    )
    now_ns, tracker, changes = time.time_ns(), LagTracker(), PollChanges()

    async def poll(second: int) -> tuple[list[str], dict[str, FieldValue]]:
        """Poll as if this many seconds had passed; return log lines and fields of the topic."""
        snapshot = await cluster.poll()
        due_ns = now_ns + second * NS
        assessment = tracker.take(snapshot, (), due_ns)
        points = to_points(assessment, snapshot, cluster="c", time_ns=due_ns)
        (of_topic,) = (p.fields for p in points if p.measurement == "kafka_consumer_lag_topic")
        logged = changes.take(snapshot, assessment, RowThinning())
        return [change.text for change in logged], dict(of_topic)

    try:
        begun, fields = await poll(0)
        state = tracker.state()
        assert state is not None
        saved = decode(encode(state), wants_group=reads_committed, wants_topic=topic.__eq__)
        tracker = LagTracker(saved)
        hanging, later_fields = await poll(300)
        again, _ = await poll(310)
        look = LagLooks(saved, interval_ns=2 * NS)
        described = await cluster.describe([group])
        details = look.take(described, (), now_ns + 310 * NS)
        place = ("--topic", topic, "--partition", "0")
        producers = kafka.tool("TransactionsCommand", "describe-producers", *place)
        kafka.tool("TransactionsCommand", "abort", *place, "--start-offset", "5")
        await poll_until(cluster, lambda s: s.stable_ends[topic] == s.end_offsets[topic])
        over, last_fields = await poll(320)
    finally:
        await cluster.close()

    wait = f"7 records of {topic} wait behind a transaction that has been open since"
    assert (begun, again) == ([], [])
    assert [line.startswith(wait) for line in hanging] == [True]
    assert "(partition 0 from offset 5)" in hanging[0]
    assert producers.splitlines()[-1].split()[-1] == "5"  # CurrentTransactionStartOffset
    assert over == [f"no records of {topic} wait behind a transaction open for long any more"]
    ends = [
        (of_poll["end_offset_sum"], of_poll["stable_end_offset_sum"], of_poll["lag_sum"])
        for of_poll in (fields, later_fields, last_fields)
    ]
    assert ends == [(12, 5, 0), (12, 5, 0), (13, 13, 8)]  # the transaction's marker is one
    ages = [of_poll["open_transaction_seconds"] for of_poll in (fields, later_fields, last_fields)]
    assert ages == [0.0, 300.0, 0.0]
    (sentence,) = details.transactions[group]
    assert sentence.startswith(wait)
    (table,) = tables(described)
    assert diagnose(table) == "has read everything but 7 records behind an open transaction"
