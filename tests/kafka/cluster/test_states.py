"""with_states: group states from brokers that do not list them."""

from typing import Any

import pytest

from jmxbridge.kafka.cluster import states
from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import KAFKA_2_3, FakeCluster
from tests.kafka.polling import ConnectTo


async def test_with_states_reads_states_from_old_brokers(
    two: FakeCluster, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of their own groups, many in one request; a simple group has no state."""
    monkeypatch.setattr(states, "CHUNK", 2)
    two.versions = KAFKA_2_3
    two.groups["a"].state = "Empty"
    two.groups |= {f"g{n}": Group({"x": {0: 1}}, coordinator=1) for n in range(2)}
    two.groups["simple"] = Group({"x": {0: 1}}, protocol_type="", state="Empty")

    snapshot = await connect_to(two).poll()

    known = {name: group.state for name, group in snapshot.groups.items()}
    assert known == {"a": "Empty", "b": "Stable", "g0": "Stable", "g1": "Stable", "simple": None}
    sizes = [(a.broker, len(a.entity.groups)) for a in two.asked("describe_groups")]
    assert sorted(sizes) == [(1, 1), (1, 2), (2, 1)]


async def test_with_states_leaves_a_failed_state_unknown(
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
    assert len(compute_lags(snapshot).partitions) == 2
    assert snapshot.complete
