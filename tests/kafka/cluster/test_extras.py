"""What a poll asks beside the lag: few requests, and nothing that fails there harms a row."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jmxbridge.kafka.cluster import configs, offsets_for_times, shares, states
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.extras import SharePartition, TimestampedOffset
from jmxbridge.lag.history.end_offset_history import Behind
from jmxbridge.lag.history.lag_history import LagHistory
from jmxbridge.lag.rows import compute
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import KAFKA_2_3, FakeCluster, hang_up

StartFake = Callable[..., Awaitable[FakeCluster]]
ConnectTo = Callable[..., Cluster]

NS = 1_000_000_000
START_MS = 1_700_000_000_000
NOW_MS = START_MS + 3_600_000


def by_time(asked: list[Asked]) -> list[Asked]:
    """The requests among these that ask for records by time."""
    return [a for a in asked if a.entity.topics[0].partitions[0].timestamp >= 0]


async def test_a_stopped_groups_delay_is_found_step_by_step(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """A request a leader and poll, until the record itself is found; then none at all."""
    two.written["x", 0] = [START_MS + n * 60_000 for n in range(10)]
    two.written["y", 0] = [START_MS + n * 60_000 for n in range(10)]
    cluster, outlook = connect_to(two), LagHistory(interval_ns=10 * NS)
    requests = []
    for n in range(40):
        before = len(two.requests)
        snapshot = await cluster.poll(times_ms=outlook.questions())
        asked = by_time([a for a in two.requests[before:] if a.api == "list_offsets"])
        requests.append(sorted(a.broker for a in asked))
        now_ns = NOW_MS * 1_000_000 + n * 10 * NS
        verdicts = outlook.take(compute(snapshot), snapshot, now_ns)

    assert requests[0] == []
    assert requests[1] == [1, 2]
    assert all(len(set(brokers)) == len(brokers) for brokers in requests)
    assert requests[-10:] == [[]] * 10
    assert [judged.behind for judged in verdicts.partitions] == [
        Behind(3600 - 240 + 390.0),
        Behind(3600 - 300 + 390.0),
    ]


async def test_every_partition_of_a_leader_is_in_one_request(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Each with a time of its own."""
    two.add_topic("x", 3, end=10, leader=1)
    two.groups["a"].commits["x"] = {0: 1, 1: 1, 2: 1}
    two.written["x", 2] = [START_MS]

    questions = {("x", 0): 5, ("x", 2): 7, ("y", 0): 0}
    snapshot = await connect_to(two).poll(times_ms=questions)

    first, second = sorted(by_time(two.asked("list_offsets")), key=lambda asked: asked.broker)
    assert [(p.partition_index, p.timestamp) for p in first.entity.topics[0].partitions] == [
        (0, 5),
        (2, 7),
    ]
    assert second.broker == 2
    assert snapshot.extras.offsets_for_times == {
        ("x", 0): TimestampedOffset(-1, -1),
        ("x", 2): TimestampedOffset(0, START_MS),
        ("y", 0): TimestampedOffset(-1, -1),
    }


@pytest.mark.parametrize(
    ("error", "expected"), [(43, {("x", 0): None}), (6, {}), (78, {}), (-1, {})]
)
async def test_no_answer_is_no_answer(
    two: FakeCluster, connect_to: ConnectTo, error: int, expected: dict[Any, Any]
) -> None:
    """Message format 0 can never be searched; any other error is asked again, no row is harmed."""
    healthy = two.brokers[1].answer_list_offsets

    def answer(asked: Asked) -> Any:
        if not by_time([asked]):
            return healthy(asked)
        make = asked.schema.make
        values = {"partition_index": 0, "error_code": error, "offset": -1, "timestamp": -1}
        partition = make("ListOffsetsPartitionResponse", **values)
        topic = make("ListOffsetsTopicResponse", name="x", partitions=(partition,))
        return asked.schema.reply(topics=(topic,))

    two.brokers[1].scripts["list_offsets"] = answer

    snapshot = await connect_to(two).poll(times_ms={("x", 0): 0, ("gone", 3): 0})

    assert snapshot.extras.offsets_for_times == expected
    assert len(compute(snapshot).partitions) == 2
    assert snapshot.complete


