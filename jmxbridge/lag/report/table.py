"""What `kafka-consumer-groups.sh --describe` prints, as rows.

Rule: the same columns, the same numbers, `-` (None here) in the same places. Groups come by name,
as there. Within a group come the partitions of the members, those with most partitions first, then
what is committed and assigned to nobody. Partitions come by topic and number; there, in the order
of a hash table.

A group that reads committed records only ends where the first open transaction begins, as in polls;
there, all groups have the same end.

Where the command gives up (a topic that is deleted, a coordinator that does not answer) the row
has no end, or the group no rows and a remark, and the others go on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jmxbridge.kafka.facts.members import Member
from jmxbridge.kafka.facts.snapshot import Commits, Description, Partition

COLUMNS = (
    "GROUP",
    "TOPIC",
    "PARTITION",
    "CURRENT-OFFSET",
    "LOG-END-OFFSET",
    "LAG",
    "CONSUMER-ID",
    "HOST",
    "CLIENT-ID",
)

_REMARKS = {
    "dead": "does not exist",
    "empty": "has no active members",
    "preparingrebalance": "is rebalancing",
    "completingrebalance": "is rebalancing",
    "assigning": "is rebalancing",
    "reconciling": "is rebalancing",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line, in the order of COLUMNS; None is printed as `-`."""

    group: str
    topic: str
    partition: str
    current_offset: str | None
    log_end_offset: str | None
    lag: str | None
    consumer_id: str | None
    host: str | None
    client_id: str | None

    @property
    def place(self) -> tuple[str, str, int]:
        """Group, topic and partition."""
        return self.group, self.topic, int(self.partition)


@dataclass(frozen=True, slots=True)
class GroupTable:
    """The rows of one group. `exists` is false if the cluster says there is no such group.

    `remark` is what to say of the group beside its rows, to follow its name: "is rebalancing".
    `simple` is true of groups that keep offsets without members: they are Empty while they run too.
    """

    group: str
    rows: tuple[Row, ...]
    exists: bool = True
    state: str | None = None
    remark: str | None = None
    simple: bool = False


def tables(description: Description) -> tuple[GroupTable, ...]:
    """Make a table for each group described and each that is missing, by name."""
    made = [_table(name, description) for name in description.snapshot.groups]
    made += [
        GroupTable(name, (), exists=False, remark=_REMARKS["dead"]) for name in description.missing
    ]
    return tuple(sorted(made, key=lambda table: table.group))


def _table(name: str, description: Description) -> GroupTable:
    membership = description.memberships.get(name)
    state = membership.state if membership else description.snapshot.groups[name].state
    commits = description.snapshot.commits.get(name)
    if commits is None:
        remark = "could not be read: its coordinator did not answer"
        return GroupTable(name, (), state=state, remark=remark)
    members = membership.members if membership else ()
    spelt = (state or "").lower()
    return GroupTable(
        group=name,
        rows=tuple(_rows(name, commits, members, description)),
        exists=spelt != "dead",
        state=state,
        remark=_REMARKS.get(spelt),
        simple=description.snapshot.groups[name].kind == "simple",
    )


def _rows(
    group: str, commits: Commits, members: Iterable[Member], description: Description
) -> Iterator[Row]:
    snapshot = description.snapshot
    ends = snapshot.end_offsets
    committed_ends = snapshot.stable_ends if group in snapshot.read_committed else ends
    free = {(topic, index) for topic, offsets in commits.items() for index in offsets}

    def row(at: Partition, member: Member | None) -> Row:
        topic, index = at
        offset = commits.get(topic, {}).get(index)
        if offset is not None and offset < 0:
            offset = None
        end = (ends if offset is None else committed_ends).get(topic, {}).get(index)
        return Row(
            group=group,
            topic=topic,
            partition=str(index),
            current_offset=_text(offset),
            log_end_offset=_text(end),
            lag=_text(end - offset) if end is not None and offset is not None else None,
            consumer_id=member.consumer_id if member else None,
            host=member.host if member else None,
            client_id=member.client_id if member else None,
        )

    for member in sorted(members, key=lambda m: (-len(m.assigned), m.consumer_id)):
        for at in sorted(member.assigned):
            free.discard(at)
            yield row(at, member)
    for at in sorted(free):
        yield row(at, None)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
