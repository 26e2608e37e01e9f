"""Diagnosis of a group in one sentence."""

from dataclasses import replace

import pytest

from jmxbridge.lag.report.diagnosis import diagnose, total_lag
from jmxbridge.lag.report.table import GroupTable, TableRow

# (why, state, [(lag, consumer)], sentence)
CASES = [
    ("no lag is known", "Stable", [(None, "c")], None),
    ("caught up", "Stable", [(0, "c")], "has read everything"),
    (
        "a single partition is not named",
        "Empty",
        [(1, None)],
        "is 1 record behind on 1 of 1 partition; no consumer reads: it has no members",
    ),
    (
        "the worst partition is named",
        "Stable",
        [(5, "c"), (1200, "c"), (0, "c")],
        "is 1,205 records behind on 2 of 3 partitions, 1,200 of them on orders 1",
    ),
    (
        "a rebalance",
        "PreparingRebalance",
        [(3, None)],
        "is 3 records behind on 1 of 1 partition; no consumer reads while it rebalances",
    ),
    (
        "a partition assigned to no member",
        "Stable",
        [(3, None), (0, "c")],
        "is 3 records behind on 1 of 2 partitions; assigned to no member: 1 of these",
    ),
    (
        "members the broker does not see are no reason",
        None,
        [(3, None), (0, None), (4, None)],
        "is 7 records behind on 2 of 3 partitions, 4 of them on orders 2",
    ),
    (
        "ahead does not count against behind",
        "Stable",
        [(3, "c"), (-4, "c")],
        "is 3 records behind on 1 of 2 partitions; beyond the end on 1 partition: a topic was"
        " recreated, or lost data",
    ),
    (
        "unreadable partitions are counted",
        "Stable",
        [(0, "c"), (None, "c")],
        "has read everything; 1 partition could not be read",
    ),
]


def test_diagnose_names_records_behind_an_open_transaction() -> None:
    """A group that reads committed records has not read them, and cannot."""
    row = TableRow("g", "t", "0", "6", "2086", "0", "c", "h", "c", stable_end_offset="6")
    caught_up = replace(row, log_end_offset="6")
    unread = replace(row, log_end_offset=None, lag=None)

    def said(*rows: TableRow) -> str | None:
        return diagnose(GroupTable("g", rows, state="Stable"))

    assert said(row) == "has read everything but 2,080 records behind an open transaction"
    assert said(caught_up) == "has read everything"
    assert said(row, unread) == (
        "has read everything but 2,080 records behind an open transaction; 1 partition could not"
        " be read"
    )


def table(state: str | None, lags: list[tuple[int | None, str | None]]) -> GroupTable:
    rows = tuple(
        TableRow(
            "g",
            "orders",
            str(n),
            "1",
            None,
            None if lag is None else str(lag),
            consumer,
            None,
            None,
        )
        for n, (lag, consumer) in enumerate(lags)
    )
    return GroupTable("g", rows, state=state)


@pytest.mark.parametrize(
    ("why", "state", "lags", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_diagnosis_of_a_group(
    why: str, state: str | None, lags: list[tuple[int | None, str | None]], expected: str | None
) -> None:
    """How far behind, where most of it is, and why."""
    assert diagnose(table(state, lags)) == expected


def test_diagnosis_of_a_simple_group_names_no_reader() -> None:
    """Flink and Spark read by assign(): Empty to the broker, even while they read."""
    running = replace(table("Empty", [(3, None)]), kind="simple")

    assert diagnose(running) == (
        "is 3 records behind on 1 of 1 partition; it keeps offsets without members, so whether"
        " anything reads cannot be seen"
    )


def test_total_lag_does_not_subtract_what_is_ahead() -> None:
    """Groups are sorted by it."""
    assert total_lag(table("Stable", [(3, "c"), (-4, "c"), (None, "c")])) == 3
