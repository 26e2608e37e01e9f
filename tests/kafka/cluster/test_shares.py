"""fetch_shares: offsets and lag of share groups, apart from other groups."""

from typing import Any

import pytest

from jmxbridge.kafka.cluster import shares
from jmxbridge.kafka.facts.extras import SharePartition
from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_answers import Asked, Group
from tests.kafka.fake_cluster import FakeCluster, hang_up
from tests.kafka.polling import ConnectTo


@pytest.mark.parametrize(("version", "lag"), [(0, None), (1, 6)])
async def test_fetch_shares_reads_start_offsets_and_lag(
    two: FakeCluster, connect_to: ConnectTo, version: int, lag: int | None
) -> None:
    """The number of unfinished records since 4.2; share groups are never among the rows."""
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
    assert {row.group for row in compute_lags(snapshot).partitions} == {"a", "b"}
    assert set(snapshot.groups) == {"a", "b"}
    assert len(two.asked("describe_share_group_offsets")) == 1
    assert snapshot.complete


async def test_fetch_shares_names_groups_that_cannot_be_read(
    two: FakeCluster, connect_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The groups of other requests are there; the poll is complete."""
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

    assert [partition.group for partition in snapshot.extras.shares] == ["t"]
    assert snapshot.errors == ("share group 's': cannot be read: GROUP_AUTHORIZATION_FAILED (30)",)
    assert snapshot.complete


async def test_fetch_shares_leaves_out_a_broker_that_fails(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """Its share groups are missing, the rows of all other groups are there."""
    two.groups["s"] = Group({"x": {0: 4}}, coordinator=1, protocol_type="share", type="Share")
    two.groups["t"] = Group({"y": {0: 4}}, coordinator=2, protocol_type="share", type="Share")
    two.brokers[1].scripts["describe_share_group_offsets"] = hang_up

    snapshot = await connect_to(two).poll()

    assert [partition.group for partition in snapshot.extras.shares] == ["t"]
    assert len(compute_lags(snapshot).partitions) == 2
    assert snapshot.complete
