"""Types of the fixtures for polls of a fake cluster, and views of a snapshot's rows."""

from collections.abc import Awaitable, Callable
from typing import Any

from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.rows import compute_lags
from tests.kafka.fake_cluster import FakeCluster

StartFake = Callable[..., Awaitable[FakeCluster]]
ConnectTo = Callable[..., Cluster]
Outlast = Callable[..., Awaitable[Any]]
Forward = Callable[[float], None]


def groups_with_rows(snapshot: Snapshot) -> set[str]:
    """Return the groups that have rows."""
    return {row.group for row in compute_lags(snapshot).partitions}


def lags(snapshot: Snapshot, group: str) -> list[int]:
    """Return the lags of one group's rows."""
    return [row.lag for row in compute_lags(snapshot).partitions if row.group == group]
