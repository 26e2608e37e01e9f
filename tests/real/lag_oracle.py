"""A cluster's lag from Kafka's own command and from us, for comparison."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from demo.servers import Kafka
from jmxbridge.kafka.cluster.cluster import Cluster
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.lag.report.table import COLUMNS, GroupTable
from jmxbridge.lag.rows import PartitionLag, compute_lags

SETTLED_S = 60.0
"""Longest wait for a broker to finish what it has confirmed: a busy machine takes seconds."""

PAUSE_S = 0.1

Line = tuple[str, ...]


def java_lines(kafka: Kafka, *which: str) -> list[Line]:
    """Return the lines of `kafka-consumer-groups.sh --describe` for these groups, by column."""
    out = kafka.tool("consumer.group.ConsumerGroupCommand", "--describe", *which)
    lines = [tuple(line.split()) for line in out.splitlines() if line.strip()]
    assert all(len(line) == len(COLUMNS) for line in lines), out
    return [line for line in lines if line != COLUMNS]


def our_lines(made: Sequence[GroupTable]) -> list[Line]:
    """Return the same lines from our tables."""
    return [
        tuple(getattr(row, name) or "-" for name in list(row.__dataclass_fields__)[: len(COLUMNS)])
        for table in made
        for row in table.rows
    ]


def rows_of(snapshot: Snapshot, group: str) -> list[PartitionLag]:
    """Return one group's rows by topic and partition."""
    return sorted(row for row in compute_lags(snapshot).partitions if row.group == group)


async def poll_until(cluster: Cluster, done: Callable[[Snapshot], bool]) -> Snapshot:
    """Poll until the broker has settled."""
    deadline = time.monotonic() + SETTLED_S
    while time.monotonic() < deadline:
        with contextlib.suppress(KafkaUnavailable):
            snapshot = await cluster.poll()
            if done(snapshot):
                return snapshot
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("the broker did not come to rest")
