"""The snapshot of a poll while its second half is being read.

Rule: only the poll that fills it sees it; what leaves is frozen.
"""

from collections.abc import Mapping

from jmxbridge.kafka.cluster.group_commits import GroupCommits
from jmxbridge.kafka.cluster.list_offsets import ListedOffsets
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.facts.extras import Extras
from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.snapshot import Snapshot


class SnapshotBuilder:
    """The commits of a poll, and what was read after them so far."""

    def __init__(self, read: GroupCommits) -> None:
        self.read = read
        self.ends = ListedOffsets()
        self.starts: Mapping[str, Mapping[int, int]] = {}
        self.topic_ids: Mapping[str, str] = {}
        self.stable_ends = ListedOffsets()
        self.read_committed: frozenset[str] = frozenset()
        self.memberships: Mapping[str, Membership] | None = None
        self.describe_errors: tuple[str, ...] = ()
        self.extras = Extras()

    def build(self, metadata: MetadataCache) -> Snapshot:
        """Return the snapshot; `metadata` has the brokers to count."""
        read, budget = self.read, self.read.budget
        unavailable = self.ends.unavailable | self.stable_ends.unavailable
        return Snapshot(
            groups=read.groups,
            commits=read.commits,
            end_offsets=self.ends.offsets,
            orphaned=frozenset(self.ends.orphaned),
            unavailable=frozenset(unavailable),
            gone=read.gone,
            complete=read.complete and not unavailable,
            brokers=len(metadata.brokers),
            brokers_answered=len(budget.answered.intersection(metadata.brokers.values())),
            groups_listed=read.listed,
            requests=budget.requests,
            errors=tuple(budget.errors),
            warnings=tuple(error for error in budget.errors if error in budget.warnings),
            phases=budget.phases,
            throttled_ms=budget.throttled_ms,
            vanished=read.vanished,
            start_offsets=self.starts,
            stable_ends=self.stable_ends.offsets,
            read_committed=self.read_committed,
            memberships=self.memberships,
            describe_errors=self.describe_errors,
            extras=self.extras,
            topic_ids=self.topic_ids,
            refusals=read.refusals,
        )
