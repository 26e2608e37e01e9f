"""Who is in a group and what each member has been given to read.

Asked for when somebody looks (`jmxbridge lag`) and once a minute by the lag poll: it takes a
request per coordinator that the other polls do without, and its answer changes at every rebalance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

Row = tuple[str, str, int]
"""group, topic, partition"""


@dataclass(frozen=True, slots=True)
class Member:
    """One consumer. `host` is as the broker saw it, with Java's leading slash.

    `assigned` has topic and partition.
    """

    consumer_id: str
    client_id: str
    host: str
    assigned: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """The members of one group; `state` as the broker spells it."""

    group: str
    state: str
    members: tuple[Member, ...]

    def only(self, wants_topic: Callable[[str], bool]) -> "Membership":
        """Return the same members without the topics that are not looked at."""
        members = (
            replace(member, assigned=tuple(at for at in member.assigned if wants_topic(at[0])))
            for member in self.members
        )
        return replace(self, members=tuple(members))


def uncommitted(
    membership: Membership, commits: Mapping[str, Mapping[int, int | None]]
) -> list[tuple[str, int]]:
    """Return what the members are assigned and the group has never committed.

    One whose commit could not be read (None) is not among them: there may be one.
    """
    return [
        (topic, index)
        for member in membership.members
        for topic, index in member.assigned
        if (offset := commits.get(topic, {}).get(index, -1)) is not None and offset < 0
    ]


def owners(memberships: Mapping[str, Membership]) -> dict[Row, Member]:
    """Return the member that each partition of each group is assigned to."""
    return {
        (group, *at): member
        for group, membership in memberships.items()
        for member in membership.members
        for at in member.assigned
    }
