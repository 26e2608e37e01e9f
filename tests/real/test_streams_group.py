"""Streams groups (KIP-1071) on a real broker: polled like other groups, members described."""

import asyncio
from pathlib import Path

import pytest

from demo.servers import Client, Kafka
from demo.streams import Streams
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.members import Member
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.rows import compute_lags

pytestmark = pytest.mark.real

VERSION = "4.2.0"
"""The first that has them for good."""

TIMEOUT_S = 60.0


def members(snapshot: Snapshot, group: str) -> tuple[Member, ...]:
    """Return the known members of a group."""
    membership = (snapshot.memberships or {}).get(group)
    return membership.members if membership else ()


async def test_members_of_a_streams_group_have_their_source_partitions(tmp_path: Path) -> None:
    """The member has the partitions of its tasks' source topics, without internal topics."""
    group = "counting-orders"
    with Kafka(tmp_path / "kafka", version=VERSION) as kafka:
        with Client(kafka) as client:
            client.create("orders", 2)
            client.produce("orders", 20)
        cluster = Cluster([("127.0.0.1", kafka.port)], timeout_s=TIMEOUT_S)
        (tmp_path / "streams").mkdir()
        with Streams(kafka, "orders", folder=tmp_path / "streams", protocol="streams"):
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    snapshot = await cluster.poll(describe=True)
                    while not any(member.assigned for member in members(snapshot, group)):
                        snapshot = await cluster.poll(describe=True)
            finally:
                await cluster.close()

    assert snapshot.describe_errors == ()
    assert snapshot.groups[group].kind == "streams"
    (member,) = members(snapshot, group)
    assert member.assigned == (("orders", 0), ("orders", 1))
    assert member.client_id.startswith(group)
    assert {row.topic for row in compute_lags(snapshot).partitions} <= {"orders"}
