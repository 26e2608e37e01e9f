"""One sentence about a group, from one look: how far behind, where most of it is, and why.

Rule: what one look cannot tell is not guessed. Whether a group with members falls behind or catches
up takes several, and is the status that `run` writes.
"""

from jmxbridge.lag.report.table import GroupTable, Row

_WHY = {
    "empty": "nobody reads: it has no members",
    "dead": "nobody reads: it has no members",
    "preparingrebalance": "nobody reads while it rebalances",
    "completingrebalance": "nobody reads while it rebalances",
    "assigning": "some may not read while it rebalances",
    "reconciling": "some may not read while it rebalances",
}


def total_lag(table: GroupTable) -> int:
    """The records that wait on all partitions whose lag is known."""
    return sum(lag for _, lag in _known(table) if lag > 0)


def diagnose(table: GroupTable) -> str | None:
    """Return what to say of a group after its name; None where no lag is known."""
    known = _known(table)
    if not known:
        return None
    behind = [(lag, row) for row, lag in known if lag > 0]
    parts = []
    if behind:
        most, where = max(behind, key=lambda each: each[0])
        said = f"is {_count(total_lag(table), 'record')} behind on {len(behind)} of "
        said += _count(len(known), "partition")
        if len(behind) > 1:
            said += f", {most:,} of them on {where.topic} {where.partition}"
        parts += [said, *_reasons(table, [row for _, row in behind])]
    else:
        parts.append("has read everything")
    if ahead := sum(lag < 0 for _, lag in known):
        on = _count(ahead, "partition")
        parts.append(f"beyond the end on {on}: a topic was recreated, or lost data")
    if unknown := sum(row.current_offset is not None and row.lag is None for row in table.rows):
        parts.append(f"{_count(unknown, 'partition')} could not be read")
    return "; ".join(parts)


_SIMPLE = "whether anybody reads cannot be seen: it keeps offsets without members"


def _reasons(table: GroupTable, behind: list[Row]) -> list[str]:
    if table.simple:  # assign(), Flink, Spark: to the broker they are always empty
        return [_SIMPLE]
    why = _WHY.get((table.state or "").lower())
    if why is not None:
        return [why]
    if all(row.consumer_id is None for row in table.rows):
        return []  # the broker may not see its members: assign(), Flink, Spark
    free = sum(row.consumer_id is None for row in behind)
    return [] if not free else [f"assigned to no member: {free} of these"]


def _known(table: GroupTable) -> list[tuple[Row, int]]:
    return [(row, int(row.lag)) for row in table.rows if row.lag is not None]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
