"""When Kafka will forget what a stopped group had read.

Theory. Kafka deletes the offsets of a group `offsets.retention.minutes` after its last member left:
seven days, where nobody set it. The lag of a consumer that is stopped for longer just ends, and
when it is started again it begins at the oldest record, or at the newest, as it is configured.

Rule: what is told is an upper bound. A group that was empty already when it was first seen has been
so for longer than we know. Groups whose members the broker never sees (`assign()`, Flink, Spark)
are always empty to it; theirs expire by partition, each that long after its last commit, which
nobody tells: nothing is said of them.

How long it is, in this order: what the file says, what the brokers say, Kafka's default.
"""

from collections.abc import Mapping

from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.times import NS

RETENTION_S = 7 * 86_400.0
"""Kafka's default since 2.0."""


class Expiry:
    """Since when each group is seen empty, in ns since the epoch.

    Without `retention_s` the brokers' word counts.
    """

    def __init__(
        self, empty_since: Mapping[str, int] | None = None, *, retention_s: float | None = None
    ) -> None:
        self.empty_since = dict(empty_since or {})
        self._retention_s = retention_s

    def retention_s(self, snapshot: Snapshot) -> float:
        """How long an empty group keeps what it had read."""
        said = (self._retention_s, snapshot.extras.offsets_retention_s, RETENTION_S)
        return next(s for s in said if s is not None)

    def take(self, snapshot: Snapshot, time_ns: int) -> dict[str, float]:
        """Take one poll's states; return the seconds left to empty groups that have commits."""
        retention_s = self.retention_s(snapshot)
        left: dict[str, float] = {}
        for name, group in snapshot.groups.items():
            if group.state is None:
                continue
            if group.state.lower() != "empty" or group.kind == "simple":
                self.empty_since.pop(name, None)
            elif snapshot.commits.get(name):
                # Not in a time to come: the clock was set back.
                since_ns = min(time_ns, self.empty_since.get(name, time_ns))
                self.empty_since[name] = since_ns
                left[name] = max(0.0, retention_s - (time_ns - since_ns) / NS)
        # One whose broker did not answer may still be there; some partition may lack a leader, and
        # every poll be incomplete, for as long as groups come and go.
        self.empty_since = {
            name: since
            for name, since in self.empty_since.items()
            if name not in snapshot.gone and (name in snapshot.groups or not snapshot.complete)
        }
        return left
