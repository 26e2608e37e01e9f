"""What one look at a group says in one sentence."""

from dataclasses import replace

import pytest

from jmxbridge.lag.report.diagnosis import diagnose, total_lag
from jmxbridge.lag.report.table import GroupTable, TableRow

# (why, state, [(lag, consumer)], sentence)
CASES = [
    ("nothing is known", "Stable", [(None, "c")], None),
    ("caught up", "Stable", [(0, "c")], "has read everything"),
    (
        "one partition needs no place",
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
        "members that have left a partition out",
        "Stable",
        [(3, None), (0, "c")],
        "is 3 records behind on 1 of 2 partitions; assigned to no member: 1 of these",
    ),
    (
        "members nobody sees are no reason",
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
        "what could not be read is said",
        "Stable",
        [(0, "c"), (None, "c")],
        "has read everything; 1 partition could not be read",
    ),
]


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
def test_a_group_in_one_sentence(
    why: str, state: str | None, lags: list[tuple[int | None, str | None]], expected: str | None
) -> None:
    """How far behind, where most of it is, and why."""
    assert diagnose(table(state, lags)) == expected


def test_of_a_group_that_keeps_offsets_alone_nobody_knows_who_reads() -> None:
    """Flink and Spark read by assign(): Empty to the broker, also while they run."""
    running = replace(table("Empty", [(3, None)]), simple=True)

    assert diagnose(running) == (
        "is 3 records behind on 1 of 1 partition; it keeps offsets without members, so whether"
        " anything reads cannot be seen"
    )


def test_what_is_ahead_takes_nothing_off_the_total() -> None:
    """Groups are ordered by it."""
    assert total_lag(table("Stable", [(3, "c"), (-4, "c"), (None, "c")])) == 3
