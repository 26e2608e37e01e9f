"""How long until unread records may be deleted: what is known, never what is hoped."""

import pytest

from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.expiry import retention_risk_s
from jmxbridge.lag.rows import PartitionLag

HOUR_S = 3600.0
KEPT = {"t": HOUR_S}


def row(
    offset: int, *, partition: int = 0, topic: str = "t", start: int | None = 0
) -> PartitionLag:
    """One row of a topic that ends at 10."""
    return PartitionLag("g", topic, partition, offset, 10, max(0, 10 - offset), 0, start)


@pytest.mark.parametrize(
    ("why", "at", "behind", "expected"),
    [
        ("a record of ten minutes has fifty left", row(5), TimeLag(600.0), 3000.0),
        ("about ten minutes, about fifty left", row(5), TimeLag(600.0, approximate=True), 3000.0),
        ("older than it may be: any moment now", row(5), TimeLag(4000.0), 0.0),
        ("deleted unread: it has begun", row(5, start=7), TimeLag(60.0, at_least=True), 0.0),
        ("at least ten minutes: it may be an hour", row(5), TimeLag(600.0, at_least=True), None),
        ("nobody knows its age", row(5), None, None),
        ("where it begins is not known, its age is", row(5, start=None), TimeLag(600.0), 3000.0),
        ("all is read", row(10), TimeLag(0.0), None),
        ("a lag that is allowed is none", row(9), TimeLag(0.0), None),
        ("all is read, and older records are gone", row(10, start=9), TimeLag(0.0), None),
        ("the topic keeps all, or compacts, or nobody said", row(5, topic="u"), TimeLag(9e9), None),
    ],
)
def test_a_partition_has_so_long(
    why: str, at: PartitionLag, behind: TimeLag | None, expected: float | None
) -> None:
    """Seconds until retention.ms, or nothing."""
    assert retention_risk_s([at], [behind], KEPT.get(at.topic)) == expected


def test_a_topic_has_the_shortest_of_its_partitions() -> None:
    """That of which something is known."""
    rows = [row(5), row(6, partition=1), row(7, partition=2)]
    delays = [TimeLag(600.0), TimeLag(900.0), TimeLag(1.0, at_least=True)]
    assert retention_risk_s(rows, delays, HOUR_S) == 2700.0
