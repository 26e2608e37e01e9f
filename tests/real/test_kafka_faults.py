"""Lag of a two-broker cluster while one broker is killed, frozen or loses its leadership.

Every poll must have the rows of the other broker, must not report a group or topic as gone, and
must be marked incomplete if it is. Afterwards all rows must return.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from demo.servers import Client, Pair
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.rows import PartitionLag
from tests.real.lag_oracle import poll_until, rows_of

pytestmark = pytest.mark.real

FIRST, SECOND = 1, 2
COMMITS_TOPIC = "__consumer_offsets"
PATIENCE_S = 2.0
MOST_GROUPS = 20  # both brokers get one, except once in half a million runs


@dataclass(frozen=True)
class Estate:
    """One topic and one group per broker; both groups have committed on both topics."""

    left: str
    right: str
    groups: Mapping[int, str]

    def rows(self, snapshot: Snapshot) -> dict[str, list[PartitionLag]]:
        """The rows of both groups."""
        return {group: rows_of(snapshot, group) for group in self.groups.values()}


@pytest.fixture(scope="module")
def client(two_brokers: Pair) -> Iterator[Client]:
    """A client that bootstraps from the surviving broker."""
    with Client(two_brokers.first) as jvm:
        yield jvm


@pytest.fixture
async def cluster(two_brokers: Pair) -> AsyncIterator[Cluster]:
    """The cluster under test, with a short timeout."""
    addresses = [("127.0.0.1", broker.port) for broker in two_brokers.brokers]
    cluster = Cluster(addresses, timeout_s=PATIENCE_S)
    yield cluster
    await cluster.close()


@pytest.fixture
async def estate(client: Client, cluster: Cluster, fresh_name: Callable[[str], str]) -> Estate:
    """New topics and groups for each test; every partition is three records behind."""
    left, right = fresh_name("left"), fresh_name("right")
    for topic, broker in ((left, FIRST), (right, SECOND)):
        client.create(topic, 2)
        client.move(topic, broker)
    client.commit(fresh_name("g"), left)  # the very first commit creates __consumer_offsets
    client.move(COMMITS_TOPIC, FIRST, SECOND)
    groups: dict[int, str] = {}
    for _ in range(MOST_GROUPS):
        group = fresh_name("g")
        client.commit(group, left)
        client.commit(group, right)
        snapshot = await poll_until(cluster, whole_with(group))
        groups[snapshot.groups[group].coordinator] = group
        if len(groups) == len((FIRST, SECOND)):
            break
    for topic in (left, right):
        client.produce(topic, 6)
    return Estate(left, right, groups)


def whole_with(group: str) -> Callable[[Snapshot], bool]:
    """Whether a snapshot is complete and has the group."""
    return lambda snapshot: snapshot.complete and group in snapshot.groups


async def polls_during(cluster: Cluster, work: Awaitable[object]) -> list[Snapshot]:
    """Poll at least once, until the work is done."""
    task = asyncio.ensure_future(work)
    snapshots = [await cluster.poll()]
    while not task.done():
        snapshots.append(await cluster.poll())
    await task
    return snapshots


def assert_nothing_vanished(estate: Estate, snapshot: Snapshot) -> None:
    """Assert that no group is reported gone and no topic deleted."""
    assert set(estate.groups.values()) <= snapshot.groups.keys()
    assert not snapshot.gone
    assert not snapshot.vanished
    assert not {topic for topic, _ in snapshot.orphaned} & {estate.left, estate.right}


async def test_a_killed_broker_loses_only_its_own_rows(
    two_brokers: Pair, cluster: Cluster, estate: Estate
) -> None:
    """Its groups move to the other broker; its topic has no leader until it is back."""
    before = await poll_until(cluster, lambda s: s.complete)
    all_rows = estate.rows(before)
    stays, moves = estate.groups[FIRST], estate.groups[SECOND]
    of_left = {
        group: [row for row in rows if row.topic == estate.left] for group, rows in all_rows.items()
    }

    two_brokers.second.kill()
    try:

        def moved(snapshot: Snapshot) -> bool:
            assert_nothing_vanished(estate, snapshot)
            assert not snapshot.complete
            assert estate.rows(snapshot)[stays] == of_left[stays]
            assert {(estate.right, 0), (estate.right, 1)} <= snapshot.unavailable
            # All of them or none: never half of a group.
            assert estate.rows(snapshot)[moves] in ([], of_left[moves])
            return bool(estate.rows(snapshot)[moves])

        without = await poll_until(cluster, moved)
    finally:
        two_brokers.second.start()
    after = await poll_until(cluster, lambda s: s.complete and estate.rows(s) == all_rows)

    assert [len(rows) for rows in all_rows.values()] == [4, 4]
    assert without.groups[moves].coordinator == FIRST
    assert_nothing_vanished(estate, after)


async def test_a_frozen_broker_costs_one_timeout_a_poll(
    two_brokers: Pair, cluster: Cluster, estate: Estate
) -> None:
    """A frozen broker costs one timeout per poll and no row of the other broker."""
    before = await poll_until(cluster, lambda s: s.complete)
    all_rows = estate.rows(before)
    stays = estate.groups[FIRST]
    silent = f"broker 2 at 127.0.0.1:{two_brokers.second.port}: no answer in {PATIENCE_S:g} s"

    two_brokers.second.process.pause()
    try:
        frozen = [await cluster.poll() for _ in range(2)]
    finally:
        two_brokers.second.process.resume()
    thawed = await poll_until(cluster, lambda s: s.complete and estate.rows(s) == all_rows)

    for snapshot in frozen:
        assert_nothing_vanished(estate, snapshot)
        assert not snapshot.complete
        assert silent in snapshot.errors
        assert (snapshot.brokers, snapshot.brokers_answered) == (2, 1)
        assert [row.topic for row in estate.rows(snapshot)[stays]] == [estate.left] * 2
    # ListGroups was waited for; after that the broker is left out of the poll.
    assert frozen[0].requests <= before.requests
    assert_nothing_vanished(estate, thawed)


async def test_moved_coordinators_and_leaders_are_found_again(
    client: Client, cluster: Cluster, estate: Estate
) -> None:
    """Coordinators and leaders that move between brokers during polls are found again."""
    before = await poll_until(cluster, lambda s: s.complete)
    all_rows = estate.rows(before)

    def move() -> None:
        client.move(COMMITS_TOPIC, FIRST)
        client.move(estate.right, FIRST)

    moving = await polls_during(cluster, asyncio.to_thread(move))
    after = await poll_until(cluster, lambda s: s.complete and estate.rows(s) == all_rows)

    for snapshot in moving:
        assert_nothing_vanished(estate, snapshot)
        for group, rows in estate.rows(snapshot).items():
            assert {row for row in rows} <= set(all_rows[group])
            assert rows == all_rows[group] or not snapshot.complete
    assert {after.groups[group].coordinator for group in estate.groups.values()} == {FIRST}


async def test_a_topic_deleted_while_its_coordinator_is_down_is_orphaned(
    two_brokers: Pair, client: Client, cluster: Cluster, estate: Estate
) -> None:
    """Its commits remain: the Java command fails, our poll has the other rows."""
    client.move(COMMITS_TOPIC, SECOND)  # alone: so it is not there when the topic goes
    await poll_until(cluster, whole_with(estate.groups[FIRST]))
    two_brokers.second.kill()
    try:
        client.delete(estate.left)
    finally:
        two_brokers.second.start()

    def rest(snapshot: Snapshot) -> bool:
        return snapshot.complete and {(estate.left, 0), (estate.left, 1)} <= snapshot.orphaned

    snapshot = await poll_until(cluster, rest)
    group = estate.groups[SECOND]
    theirs = two_brokers.first.tool(
        "consumer.group.ConsumerGroupCommand", "--describe", "--group", group
    )
    topics = two_brokers.first.tool("TopicCommand", "--list").split()

    assert [(row.topic, row.lag) for row in rows_of(snapshot, group)] == [(estate.right, 3)] * 2
    assert "UnknownTopicOrPartitionException" in theirs
    assert estate.right not in theirs
    assert estate.left not in topics
    assert estate.right in topics
