"""Table of `kafka-consumer-groups.sh --describe`, as rows.

Rule: the same columns, the same numbers, `-` (None here) in the same places. Groups are sorted by
name, as in the command. In a group, the partitions of members come first, members with most
partitions first, then partitions that are committed and not assigned.

It differs from the command in three ways:

1. Partitions are sorted by topic and number; the command has them in the order of a hash table.
2. For a group that reads committed records only, the lag ends where the oldest open transaction
   begins, as in polls; the command counts to the same end for all groups.
3. Where the command gives up (a deleted topic, a coordinator that does not answer), the row has no
   end, or the group no rows and a remark, and the other groups are still printed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from jmxbridge.kafka.facts.members import Member
from jmxbridge.kafka.facts.snapshot import Commits, Description, Group, Partition
from jmxbridge.times import in_utc

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

SHARE_COLUMNS = ("GROUP", "TOPIC", "PARTITION", "START-OFFSET", "LAG")
"""Columns of `kafka-share-groups.sh --describe`: a share group commits no offsets (KIP-932)."""

_REMARKS = {
    "dead": "does not exist",
    "empty": "has no active members",
    "preparingrebalance": "is rebalancing",
    "completingrebalance": "is rebalancing",
    "assigning": "is rebalancing",
    "reconciling": "is rebalancing",
}


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line, in the order of COLUMNS; None is printed as `-`.

    The row of a share group has a start offset in place of a committed one: that of the oldest
    record that is not finished. `stable_end_offset` is the last stable offset,
    for groups that read committed records only.
    """

    group: str
    topic: str
    partition: str
    current_offset: str | None
    log_end_offset: str | None
    lag: str | None
    consumer_id: str | None
    host: str | None
    client_id: str | None
    start_offset: str | None = None
    stable_end_offset: str | None = None

    @property
    def place(self) -> tuple[str, str, int]:
        """Return group, topic and partition."""
        return self.group, self.topic, int(self.partition)


@dataclass(frozen=True, slots=True)
class GroupTable:
    """Rows of one group. `exists` is False if the cluster says there is no such group.

    The rows of such a group are those of its last commits, if `last_seen_ns` says when it had them.

    `remark` follows the group's name in a sentence next to its rows: "is rebalancing". `kind` is
    None for a group that does not exist, "share" for a share group, "simple" for one that keeps
    offsets without members: it is Empty even while it reads.
    """

    group: str
    rows: tuple[TableRow, ...]
    exists: bool = True
    state: str | None = None
    remark: str | None = None
    kind: str | None = None
    last_seen_ns: int | None = None


def tables(
    description: Description, last_seen_ns: Mapping[str, int] = {}
) -> tuple[GroupTable, ...]:
    """Return a table for each group that was described, has vanished, or is missing, by name.

    `last_seen_ns` says when the vanished groups were last seen.
    """
    snapshot = description.snapshot
    described = [_table(name, description) for name in snapshot.groups]
    described += [
        _vanished_table(name, description, last_seen_ns[name]) for name in snapshot.vanished
    ]
    described += [_share_table(group, description) for group in description.shares]
    missing = [
        GroupTable(name, (), exists=False, remark=_REMARKS["dead"]) for name in description.missing
    ]
    return tuple(sorted([*described, *missing], key=lambda table: table.group))


def _table(name: str, description: Description) -> GroupTable:
    membership = description.memberships.get(name)
    state = membership.state if membership else description.snapshot.groups[name].state
    kind = description.snapshot.groups[name].kind
    commits = description.snapshot.commits.get(name)
    if commits is None:
        why = description.snapshot.refusals.get(name, "its coordinator did not answer")
        return GroupTable(name, (), state=state, remark=f"could not be read: {why}", kind=kind)
    members = membership.members if membership else ()
    lower_state = (state or "").lower()
    return GroupTable(
        group=name,
        rows=tuple(_rows(name, commits, members, description)),
        exists=lower_state != "dead",
        state=state,
        remark=_REMARKS.get(lower_state),
        kind=kind,
    )


def _vanished_table(name: str, description: Description, seen_ns: int) -> GroupTable:
    return GroupTable(
        group=name,
        rows=tuple(_rows(name, description.snapshot.commits[name], (), description)),
        exists=False,
        remark=(
            "is no longer in Kafka; its lag is counted from its last commits, seen at"
            f" {in_utc(seen_ns)}"
        ),
        last_seen_ns=seen_ns,
    )


def _share_table(group: Group, description: Description) -> GroupTable:
    rows = tuple(
        TableRow(
            group=group.name,
            topic=share.topic,
            partition=str(share.partition),
            current_offset=None,
            log_end_offset=None,
            lag=_text(share.lag),
            consumer_id=None,
            host=None,
            client_id=None,
            start_offset=str(share.start_offset),
        )
        for share in sorted(description.snapshot.extras.shares)
        if share.group == group.name
    )
    remarks = [_REMARKS.get((group.state or "").lower())]
    if not rows:
        remarks.append("is a share group, and its brokers know no start offset of it")
    elif all(row.lag is None for row in rows):
        remarks.append("is a share group, whose lag brokers know from Kafka 4.2 on")
    return GroupTable(
        group=group.name,
        rows=rows,
        state=group.state,
        remark="; ".join(filter(None, remarks)) or None,
        kind=group.kind,
    )


def _rows(
    group: str, commits: Commits, members: Iterable[Member], description: Description
) -> Iterator[TableRow]:
    snapshot = description.snapshot
    reads_committed = group in snapshot.read_committed
    unassigned = {(topic, index) for topic, offsets in commits.items() for index in offsets}

    def row(partition: Partition, member: Member | None) -> TableRow:
        topic, index = partition
        offset = commits.get(topic, {}).get(index)
        if offset is not None and offset < 0:
            offset = None
        end = snapshot.end_offsets.get(topic, {}).get(index)
        stable_end = None
        if reads_committed and offset is not None:
            stable_end = snapshot.stable_ends.get(topic, {}).get(index)
        if end is not None and stable_end is not None:
            end = max(end, stable_end)  # the last stable offset was read after the high watermark
        return TableRow(
            group=group,
            topic=topic,
            partition=str(index),
            current_offset=_text(offset),
            log_end_offset=_text(end),
            lag=_lag(offset, end, stable_end, reads_committed=reads_committed),
            consumer_id=member.consumer_id if member else None,
            host=member.host if member else None,
            client_id=member.client_id if member else None,
            stable_end_offset=_text(stable_end),
        )

    for member in sorted(members, key=lambda m: (-len(m.assigned), m.consumer_id)):
        for partition in sorted(member.assigned):
            unassigned.discard(partition)
            yield row(partition, member)
    for partition in sorted(unassigned):
        yield row(partition, None)


def _lag(
    offset: int | None, end: int | None, stable_end: int | None, *, reads_committed: bool
) -> str | None:
    readable = stable_end if reads_committed else end
    if offset is None or end is None or readable is None:
        return None
    return str(end - offset if offset > end else max(0, readable - offset))


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
