"""ExtraReads: reads that no lag needs."""

from jmxbridge.kafka.facts.extras import TimestampedOffset
from tests.kafka.fake_answers import Group
from tests.kafka.fake_cluster import FakeCluster
from tests.kafka.polling import ConnectTo


async def test_read_sends_no_request_that_the_broker_lacks(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Configs before 1.1, and share groups of 4.0: no error, no request."""
    del two.versions[32], two.versions[90]
    two.groups["s"] = Group({"x": {0: 4}}, coordinator=1, protocol_type="share", type="Share")

    snapshot = await connect_to(two).poll()

    assert snapshot.errors == ()
    assert two.asked("describe_configs") == two.asked("describe_share_group_offsets") == []
    assert snapshot.extras.shares == ()


async def test_offsets_for_times_sends_no_other_request(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Between polls, for `jmxbridge lag`: leaders are asked by time, and nothing else is read."""
    two.written["x", 0] = [1_700_000_000_000]
    cluster = connect_to(two)
    await cluster.poll()
    two.requests.clear()

    records = await cluster.offsets_for_times({("x", 0): 0, ("unknown", 0): 0})

    assert records == {("x", 0): TimestampedOffset(0, 1_700_000_000_000)}
    assert [(asked.api, asked.broker) for asked in two.requests] == [("list_offsets", 1)]


async def test_read_leaves_out_share_partitions_of_denied_topics(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The filter of topics is that of the other groups."""
    two.groups["s"] = Group(
        {"x": {0: 4}, "y": {0: 1}}, coordinator=1, protocol_type="share", type="Share"
    )

    snapshot = await connect_to(two, topics="y".__eq__).poll()

    assert [partition.topic for partition in snapshot.extras.shares] == ["y"]
