"""One poll of a healthy cluster: what is asked, of whom, in which order."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.names import NameFilter
from jmxbridge.lag.rows import compute
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import KAFKA_2_3, FakeCluster

StartFake = Callable[..., Awaitable[FakeCluster]]
ConnectTo = Callable[..., Cluster]


async def test_a_poll_finds_groups_commits_and_ends(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """Commits and ends come from whichever brokers have them; the result is complete."""
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


async def test_offsets_are_plain_integers(start_fake: StartFake, connect_to: ConnectTo) -> None:
    """Nothing of the codec's own number types leaves the room; 2**53 + 1 stays exact."""
    fake = await start_fake()
    fake.add_topic("orders", end=2**53 + 1)
    fake.groups["a"] = Group({"orders": {0: 2**53}})

    snapshot = await connect_to(fake).poll()

    (row,) = compute(snapshot).partitions
    assert row.lag == 1
    assert {type(v) for v in (row.partition, row.offset, row.end_offset, row.lag)} == {int}
    assert type(snapshot.groups["a"].coordinator) is int


async def test_a_quiet_cluster_costs_three_requests_a_broker(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """A thousand groups on two brokers: lists, commits and ends, one request each and broker."""
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
    assert sum(row.lag for row in compute(snapshot).partitions) == 1000 * 50 * 8


async def test_more_groups_than_a_chunk_take_more_requests(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """501 groups of one coordinator are fetched in two requests, and all are there."""
    fake = await start_fake()
    fake.add_topic("orders", end=9)
    fake.groups |= {f"g{n}": Group({"orders": {0: n % 9}}) for n in range(501)}

    snapshot = await connect_to(fake).poll()

    assert sorted(len(a.entity.groups) for a in fake.asked("offset_fetch")) == [1, 500]
    assert len(snapshot.commits) == 501


async def test_ends_are_asked_for_after_every_commit_is_answered(
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
        lags = compute(await cluster.poll())
        assert len(lags.partitions) == 30 * 6
        assert {row.ahead for row in lags.partitions} == {0}


async def test_groups_and_topics_are_filtered_before_anything_is_fetched(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """A denied group is not asked for; a denied topic's ends are not."""
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


async def test_filters_are_the_callers(start_fake: StartFake, connect_to: ConnectTo) -> None:
    """With filters of one's own the defaults do not apply."""
    fake = await start_fake()
    fake.add_topic("__internal", end=5)
    fake.groups["console-consumer-42"] = Group({"__internal": {0: 2}})

    snapshot = await connect_to(fake, groups=NameFilter(), topics=NameFilter()).poll()

    assert [row.lag for row in compute(snapshot).partitions] == [3]


@pytest.mark.parametrize("protocol_type", ["connect", "sr", "share"])
async def test_groups_that_keep_no_offsets_are_left_alone(
    start_fake: StartFake, connect_to: ConnectTo, protocol_type: str
) -> None:
    """Connect workers, schema registries and share groups are not asked for commits."""
    fake = await start_fake()
    fake.groups["workers"] = Group({}, protocol_type=protocol_type)

    snapshot = await connect_to(fake).poll()

    assert snapshot.groups == {}
    assert snapshot.complete
    assert fake.asked("offset_fetch") == []


@pytest.mark.parametrize(
    ("protocol_type", "type_", "kind"),
    [
        ("consumer", "Classic", "consumer"),
        ("consumer", "Consumer", "consumer"),  # KIP-848: commits are read the same way
        ("streams", "Streams", "streams"),
        ("", "Classic", "simple"),  # assign(), Flink, Spark: the broker sees no members
    ],
)
async def test_every_kind_of_group_that_commits_is_polled(
    start_fake: StartFake, connect_to: ConnectTo, protocol_type: str, type_: str, kind: str
) -> None:
    """What counts is whether a group keeps offsets, not whether it has members."""
    fake = await start_fake()
    fake.add_topic("orders", end=3)
    fake.groups["g"] = Group({"orders": {0: 1}}, protocol_type=protocol_type, type=type_)

    snapshot = await connect_to(fake).poll()

    assert snapshot.groups["g"].kind == kind
    assert [row.lag for row in compute(snapshot).partitions] == [2]


async def test_a_group_listed_twice_is_one_group(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """During a move the old coordinator may list the group as well; its row comes once."""
    fake = await start_fake(brokers=2)
    fake.add_topic("orders", end=3)
    fake.groups["g"] = Group({"orders": {0: 1}}, coordinator=2, listed_by=(1, 2))

    snapshot = await connect_to(fake).poll()

    assert [(row.group, row.lag) for row in compute(snapshot).partitions] == [("g", 2)]
    assert snapshot.groups["g"].coordinator == 2


async def test_brokers_and_leaders_are_asked_for_again_when_they_are_old(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """With a refresh age of 0 every poll asks once, for brokers and known topics together."""
    fake = await start_fake()
    fake.add_topic("orders")
    fake.groups["g"] = Group({"orders": {0: 0}})
    cluster = connect_to(fake, refresh_s=0.0)
    await cluster.poll()
    fake.requests.clear()

    await cluster.poll()

    (asked,) = fake.asked("metadata")
    assert [topic.name for topic in asked.entity.topics] == ["orders"]


async def test_a_broker_of_2_3_is_asked_group_by_group(
    start_fake: StartFake, connect_to: ConnectTo
) -> None:
    """Before 3.0 a request takes one group; before 2.6 states are in none of the lists.

    They are asked for by name, many groups at once; types are not known at all.
    """
    fake = await start_fake()
    fake.versions = KAFKA_2_3
    fake.add_topic("orders", end=9)
    fake.groups |= {f"g{n}": Group({"orders": {0: n % 9}}) for n in range(100)}

    snapshot = await connect_to(fake).poll()

    assert snapshot.complete
    assert len(compute(snapshot).partitions) == 100
    assert len(fake.asked("offset_fetch")) == 100
    assert (snapshot.groups["g0"].state, snapshot.groups["g0"].type) == ("Stable", None)
    assert len(fake.asked("describe_groups")) == 1


@pytest.mark.parametrize("version", range(4, 13))
async def test_no_metadata_request_may_create_a_topic(
    start_fake: StartFake, connect_to: ConnectTo, version: int
) -> None:
    """In every version the request says so on the wire."""
    fake = await start_fake()
    fake.versions[3] = (0, version)
    fake.groups["g"] = Group({"deleted": {0: 5}})

    await connect_to(fake).poll()

    asked = fake.asked("metadata")
    assert {a.version for a in asked} == {version}
    assert [a.entity.allow_auto_topic_creation for a in asked] == [False, False]


@pytest.mark.parametrize(
    ("key", "lowest", "highest"), [(2, 1, 7), (9, 2, 8), (16, 0, 5), (10, 0, 4)]
)
async def test_every_version_we_have_gives_the_same_rows(
    start_fake: StartFake, connect_to: ConnectTo, key: int, lowest: int, highest: int
) -> None:
    """A poll, and a second one that must look a group up by name, in each version of an API."""
    for version in range(lowest, highest + 1):
        fake = await start_fake(brokers=2)
        fake.versions[key] = (0, version)
        fake.add_topic("orders", 2, end=9, leader=2)
        fake.groups["g"] = Group({"orders": {0: 4, 1: 5}}, coordinator=2)
        cluster = connect_to(fake)
        first = compute(await cluster.poll())
        fake.groups["g"].listed_by = (3,)

        second = compute(await cluster.poll())

        assert [row.lag for row in first.partitions] == [5, 4]
        assert second.partitions == first.partitions
