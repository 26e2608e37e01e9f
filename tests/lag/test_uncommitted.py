"""Assumed positions for assigned partitions without a commit."""

from dataclasses import replace

import pytest

from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.rows import compute_lags
from jmxbridge.lag.uncommitted import Uncommitted, assume

ASSIGNED = tuple(("t", index) for index in range(5))
MEMBERS = {"g": Membership("g", "Stable", (Member("c-1", "c", "/h", ASSIGNED),))}
SNAPSHOT = Snapshot(
    groups={"g": Group("g", 1), "other": Group("other", 1)},
    commits={"g": {"t": {0: 7, 1: None, 2: -1}}, "other": {}},
    end_offsets={"t": {0: 10, 1: 10, 2: 10, 3: 10}},
    start_offsets={"t": {0: 4, 1: 4, 2: 4, 3: 4, 4: 4}},
)


@pytest.mark.parametrize(
    ("position", "lags"),
    [
        (Uncommitted.SKIP, {0: 3}),
        (Uncommitted.EARLIEST, {0: 3, 2: 6, 3: 6}),
        (Uncommitted.LATEST, {0: 3, 2: 0, 3: 0}),
    ],
)
def test_assume_gives_the_configured_position(position: Uncommitted, lags: dict[int, int]) -> None:
    """All records or none; an unreadable commit or an unknown end gives no row."""
    rows = compute_lags(assume(SNAPSHOT, MEMBERS, position)).partitions
    assert {row.partition: row.lag for row in rows} == lags
    assert SNAPSHOT.commits["g"]["t"][2] == -1


def test_assume_leaves_out_groups_that_read_committed() -> None:
    """Their stable end is not read for partitions without a commit."""
    snapshot = replace(SNAPSHOT, read_committed=frozenset({"g"}), stable_ends={"t": {0: 9}})
    rows = compute_lags(assume(snapshot, MEMBERS, Uncommitted.EARLIEST)).partitions
    assert {row.partition: row.lag for row in rows} == {0: 2}


def test_assume_leaves_out_groups_without_an_answer() -> None:
    """Such a group may have committed everything."""
    snapshot = replace(SNAPSHOT, commits={})
    assert assume(snapshot, MEMBERS, Uncommitted.EARLIEST).commits == {}