async def test_a_leader_that_fails_over_it_costs_its_answers_only(
    two: FakeCluster, connect_to: ConnectTo, forward: Callable[[float], None]
) -> None:
    """Its rows were there before; the other's answers come. It is left in peace for a while."""
    healthy = two.brokers[1].answer_list_offsets

    def answer(asked: Asked) -> Any:
        return hang_up(asked) if by_time([asked]) else healthy(asked)

    two.brokers[1].scripts["list_offsets"] = answer
    two.written["x", 0] = two.written["y", 0] = [START_MS]
    cluster, questions = connect_to(two), {("x", 0): 0, ("y", 0): 0}

    snapshot = await cluster.poll(times_ms=questions)
    two.brokers[1].thaw()
    resting = await cluster.poll(times_ms=questions)
    forward(offsets_for_times.REST_S)
    rested = await cluster.poll(times_ms=questions)

    for found in (snapshot, resting):
        assert found.extras.offsets_for_times == {("y", 0): TimestampedOffset(0, START_MS)}
        assert len(compute(found).partitions) == 2
    assert set(rested.extras.offsets_for_times) == questions.keys()


@pytest.fixture
async def forward(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Put the loop's clock forward by so many seconds."""
    loop = asyncio.get_running_loop()
    real_time = loop.time
    ahead = 0.0
    monkeypatch.setattr(loop, "time", lambda: real_time() + ahead)

    def put(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    return put


def set_topic(fake: FakeCluster, topic: str, **values: str) -> None:
    """Set keys of a topic; `_` stands for a dot."""
    fake.configs[2, topic] = {key.replace("_", "."): value for key, value in values.items()}


async def test_retention_is_asked_for_new_topics_and_now_and_then(
    two: FakeCluster, connect_to: ConnectTo, forward: Callable[[float], None]
) -> None:
    """One request to one broker: at first, for a topic that is new, for all each ten minutes."""
    for topic in ("x", "y", "z"):
        set_topic(two, topic, retention_ms="60000", cleanup_policy="delete")
    for node_id in ("1", "2"):
        two.configs[4, node_id] = {"offsets.retention.minutes": "1440"}
    cluster = connect_to(two)
    await cluster.poll()
    snapshot = await cluster.poll()
    assert snapshot.extras.retention_s == {"x": 60.0, "y": 60.0}
    assert snapshot.extras.offsets_retention_s == 86_400.0
    two.add_topic("z", end=3)
    two.groups["a"].commits["z"] = {0: 1}

    await cluster.poll()
    set_topic(two, "x", retention_ms="90000", cleanup_policy="delete,compact")
    forward(configs.RETENTION_REFRESH_S)
    snapshot = await cluster.poll()

    asked = [[r.resource_name for r in a.entity.resources] for a in two.asked("describe_configs")]
    assert [len(names) for names in asked] == [3, 1, 4]
    assert asked[1] == ["z"]
    assert snapshot.extras.retention_s == {"x": 90.0, "y": 60.0, "z": 60.0}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"retention_ms": "60000", "cleanup_policy": "compact"}, {}),
        ({"retention_ms": "60000", "cleanup_policy": "compact,delete"}, {"x": 60.0}),
        ({"retention_ms": "-1", "cleanup_policy": "delete"}, {}),
        ({"cleanup_policy": "delete"}, {}),
        ({"retention_ms": "60000", "cleanup_policy": ""}, {}),
    ],
)
async def test_only_what_deletes_by_age_has_a_retention(
    two: FakeCluster, connect_to: ConnectTo, values: dict[str, str], expected: dict[str, float]
) -> None:
    """Compacted topics, and those that keep all, have none."""
    set_topic(two, "x", **values)
    assert (await connect_to(two).poll()).extras.retention_s == expected


async def test_what_may_not_be_read_is_no_trouble(
    two: FakeCluster, connect_to: ConnectTo, forward: Callable[[float], None]
) -> None:
    """DESCRIBE_CONFIGS is a right no lag needs: nothing is incomplete without it."""
    two.configs = {(2, "x"): None, (2, "y"): None, (4, "1"): None, (4, "2"): None}
    cluster = connect_to(two)
    first = await cluster.poll()
    forward(configs.RETENTION_REFRESH_S)

    second = await cluster.poll()

    assert first.errors == second.errors == ()
    assert len(two.asked("describe_configs")) == 2
    assert first.complete
    assert (second.extras.retention_s, second.extras.offsets_retention_s) == ({}, None)


