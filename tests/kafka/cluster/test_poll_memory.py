"""What a poll takes from earlier ones: groups that are gone, and where partitions begin."""

from collections.abc import Awaitable, Callable

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.cluster.start_offsets import STARTS_EVERY
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.vanished_groups import LastCommits, VanishedGroups
from jmxbridge.lag.rows import compute
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import FakeCluster

StartFake = Callable[..., Awaitable[FakeCluster]]
ConnectTo = Callable[..., Cluster]
COMMITS_TOPIC = "__consumer_offsets"


async def poll(cluster: Cluster, remembered: VanishedGroups) -> Snapshot:
    """Poll as the lag poll does, at one instant: commits, groups that are gone, ends."""
    read = await cluster.read_commits()
    last_commits = remembered.keep(read.commits, read.gone, 1)
    return await cluster.read_ends(read.with_vanished(last_commits))


def lags(snapshot: Snapshot, group: str) -> list[int]:
    """The lags of one group's rows."""
    return [row.lag for row in compute(snapshot).partitions if row.group == group]


def starts_asked(fake: FakeCluster) -> list[list[str]]:
    """The topics of each request for where partitions begin."""
    return [
        [topic.name for topic in asked.entity.topics]
        for asked in fake.asked("list_offsets")
        if asked.entity.topics[0].partitions[0].timestamp == -2
    ]


async def test_a_deleted_groups_lag_goes_on(two: FakeCluster, connect_to: ConnectTo) -> None:
    """Its last commits against the ends of now; it is named as vanished and not as a group."""
    cluster, remembered = connect_to(two), VanishedGroups()
    await poll(cluster, remembered)
    del two.groups["a"]
    two.ends["x", 0] = 25

    found = await poll(cluster, remembered)
    after = await poll(cluster, remembered)

    for snapshot in (found, after):
        assert snapshot.vanished == {"a"}
        assert lags(snapshot, "a") == [21]
        assert set(snapshot.groups) == {"b"}
        assert snapshot.complete
    two.groups["a"] = Group({"x": {0: 25}}, coordinator=1)
    back = await poll(cluster, remembered)
    assert (back.vanished, lags(back, "a")) == (frozenset(), [0])


async def test_a_silent_coordinator_makes_no_group_vanish(
    two: FakeCluster,
    connect_to: ConnectTo,
    outlast: Callable[[Awaitable[Snapshot], object], Awaitable[Snapshot]],
) -> None:
    """Nothing is written for its groups: neither lag nor that they are gone."""
    cluster, remembered = connect_to(two), VanishedGroups()
    await poll(cluster, remembered)
    two.brokers[1].freeze()

    snapshot = await outlast(poll(cluster, remembered), two.brokers[1])

    assert snapshot.vanished == frozenset()
    assert lags(snapshot, "a") == []
    assert not snapshot.complete


async def test_a_group_deleted_while_we_were_away_is_found_gone(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Remembered from the last run, it is asked for by name and its lag goes on."""
    two.add_topic(COMMITS_TOPIC)
    remembered = VanishedGroups(
        {"old": LastCommits({"x": {0: 3}}), "a": LastCommits({"x": {0: 1}})}
    )

    snapshot = await poll(connect_to(two, known_groups=remembered.groups), remembered)

    assert snapshot.vanished == {"old"}
    assert lags(snapshot, "old") == [7]
    assert lags(snapshot, "a") == [6]
    (asked,) = two.asked("find_coordinator")
    assert tuple(asked.entity.coordinator_keys) == ("old",)


async def test_names_of_an_earlier_run_create_nothing(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """On a cluster where nobody ever committed, looking up a coordinator would make a topic."""
    fake = await start_fake()
    remembered = VanishedGroups({"old": LastCommits({"x": {0: 3}})})

    snapshot = await poll(connect_to(fake, known_groups=remembered.groups), remembered)

    assert fake.asked("find_coordinator") == []
    assert snapshot.vanished == {"old"}
    assert lags(snapshot, "old") == []  # its topic is not there either


async def test_records_deleted_unread_are_counted(two: FakeCluster, connect_to: ConnectTo) -> None:
    """A commit below the oldest record: so many are lost, so many can still be read."""
    two.starts["x", 0] = 7

    row, other = compute(await connect_to(two).poll()).partitions

    assert (row.group, row.lag, row.expired, row.consumable) == ("a", 6, 3, 3)
    assert (other.start_offset, other.expired, other.consumable) == (0, 0, 5)


async def test_starts_are_asked_for_now_and_then(two: FakeCluster, connect_to: ConnectTo) -> None:
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


async def test_a_start_from_before_a_topic_was_made_anew_says_nothing(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """It lies beyond the end: nothing has expired, the group is ahead."""
    two.starts["x", 0] = 8
    cluster = connect_to(two)
    await cluster.poll()
    two.ends["x", 0] = 2

    row = compute(await cluster.poll()).partitions[0]

    assert (row.start_offset, row.expired, row.ahead) == (None, 0, 2)


async def test_an_open_transaction_is_no_lag_for_who_reads_committed_records(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Such groups end where it begins; the others, and the requests for them, are as before."""
    two.groups["b"].commits["x"] = {0: 4}
    two.stable_ends["x", 0] = 6

    snapshot = await connect_to(two, read_committed="a".__eq__).poll()

    assert {(r.group, r.topic): r.lag for r in compute(snapshot).partitions} == {
        ("a", "x"): 2,
        ("b", "x"): 6,
        ("b", "y"): 5,
    }
    isolated = [a for a in two.asked("list_offsets") if a.entity.isolation_level == 1]
    assert [[topic.name for topic in asked.entity.topics] for asked in isolated] == [["x"]]


async def test_a_stable_end_that_nobody_says_leaves_the_row_out(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Not the other end in its place: that would be another number under the same name."""
    healthy = two.brokers[1].answer_list_offsets

    def fail_isolated(asked: Asked) -> object:
        reply = healthy(asked)
        if asked.entity.isolation_level == 0:
            return reply
        make = asked.schema.make
        bad = make("ListOffsetsPartitionResponse", partition_index=0, error_code=78, offset=-1,
                   timestamp=-1)  # fmt: skip
        return asked.schema.reply(
            topics=(make("ListOffsetsTopicResponse", name="x", partitions=(bad,)),)
        )

    two.brokers[1].scripts["list_offsets"] = fail_isolated

    snapshot = await connect_to(two, read_committed="a".__eq__).poll()

    assert lags(snapshot, "a") == []
    assert lags(snapshot, "b") == [5]
    assert snapshot.unavailable == {("x", 0)}
    assert not snapshot.complete
