"""Cluster.poll and its two halves, against healthy fake clusters."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.members import Member
from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.vanished_groups import LastCommits, VanishedGroups
from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import FakeCluster, silent
from tests.kafka.polling import ConnectTo, Outlast, StartFake, groups_with_rows, lags

COMMITS_TOPIC = "__consumer_offsets"


async def poll(cluster: Cluster, remembered: VanishedGroups) -> Snapshot:
    """Poll as the lag poll does, at one instant: commits, groups that are gone, ends."""
    read = await cluster.read_commits()
    last_commits = remembered.merge(read.commits, read.gone, 1)
    return await cluster.read_ends(read.with_vanished(last_commits))


async def test_poll_reads_groups_commits_and_ends(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """Commits and ends come from every broker that has some; the snapshot is complete."""
    fake = await start_fake(brokers=2)
    fake.add_topic("orders", 2, end=10, leader=1)
    fake.add_topic("bills", 1, end=7, leader=2)
    fake.groups["a"] = Group({"orders": {0: 4, 1: 10}}, coordinator=2)
    fake.groups["b"] = Group({"bills": {0: 7}, "orders": {1: 0}}, coordinator=1, state="Empty")

    snapshot = await connect_to(fake).poll()

    assert snapshot.complete
    assert snapshot.errors == ()
    assert snapshot.commits == {
        "a": {"orders": {0: 4, 1: 10}},
        "b": {"bills": {0: 7}, "orders": {1: 0}},
    }
    assert snapshot.end_offsets == {"orders": {0: 10, 1: 10}, "bills": {0: 7}}
    assert (snapshot.groups["a"].coordinator, snapshot.groups["a"].state) == (2, "Stable")
    assert (snapshot.groups["b"].coordinator, snapshot.groups["b"].state) == (1, "Empty")
    assert (snapshot.brokers, snapshot.brokers_answered, snapshot.groups_listed) == (2, 2, 2)


async def test_poll_returns_plain_integers(start_fake: StartFake, connect_to: ConnectTo) -> None:
    """No number type of kio leaves the client; 2**53 + 1 stays exact."""
    fake = await start_fake()
    fake.add_topic("orders", end=2**53 + 1)
    fake.groups["a"] = Group({"orders": {0: 2**53}})

    snapshot = await connect_to(fake).poll()

    (row,) = compute_lags(snapshot).partitions
    assert row.lag == 1
    assert {type(v) for v in (row.partition, row.offset, row.end_offset, row.lag)} == {int}
    assert type(snapshot.groups["a"].coordinator) is int


async def test_poll_of_a_quiet_cluster_takes_three_requests_a_broker(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """A thousand groups on two brokers: one request each for lists, commits and ends."""
    fake = await start_fake(brokers=2)
    fake.add_topic("one", 50, end=9, leader=1)
    fake.add_topic("two", 50, end=9, leader=2)
    for number in range(1000):
        topic = ("one", "two")[number % 2]
        commits = {topic: dict.fromkeys(range(50), 1)}
        fake.groups[f"g{number}"] = Group(commits, coordinator=1 + number % 2)
    cluster = connect_to(fake)
    await cluster.poll()
    fake.requests.clear()

    snapshot = await cluster.poll()

    assert sorted((a.broker, a.api) for a in fake.requests) == [
        (broker, api)
        for broker in (1, 2)
        for api in ("list_groups", "list_offsets", "offset_fetch")
    ]
    assert snapshot.requests == 6
    assert sum(row.lag for row in compute_lags(snapshot).partitions) == 1000 * 50 * 8


async def test_poll_reads_ends_after_every_commit(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """With every partition growing at every request, no consumer is ever ahead of the end.

    The consumers here have no lag at all: each answer about commits gives the end of that moment.
    """
    fake = await start_fake(brokers=3)
    for topic, leader in (("x", 1), ("y", 2), ("z", 3)):
        fake.add_topic(topic, 2, leader=leader)
    for number in range(30):
        fake.groups[f"g{number}"] = Group({}, coordinator=1 + number % 3)

    def produce_before(answer: Callable[[Asked], Any]) -> Callable[[Asked], Any]:
        def script(asked: Asked) -> Any:
            fake.ends = {partition: end + 1 for partition, end in fake.ends.items()}
            for group in fake.groups.values():
                for (topic, index), end in fake.ends.items():
                    group.commits.setdefault(topic, {})[index] = end
            return answer(asked)

        return script

    for broker in fake.brokers.values():
        broker.scripts["offset_fetch"] = produce_before(broker.answer_offset_fetch)
        broker.scripts["list_offsets"] = produce_before(broker.answer_list_offsets)
    cluster = connect_to(fake)

    for _ in range(5):
        lags = compute_lags(await cluster.poll())
        assert len(lags.partitions) == 30 * 6
        assert {row.ahead for row in lags.partitions} == {0}


async def test_poll_filters_groups_and_topics_before_it_fetches(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """No commits are fetched for a denied group, no ends for a denied topic."""
    fake = await start_fake()
    fake.add_topic("orders")
    fake.add_topic("__internal")
    fake.groups["keep"] = Group({"orders": {0: 0}, "__internal": {0: 0}})
    fake.groups["console-consumer-42"] = Group({"orders": {0: 0}})

    snapshot = await connect_to(fake).poll()

    assert set(snapshot.groups) == {"keep"}
    assert snapshot.groups_listed == 2
    assert snapshot.commits == {"keep": {"orders": {0: 0}}}
    (asked,) = fake.asked("offset_fetch")
    assert [g.group_id for g in asked.entity.groups] == ["keep"]
    for asked in fake.asked("list_offsets"):
        assert [t.name for t in asked.entity.topics] == ["orders"]


async def test_poll_uses_the_filters_of_the_caller(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """Filters of the caller replace the defaults."""
    fake = await start_fake()
    fake.add_topic("__internal", end=5)
    fake.groups["console-consumer-42"] = Group({"__internal": {0: 2}})

    snapshot = await connect_to(fake, groups=NameFilter(), topics=NameFilter()).poll()

    assert [row.lag for row in compute_lags(snapshot).partitions] == [3]


async def test_poll_reports_a_group_gone_when_its_coordinator_has_no_commits(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Unlisted, and an answer without error and without commits: reported once, then forgotten."""
    cluster = connect_to(two)
    await cluster.poll()
    del two.groups["a"]

    snapshot = await cluster.poll()
    after = await cluster.poll()

    assert snapshot.gone == {"a"}
    assert set(snapshot.groups) == set(snapshot.commits) == {"b"}
    assert snapshot.complete
    assert after.gone == frozenset()
    assert len(two.asked("find_coordinator")) == 1


