"""Members of every group, as last described: a poll asks for them once a minute."""

from collections.abc import Mapping

from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.times import NS

DESCRIBE_EVERY_NS = 60 * NS
"""A rebalance is seen within this time."""


class KnownMembers:
    """Memberships by group; a group that could not be described keeps those it had."""

    def __init__(self) -> None:
        self.memberships: Mapping[str, Membership] = {}
        self._described_ns: int | None = None

    def are_due(self, time_ns: int) -> bool:
        """Tell whether the poll at this instant is to ask for members."""
        last_ns = self._described_ns
        return last_ns is None or not 0 <= time_ns - last_ns < DESCRIBE_EVERY_NS

    def take(self, snapshot: Snapshot, time_ns: int) -> None:
        """Take the members of one poll, if it asked for them."""
        if snapshot.memberships is None:
            return
        self._described_ns = time_ns
        earlier = {
            group: membership
            for group, membership in self.memberships.items()
            if group in snapshot.groups
        }
        self.memberships = earlier | dict(snapshot.memberships)
