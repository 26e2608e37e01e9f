"""Countdowns to deletion: of unread records by retention, of the offsets of an empty group.

Theory. With `cleanup.policy=delete` a segment is deleted when its youngest record is older than
`retention.ms`. So a record may be deleted as soon as it is that old itself; it stays longer while
its segment holds younger ones, the open segment above all.

Kafka deletes the offsets of a group `offsets.retention.minutes` (default: seven days) after its
last member left. The lag of a consumer that is stopped for longer just ends, and when the consumer
starts again it begins at the oldest record or at the newest, by its `auto.offset.reset`.

Rules:

1. The countdown of records ends when the oldest unread one reaches that age. It needs a known age:
   a lower bound gives no countdown. It is 0 where records were deleted unread already.
2. Topics that are only compacted lose no record. Deletion by size (`retention.bytes`) happens at a
   time that cannot be foreseen and gives no countdown; where both apply, deletion by age is the
   latest moment.
3. The countdown of a group is an upper bound: a group that was empty when it was first seen has
   been empty for longer than we know.
4. Groups whose members the broker never sees (`assign()`, Flink, Spark) are always empty to it.
   Their offsets expire by partition, each that long after its last commit, whose time Kafka does
   not tell. They have no countdown.
"""

from collections.abc import Iterable, Mapping

from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.rows import PartitionLag
from jmxbridge.times import NS

OFFSETS_RETENTION_S = 7 * 86_400.0
"""Kafka's default since 2.0."""


def retention_risk_s(
    rows: Iterable[PartitionLag], time_lags: Iterable[TimeLag | None], retention_s: float | None
) -> float | None:
    """Return the seconds until retention may delete unread records of one group and topic.

    `time_lags` pairs with `rows`; the partition nearest to deletion counts. `retention_s` is how
    long the topic keeps records, None where it does not delete by age.
    """
    if retention_s is None:
        return None
    oldest_s: float | None = None
    for row, time_lag in zip(rows, time_lags, strict=True):
        if not row.lag:
            continue
        if row.expired:
            return 0.0
        # A lag within allowed_lag has 0 seconds too: its real age is not known.
        if time_lag is not None and not time_lag.at_least and time_lag.seconds > (oldest_s or 0.0):
            oldest_s = time_lag.seconds
    return None if oldest_s is None else max(0.0, retention_s - oldest_s)


class OffsetsExpiry:
    """Since when each group has been seen empty, in ns since the epoch.

    `retention_s` overrides what the brokers report.
    """

    def __init__(
        self, empty_since: Mapping[str, int] | None = None, *, retention_s: float | None = None
    ) -> None:
        self.empty_since = dict(empty_since or {})
        self._retention_s = retention_s

    def retention_s(self, snapshot: Snapshot) -> float:
        """Return how long an empty group keeps its offsets: the file, the brokers, the default."""
        choices = (self._retention_s, snapshot.extras.offsets_retention_s, OFFSETS_RETENTION_S)
        return next(choice for choice in choices if choice is not None)

    def take(self, snapshot: Snapshot, time_ns: int) -> dict[str, float]:
        """Take one poll's group states; return the seconds left to empty groups with commits."""
        retention_s = self.retention_s(snapshot)
        left_s: dict[str, float] = {}
        for name, group in snapshot.groups.items():
            if group.state is None:
                continue
            if group.state.lower() != "empty" or group.kind == "simple":
                self.empty_since.pop(name, None)
            elif snapshot.commits.get(name):
                # Never in the future: the clock may have been set back.
                since_ns = min(time_ns, self.empty_since.get(name, time_ns))
                self.empty_since[name] = since_ns
                left_s[name] = max(0.0, retention_s - (time_ns - since_ns) / NS)
        # A group whose broker did not answer may still exist. Every poll may be incomplete (a
        # partition without a leader), so groups reported gone are forgotten in those too.
        self.empty_since = {
            name: since_ns
            for name, since_ns in self.empty_since.items()
            if name not in snapshot.gone and (name in snapshot.groups or not snapshot.complete)
        }
        return left_s
