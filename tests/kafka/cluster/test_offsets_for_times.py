"""OffsetsForTimes: records by time, one request a leader, and failures that harm no row."""

from typing import Any

import pytest

from jmxbridge.kafka.cluster import offsets_for_times
from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.lag_history import LagHistory
from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_answers import Asked
from tests.kafka.fake_cluster import FakeCluster, hang_up
from tests.kafka.polling import ConnectTo, Forward

NS = 1_000_000_000
START_MS = 1_700_000_000_000
NOW_MS = START_MS + 3_600_000


def by_time(asked: list[Asked]) -> list[Asked]:
    """The requests among these that ask for records by time."""
    return [a for a in asked if a.entity.topics[0].partitions[0].timestamp >= 0]


async def test_ask_finds_the_delay_of_a_stopped_group_step_by_step(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """One request a leader and poll, until the record itself is found; then none."""
    two.written["x", 0] = [START_MS + n * 60_000 for n in range(10)]
    two.written["y", 0] = [START_MS + n * 60_000 for n in range(10)]
    cluster, history = connect_to(two), LagHistory(interval_ns=10 * NS)
    requests = []
    for n in range(40):
        before = len(two.requests)
        snapshot = await cluster.poll(times_ms=history.searches.questions())
        asked = by_time([a for a in two.requests[before:] if a.api == "list_offsets"])
        requests.append(sorted(a.broker for a in asked))
        now_ns = NOW_MS * 1_000_000 + n * 10 * NS
        assessment = history.take(compute_lags(snapshot), snapshot, now_ns)

    assert requests[0] == []
    assert requests[1] == [1, 2]
    assert all(len(set(brokers)) == len(brokers) for brokers in requests)
    assert requests[-10:] == [[]] * 10
    assert [judged.time_lag for judged in assessment.partitions] == [
        TimeLag(3600 - 240 + 390.0),
        TimeLag(3600 - 300 + 390.0),
    ]


async def test_ask_sends_one_request_to_each_leader(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Each partition with a time of its own."""
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
async def test_ask_settles_only_what_can_never_be_searched(
    two: FakeCluster, connect_to: ConnectTo, error: int, expected: dict[Any, Any]
) -> None:
    """Message format 0 can never be searched; after any other error the next poll asks again."""
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
    assert len(compute_lags(snapshot).partitions) == 2
    assert snapshot.complete


async def test_ask_spares_a_leader_that_failed(
    two: FakeCluster, connect_to: ConnectTo, forward: Forward
) -> None:
    """Its rows are there, and so are the answers of the other leader; it is spared for a while."""
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

    for incomplete in (snapshot, resting):
        assert incomplete.extras.offsets_for_times == {("y", 0): TimestampedOffset(0, START_MS)}
        assert len(compute_lags(incomplete).partitions) == 2
    assert set(rested.extras.offsets_for_times) == questions.keys()
