"""Diagnosis of a group in one sentence, from one look: how far behind it is, where, and why.

Rule: nothing is guessed that one look cannot tell. Whether a group with members falls behind or
catches up takes several looks, and is the status that `run` writes.
"""

from jmxbridge.lag.report.table import GroupTable, TableRow
from jmxbridge.plural import counted

_REASONS_BY_STATE = {
    "empty": "no consumer reads: it has no members",
    "dead": "no consumer reads: it has no members",
    "preparingrebalance": "no consumer reads while it rebalances",
    "completingrebalance": "no consumer reads while it rebalances",
    "assigning": "some consumers may not read while it rebalances",
    "reconciling": "some consumers may not read while it rebalances",
}

_SIMPLE = "it keeps offsets without members, so whether anything reads cannot be seen"


def total_lag(table: GroupTable) -> int:
    """Return the records that wait on all partitions whose lag is known."""
    return sum(lag for _, lag in _known_lags(table) if lag > 0)


def diagnose(table: GroupTable) -> str | None:
    """Return a diagnosis to follow the group's name; None where no lag is known."""
    lags = _known_lags(table)
    if not lags:
        return None
    behind = [(lag, row) for row, lag in lags if lag > 0]
    parts = []
    if behind:
        most, worst_row = max(behind, key=lambda pair: pair[0])
        partitions = f"{len(behind)} of {counted(len(lags), 'partition')}"
        progress = f"is {counted(total_lag(table), 'record')} behind on {partitions}"
        if len(behind) > 1:
            progress += f", {most:,} of them on {worst_row.topic} {worst_row.partition}"
        parts += [progress, *_reasons(table, [row for _, row in behind])]
    else:
        parts.append("has read everything" + _held_up([row for row, _ in lags]))
    if ahead := sum(lag < 0 for _, lag in lags):
        partitions = counted(ahead, "partition")
        parts.append(f"beyond the end on {partitions}: a topic was recreated, or lost data")
    if unknown := sum(row.current_offset is not None and row.lag is None for row in table.rows):
        parts.append(f"{counted(unknown, 'partition')} could not be read")
    return "; ".join(parts)


def _held_up(rows: list[TableRow]) -> str:
    """Return what a group that reads committed records only cannot read yet."""
    records = sum(
        int(row.log_end_offset) - int(row.stable_end_offset)
        for row in rows
        if row.log_end_offset is not None and row.stable_end_offset is not None
    )
    return f" but {counted(records, 'record')} behind an open transaction" if records else ""


def _reasons(table: GroupTable, behind: list[TableRow]) -> list[str]:
    if table.kind == "simple":  # assign(), Flink, Spark: to the broker they are always empty
        return [_SIMPLE]
    reason = _REASONS_BY_STATE.get((table.state or "").lower())
    if reason is not None:
        return [reason]
    if all(row.consumer_id is None for row in table.rows):
        return []  # the broker may not see its members: assign(), Flink, Spark
    unassigned = sum(row.consumer_id is None for row in behind)
    return [] if not unassigned else [f"assigned to no member: {unassigned} of these"]


def _known_lags(table: GroupTable) -> list[tuple[TableRow, int]]:
    return [(row, int(row.lag)) for row in table.rows if row.lag is not None]
