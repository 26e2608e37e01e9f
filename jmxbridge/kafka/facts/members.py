"""Members of a consumer group, and the partitions assigned to each.

`jmxbridge lag` reads them at every look, the lag poll once a minute: they take one more request per
coordinator, and they change at every rebalance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

GroupPartition = tuple[str, str, int]
"""group, topic, partition"""


@dataclass(frozen=True, slots=True)
class Member:
    """One consumer.

    `host` is the address the broker saw, with Java's leading slash. `assigned` has topic and
    partition.
    """

    consumer_id: str
    client_id: str
    host: str
    assigned: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """The members of one group; `state` is spelt as the broker spells it."""

    group: str
    state: str
    members: tuple[Member, ...]

    def only(self, wants_topic: Callable[[str], bool]) -> "Membership":
        """Return the same members, each with the partitions of the topics wanted."""
        members = []
        for member in self.members:
            assigned = tuple((topic, p) for topic, p in member.assigned if wants_topic(topic))
            members.append(replace(member, assigned=assigned))
        return replace(self, members=tuple(members))


def uncommitted(
    membership: Membership, commits: Mapping[str, Mapping[int, int | None]]
) -> list[tuple[str, int]]:
    """Return the partitions that are assigned to members and that the group has never committed.

    A partition whose commit could not be read (None) is left out: there may be a commit.
    """
    return [
        (topic, partition)
        for member in membership.members
        for topic, partition in member.assigned
        if (offset := commits.get(topic, {}).get(partition, -1)) is not None and offset < 0
    ]


def owners(memberships: Mapping[str, Membership]) -> dict[GroupPartition, Member]:
    """Return the member that each partition of each group is assigned to."""
    return {
        (group, topic, partition): member
        for group, membership in memberships.items()
        for member in membership.members
        for topic, partition in member.assigned
    }
