"""GroupCommits: partitions to read, groups that vanished, completeness."""

from dataclasses import replace
from typing import Any

import pytest

from jmxbridge.kafka.cluster.group_commits import GroupCommits
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.snapshot import Group
from tests.kafka.fake_cluster import FakeCluster
from tests.kafka.polling import ConnectTo, groups_with_rows


async def test_partitions_leave_out_negative_commits(
    two: FakeCluster, connect_to: ConnectTo
) -> None:
    """-1 from a coordinator means uncommitted: no row, and no end is requested."""
    two.groups["a"].commits["x"][0] = -1

    snapshot = await connect_to(two).poll()

    assert "x" not in {t.name for a in two.asked("list_offsets") for t in a.entity.topics}
    assert groups_with_rows(snapshot) == {"b"}
    assert snapshot.complete


@pytest.fixture
async def read() -> GroupCommits:
    """Two groups with commits, and one that is gone."""
    return GroupCommits(
        budget=PollBudget(1.0),
        groups={"a": Group("a", 1), "b": Group("b", 2)},
        commits={"a": {"x": {0: 4, 1: -1}}, "b": {"x": {2: 0}, "y": {0: 5}}},
        gone=frozenset({"old"}),
        missing=frozenset({"old"}),
    )


def test_partitions_are_those_of_all_groups(read: GroupCommits) -> None:
    """Committed partitions, by topic."""
    assert read.partitions() == {"x": {0, 2}, "y": {0}}


def test_partitions_are_those_of_the_groups_named(read: GroupCommits) -> None:
    """As for groups that read committed records."""
    assert read.partitions(["a"]) == {"x": {0}}


def test_with_vanished_adds_commits_and_names(read: GroupCommits) -> None:
    """A new value: the commits that were read are unchanged."""
    merged = read.with_vanished({"old": {"z": {0: 3}}})

    assert merged.vanished == {"old"}
    assert merged.partitions() == {"x": {0, 2}, "y": {0}, "z": {0}}
    assert merged.complete
    assert "old" not in read.commits


@pytest.mark.parametrize(
    "change",
    [
        {"all_listed": False},
        {"missing": frozenset({"old", "unheard"})},
        {"commits": {"a": {}}},
        {"commits": {"a": {"x": {0: None}}, "b": {}}},
    ],
    ids=["a list is missing", "a group was not found", "a coordinator failed", "a commit failed"],
)
def test_complete_is_false_if_anything_is_missing(
    read: GroupCommits, change: dict[str, Any]
) -> None:
    """Each reason is enough."""
    assert read.complete
    assert not replace(read, **change).complete
