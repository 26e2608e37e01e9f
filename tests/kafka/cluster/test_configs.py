"""Retentions: retention of topics and of committed offsets, read now and then."""

from typing import Any

import pytest

from jmxbridge.kafka.cluster import configs
from tests.kafka.fake_answers import Asked
from tests.kafka.fake_cluster import FakeCluster, hang_up
from tests.kafka.polling import ConnectTo, Forward


def set_topic(fake: FakeCluster, topic: str, **values: str) -> None:
    """Set keys of a topic; `_` stands for a dot."""
    fake.configs[2, topic] = {key.replace("_", "."): value for key, value in values.items()}


async def test_refresh_reads_new_topics_at_once_and_all_every_ten_minutes(
    two: FakeCluster, connect_to: ConnectTo, forward: Forward
) -> None:
    """Each in one request to one broker."""
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
async def test_refresh_keeps_retention_of_topics_that_delete_by_age_only(
    two: FakeCluster, connect_to: ConnectTo, values: dict[str, str], expected: dict[str, float]
) -> None:
    """Compacted topics, and those that keep everything, have none."""
    set_topic(two, "x", **values)
    assert (await connect_to(two).poll()).extras.retention_s == expected


async def test_refresh_is_silent_without_the_right_to_read_configs(
    two: FakeCluster, connect_to: ConnectTo, forward: Forward
) -> None:
    """No lag needs DESCRIBE_CONFIGS: nothing is incomplete without it."""
    two.configs = {(2, "x"): None, (2, "y"): None, (4, "1"): None, (4, "2"): None}
    cluster = connect_to(two)
    first = await cluster.poll()
    forward(configs.RETENTION_REFRESH_S)

    second = await cluster.poll()

    assert first.errors == second.errors == ()
    assert len(two.asked("describe_configs")) == 2
    assert first.complete
    assert (second.extras.retention_s, second.extras.offsets_retention_s) == ({}, None)


async def test_refresh_asks_again_after_a_broker_failed(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The failure is no answer, and the poll is complete."""
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


async def test_refresh_reads_a_limited_number_of_topics_a_poll(
    two: FakeCluster, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some polls all are known."""
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


async def test_refresh_reports_another_refusal_once(
    two: FakeCluster, connect_to: ConnectTo, forward: Forward
) -> None:
    """An error that is not about rights is noted in the first poll, and not again."""

    def refuse(asked: Asked) -> Any:
        results = tuple(
            asked.schema.make(
                "DescribeConfigsResult",
                error_code=42,
                error_message=None,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
                configs=(),
            )
            for resource in asked.entity.resources
        )
        return asked.schema.reply(results=results)

    for broker in two.brokers.values():
        broker.scripts["describe_configs"] = refuse
    cluster = connect_to(two)
    first = await cluster.poll()
    forward(configs.RETENTION_REFRESH_S)

    second = await cluster.poll()

    assert first.errors == ("retention cannot be read: INVALID_REQUEST (42)",)
    assert (first.complete, second.errors) == (True, ())


async def test_refresh_takes_an_unreadable_reply_as_an_answer(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """The next poll would fail the same way, so it does not ask."""
    for broker in two.brokers.values():
        broker.scripts["describe_configs"] = lambda asked: b"\xff"
    cluster = connect_to(two)
    first = await cluster.poll()

    await cluster.poll()

    assert (first.complete, first.extras.retention_s) == (True, {})
    assert len(two.asked("describe_configs")) == 1