async def test_poll_keeps_a_group_whose_coordinator_is_dead(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Unlisted because its broker is down: the group is kept, has no rows, and comes back."""
    cluster = connect_to(two)
    await cluster.poll()
    await two.brokers[2].stop()
    for _ in range(3):
        snapshot = await cluster.poll()
        assert snapshot.gone == frozenset()
        assert set(snapshot.groups) == {"a", "b"}
        assert set(snapshot.commits) == {"a"}
    await two.brokers[2].start()

    assert groups_with_rows(await cluster.poll()) == {"a", "b"}


async def test_poll_leaves_out_internal_topics_of_streams(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Rows, requests and assignments leave them out, unless `internal_topics` is set."""
    inner = "a-counts-repartition"
    two.add_topic(inner, end=10)
    two.groups["a"].commits[inner] = {0: 1}
    two.groups["a"].members = [("one", {"x": [0], inner: [0]})]
    two.groups["b"].commits[inner] = {0: 1}

    snapshot = await connect_to(two).poll(describe=True)
    whole = await connect_to(two, internal_topics=True).poll(describe=True)

    def topics(snapshot: Snapshot) -> list[tuple[str, str]]:
        return sorted((row.group, row.topic) for row in compute_lags(snapshot).partitions)

    def assigned(snapshot: Snapshot) -> int:
        assert snapshot.memberships is not None
        return len(snapshot.memberships["a"].members[0].assigned)

    assert topics(snapshot) == [("a", "x"), ("b", inner), ("b", "y")]
    assert assigned(snapshot) == 1
    assert topics(whole) == [("a", inner), ("a", "x"), ("b", inner), ("b", "y")]
    assert assigned(whole) == 2


async def test_read_ends_reads_members_only_if_asked(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Without `describe` members cost nothing; with it one request for each coordinator."""
    two.groups["a"].members = [("one", {"x": [0]})]
    cluster = connect_to(two)

    without = await cluster.poll()
    plain = await cluster.poll()
    described = await cluster.poll(describe=True)

    assert without.memberships is None
    assert described.memberships is not None
    assert described.memberships["a"].members == (
        Member("one-id", "one", "/127.0.0.1", (("x", 0),)),
    )
    assert described.memberships["b"].members == ()
    assert described.requests == plain.requests + 2
    assert described.phases.describe_ms > 0 == plain.phases.describe_ms


async def test_read_ends_completes_without_members(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """Members are read last: the poll is complete, and their errors are listed apart."""
    two.brokers[2].scripts["describe_groups"] = silent
    cluster = connect_to(two)

    snapshot = await outlast(cluster.poll(describe=True), two.brokers[2])
    after = await cluster.poll()

    assert [row.lag for row in compute_lags(snapshot).partitions] == [6, 5]
    assert snapshot.complete
    assert snapshot.errors == ()
    assert len(snapshot.describe_errors) == 1
    assert snapshot.memberships is not None
    assert set(snapshot.memberships) == {"a"}
    assert after.complete


async def test_read_ends_filters_the_topics_of_assignments(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A filtered topic has no row, so it must not look like a partition without a commit."""
    two.groups["a"].members = [("one", {"x": [0], "secret": [0, 1]})]
    cluster = connect_to(two, topics=lambda topic: topic != "secret")

    snapshot = await cluster.poll(describe=True)

    assert snapshot.memberships is not None
    (member,) = snapshot.memberships["a"].members
    assert member.assigned == (("x", 0),)


async def test_read_ends_covers_vanished_groups(two: FakeCluster, connect_to: ConnectTo) -> None:
    """Last commits against current ends; the group is named as vanished and not as a group."""
    cluster, remembered = connect_to(two), VanishedGroups()
    await poll(cluster, remembered)
    del two.groups["a"]
    two.ends["x", 0] = 25

    first = await poll(cluster, remembered)
    second = await poll(cluster, remembered)

    for snapshot in (first, second):
        assert snapshot.vanished == {"a"}
        assert lags(snapshot, "a") == [21]
        assert set(snapshot.groups) == {"b"}
        assert snapshot.complete
    two.groups["a"] = Group({"x": {0: 25}}, coordinator=1)
    back = await poll(cluster, remembered)
    assert (back.vanished, lags(back, "a")) == (frozenset(), [0])


async def test_read_commits_reports_no_group_gone_for_a_silent_coordinator(
    two: FakeCluster,
    connect_to: ConnectTo,
    outlast: Callable[[Awaitable[Snapshot], object], Awaitable[Snapshot]],
) -> None:
    """Its groups have neither lag nor are they gone."""
    cluster, remembered = connect_to(two), VanishedGroups()
    await poll(cluster, remembered)
    two.brokers[1].freeze()

    snapshot = await outlast(poll(cluster, remembered), two.brokers[1])

    assert snapshot.vanished == frozenset()
    assert lags(snapshot, "a") == []
    assert not snapshot.complete


async def test_read_commits_finds_known_groups_that_were_deleted(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A group of the last run that is gone is requested by name, and its lag goes on."""
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


async def test_read_commits_never_creates_the_topic_of_commits(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """Where no group ever committed, looking up a coordinator would create the topic."""
    fake = await start_fake()
    remembered = VanishedGroups({"old": LastCommits({"x": {0: 3}})})

    snapshot = await poll(connect_to(fake, known_groups=remembered.groups), remembered)

    assert fake.asked("find_coordinator") == []
    assert snapshot.vanished == {"old"}
    assert lags(snapshot, "old") == []  # its topic is not there either


async def test_find_brokers_returns_the_live_brokers(two: FakeCluster) -> None:
    """By id, with the address they advertise; no group is listed for it."""
    async with Cluster(two.bootstrap[:1]) as cluster:
        assert cluster.brokers == {}
        assert await cluster.find_brokers() == cluster.brokers

    assert [asked.api for asked in two.requests] == ["api_versions", "metadata"]
    addresses = {1: ("127.0.0.1", two.ports[1]), 2: ("127.0.0.1", two.ports[2])}
    async with Cluster(two.bootstrap) as cluster:
        assert await cluster.find_brokers() == addresses


async def test_leaving_the_context_closes_every_connection(two: FakeCluster) -> None:
    """The brokers see them close."""
    async with Cluster(two.bootstrap) as cluster:
        await cluster.poll()
        assert not two.brokers[1].all_gone.is_set()

    for broker in two.brokers.values():
        await broker.all_gone.wait()


async def test_cluster_id_is_that_of_the_metadata(two: FakeCluster, connect_to: ConnectTo) -> None:
    """None before the first poll."""
    for broker in two.brokers.values():

        def answer(asked: Asked, answer: Callable[[Asked], Any] = broker.answer_metadata) -> Any:
            return replace(answer(asked), cluster_id="abc")

        broker.scripts["metadata"] = answer
    cluster = connect_to(two)
    assert cluster.cluster_id is None

    await cluster.poll()

    assert cluster.cluster_id == "abc"


async def test_poll_is_the_two_halves_at_once(two: FakeCluster, connect_to: ConnectTo) -> None:
    """The budget spans both: requests and phases of the snapshot are those of the whole poll."""
    cluster = connect_to(two)
    whole = await cluster.poll()
    two.requests.clear()
    read = await cluster.read_commits()
    assert two.asked("list_offsets") == []

    snapshot = await cluster.read_ends(read)

    assert (snapshot.commits, snapshot.end_offsets) == (whole.commits, whole.end_offsets)
    assert snapshot.requests == read.budget.requests
    assert snapshot.phases.list_groups_ms > 0 < snapshot.phases.list_ends_ms


async def test_read_ends_leaves_out_a_broker_that_failed_in_read_commits(
    two: FakeCluster, connect_to: ConnectTo, outlast: Outlast
) -> None:
    """It gets no further request in this poll, and metadata is read again in the next."""
    cluster = connect_to(two)
    await cluster.poll()
    two.brokers[2].freeze()
    read = await outlast(cluster.read_commits(), two.brokers[2])
    two.brokers[2].thaw()
    two.requests.clear()

    snapshot = await cluster.read_ends(read)
    await cluster.read_commits()

    assert {asked.broker for asked in two.asked("list_offsets")} == {1}
    assert (snapshot.complete, groups_with_rows(snapshot)) == (False, {"a"})
    assert len(two.asked("metadata")) == 1
