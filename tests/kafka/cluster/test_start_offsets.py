"""StartOffsets: start offsets remembered between polls."""

from uuid import UUID

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.cluster.start_offsets import STARTS_EVERY
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.vanished_groups import VanishedGroups
from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_cluster import FakeCluster
from tests.kafka.polling import ConnectTo


async def poll(cluster: Cluster, remembered: VanishedGroups) -> Snapshot:
    """Poll as the lag poll does, at one instant: commits, groups that are gone, ends."""
    read = await cluster.read_commits()
    last_commits = remembered.merge(read.commits, read.gone, 1)
    return await cluster.read_ends(read.with_vanished(last_commits))


def starts_asked(fake: FakeCluster) -> list[list[str]]:
    """The topics of each request for where partitions begin."""
    return [
        [topic.name for topic in asked.entity.topics]
        for asked in fake.asked("list_offsets")
        if asked.entity.topics[0].partitions[0].timestamp == -2
    ]


async def test_refresh_shows_records_that_expired_unread(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A commit below the oldest record: some records are lost, the rest can still be read."""
    two.starts["x", 0] = 7

    row, other = compute_lags(await connect_to(two).poll()).partitions

    assert (row.group, row.lag, row.expired, row.consumable) == ("a", 6, 3, 3)
    assert (other.start_offset, other.expired, other.consumable) == (0, 0, 5)


async def test_refresh_reads_new_partitions_at_once_and_all_now_and_then(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """At the first poll, for topics that are new, and every so many polls for all."""
    cluster = connect_to(two)
    await cluster.poll()
    await cluster.poll()
    assert sorted(starts_asked(two)) == [["x"], ["y"]]
    two.add_topic("new", end=3)
    two.groups["b"].commits["new"] = {0: 1}

    for _ in range(STARTS_EVERY - 2):
        snapshot = await cluster.poll()
    assert sorted(starts_asked(two)) == [["new"], ["x"], ["y"]]
    assert snapshot.start_offsets == {"x": {0: 0}, "y": {0: 0}, "new": {0: 0}}
    two.starts["x", 0] = 2

    snapshot = await cluster.poll()

    assert len(starts_asked(two)) == 5
    assert snapshot.start_offsets["x"] == {0: 2}


async def test_refresh_leaves_a_start_beyond_the_end_without_meaning(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The topic was recreated: nothing has expired, the group is ahead."""
    two.starts["x", 0] = 8
    cluster = connect_to(two)
    await cluster.poll()
    two.ends["x", 0] = 2

    row = compute_lags(await cluster.poll()).partitions[0]

    assert (row.start_offset, row.expired, row.ahead) == (None, 0, 2)


async def test_refresh_forgets_the_starts_of_a_recreated_topic(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A topic with another id has no start of the old one, whose offsets were higher."""
    cluster = connect_to(two, refresh_s=0.0)
    old, new = UUID(int=1), UUID(int=2)
    two.ids["x"] = old
    two.starts["x", 0] = 7
    two.groups["a"].commits["x"][0] = 8
    before = await cluster.poll()
    two.ids["x"], two.starts["x", 0], two.groups["a"].commits["x"][0] = new, 0, 2

    after = await cluster.poll()

    assert [before.topic_ids["x"], after.topic_ids["x"]] == [str(old), str(new)]
    assert [before.start_offsets["x"], after.start_offsets["x"]] == [{0: 7}, {0: 0}]