async def test_a_broker_that_fails_over_configs_is_asked_again(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """It was no answer; the poll is what it was before."""
    set_topic(two, "x", retention_ms="60000", cleanup_policy="delete")
    for broker in two.brokers.values():
        broker.scripts["describe_configs"] = hang_up
    cluster = connect_to(two)
    first = await cluster.poll()
    for broker in two.brokers.values():
        broker.thaw()

    second = await cluster.poll()

    assert (first.complete, first.extras.retention_s) == (True, {})
    assert second.extras.retention_s == {"x": 60.0}


async def test_many_topics_are_asked_for_in_turn(
    two: FakeCluster, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll asks for so many; after some polls all are known."""
    monkeypatch.setattr(configs, "MAX_TOPICS", 2)
    for n in range(5):
        two.add_topic(f"t{n}", end=10)
        set_topic(two, f"t{n}", retention_ms="60000", cleanup_policy="delete")
    two.groups["a"].commits = {f"t{n}": {0: 1} for n in range(5)}
    del two.groups["b"]
    cluster = connect_to(two)

    known = [len((await cluster.poll()).extras.retention_s) for _ in range(4)]

    assert known == [2, 4, 5, 5]
    assert len(two.asked("describe_configs")) == 3


async def test_an_old_broker_is_not_asked_for_what_it_lacks(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Before 1.1, and share groups of 4.0: no error, no request."""
    del two.versions[32], two.versions[90]
    two.groups["s"] = Group({"x": {0: 4}}, coordinator=1, protocol_type="share", type="Share")

    snapshot = await connect_to(two).poll()

    assert snapshot.errors == ()
    assert two.asked("describe_configs") == two.asked("describe_share_group_offsets") == []
    assert snapshot.extras.shares == ()


@pytest.mark.parametrize(("version", "lag"), [(0, None), (1, 6)])
async def test_a_share_group_is_apart_from_the_others(
    two: FakeCluster, connect_to: ConnectTo, version: int, lag: int | None
) -> None:
    """Where it is and, from 4.2 on, how many records it is not done with; never among the rows."""
    two.versions[90] = (0, version)
    two.groups["s"] = Group(
        {"x": {0: 4}, "__internal": {0: 1}, "y": {0: -1}},
        coordinator=2,
        protocol_type="share",
        type="Share",
    )
    two.ends["__internal", 0] = 2

    snapshot = await connect_to(two).poll()

    assert snapshot.extras.shares == (SharePartition("s", "x", 0, 4, lag),)
    assert {row.group for row in compute(snapshot).partitions} == {"a", "b"}
    assert set(snapshot.groups) == {"a", "b"}
    assert len(two.asked("describe_share_group_offsets")) == 1
    assert snapshot.complete


async def test_share_groups_that_cannot_be_read_are_named(
    two: FakeCluster, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other requests' groups are there; nothing is incomplete."""
    monkeypatch.setattr(shares, "CHUNK", 1)
    for name in ("s", "t"):
        two.groups[name] = Group({"x": {0: 4}}, protocol_type="share", type="Share")
    broker = two.brokers[1]

    def answer(asked: Asked) -> Any:
        if asked.entity.groups[0].group_id == "t":
            return broker.answer_describe_share_group_offsets(asked)
        make = asked.schema.make
        values = {"group_id": "s", "topics": (), "error_code": 30, "error_message": None}
        return asked.schema.reply(
            groups=(make("DescribeShareGroupOffsetsResponseGroup", **values),)
        )

    broker.scripts["describe_share_group_offsets"] = answer

    snapshot = await connect_to(two).poll()

    assert [each.group for each in snapshot.extras.shares] == ["t"]
    assert snapshot.errors == ("share group 's': cannot be read: GROUP_AUTHORIZATION_FAILED (30)",)
    assert snapshot.complete


async def test_old_brokers_are_asked_for_states(
    two: FakeCluster, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of their own groups, many in one request; simple ones have none that means anything."""
    monkeypatch.setattr(states, "CHUNK", 2)
    two.versions = KAFKA_2_3
    two.groups["a"].state = "Empty"
    two.groups |= {f"g{n}": Group({"x": {0: 1}}, coordinator=1) for n in range(2)}
    two.groups["simple"] = Group({"x": {0: 1}}, protocol_type="", state="Empty")

    snapshot = await connect_to(two).poll()

    found = {name: group.state for name, group in snapshot.groups.items()}
    assert found == {"a": "Empty", "b": "Stable", "g0": "Stable", "g1": "Stable", "simple": None}
    sizes = [(a.broker, len(a.entity.groups)) for a in two.asked("describe_groups")]
    assert sorted(sizes) == [(1, 1), (1, 2), (2, 1)]


async def test_a_state_that_could_not_be_had_is_unknown(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """An error code, a request that fails: the rows are there, and the poll is complete."""
    two.versions = KAFKA_2_3

    def refuse(asked: Asked) -> Any:
        make = asked.schema.make
        values = {"group_id": "a", "group_state": "", "protocol_type": "", "protocol_data": ""}
        return asked.schema.reply(
            groups=(make("DescribedGroup", error_code=30, members=(), **values),)
        )

    two.brokers[1].scripts["describe_groups"] = refuse
    two.brokers[2].scripts["describe_groups"] = lambda _: b"\xff"

    snapshot = await connect_to(two).poll()

    assert [group.state for group in snapshot.groups.values()] == [None, None]
    assert len(compute(snapshot).partitions) == 2
    assert snapshot.complete
