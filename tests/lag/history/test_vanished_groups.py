"""Vanished groups keep their last commits for a while."""

from jmxbridge.lag.history.vanished_groups import (
    LastCommits,
    VanishedGroups,
    readable,
    without_partitions,
)
from jmxbridge.times import NS

BILLING = {"orders": {0: 4, 1: 7}}


def test_a_vanished_group_keeps_its_last_commits() -> None:
    """From the poll that reports it gone until it is forgotten."""
    groups = VanishedGroups(forget_after_s=60)
    assert groups.merge({"billing": BILLING}, (), 10 * NS) == {}

    assert groups.merge({}, {"billing"}, 20 * NS) == {"billing": BILLING}
    assert groups.merge({}, (), 79 * NS) == {"billing": BILLING}
    assert groups.vanished == {"billing"}
    assert groups.merge({}, (), 80 * NS) == {}
    assert groups.groups == {}
    assert groups.vanished == frozenset()


def test_a_silent_coordinator_makes_no_group_vanish() -> None:
    """The group is neither read nor gone; it is kept and not returned."""
    groups = VanishedGroups()
    groups.merge({"billing": BILLING}, (), 10 * NS)

    assert groups.merge({}, (), 20 * NS) == {}
    assert groups.groups == {"billing": LastCommits(BILLING)}


def test_a_group_that_comes_back_is_not_vanished() -> None:
    """Its new commits count, also when it vanishes again."""
    groups = VanishedGroups()
    groups.merge({"billing": BILLING}, (), 10 * NS)
    groups.merge({}, {"billing"}, 20 * NS)

    assert groups.merge({"billing": {"orders": {0: 0}}}, (), 30 * NS) == {}
    assert groups.vanished == frozenset()
    assert groups.merge({}, {"billing"}, 40 * NS) == {"billing": {"orders": {0: 0}}}


def test_a_vanished_group_is_forgotten_on_time_after_a_restart() -> None:
    """The hours before the restart count; a second report of gone does not restart them."""
    groups = VanishedGroups({"billing": LastCommits(BILLING, 10 * NS)}, forget_after_s=60)

    assert groups.merge({}, {"billing"}, 50 * NS) == {"billing": BILLING}
    assert groups.merge({}, (), 70 * NS) == {}


def test_a_gone_group_without_commits_is_forgotten_at_once() -> None:
    """It has no lag to keep; the same for a group never read."""
    groups = VanishedGroups()
    groups.merge({"idle": {}}, (), 10 * NS)

    assert groups.merge({}, {"idle", "unheard-of"}, 20 * NS) == {}
    assert groups.groups == {}


def test_an_unreadable_offset_is_not_a_last_commit() -> None:
    """The coordinator gave an error for one partition just before the group vanished."""
    groups = VanishedGroups()
    groups.merge({"billing": {"orders": {0: 4, 1: None}}}, (), 10 * NS)

    assert groups.merge({}, {"billing"}, 20 * NS) == {"billing": {"orders": {0: 4}}}


def test_drop_forgets_commits_of_vanished_groups_only() -> None:
    """A topic created again under that name has nothing to do with the old commits."""
    groups = VanishedGroups()
    groups.merge({"billing": BILLING, "here": {"orders": {0: 1}}}, (), 10 * NS)
    groups.merge({}, {"billing"}, 20 * NS)

    groups.drop({("orders", 0)})
    assert groups.merge({}, (), 30 * NS) == {"billing": {"orders": {1: 7}}}
    groups.drop({("orders", 1)})

    assert groups.merge({}, (), 40 * NS) == {}
    assert groups.groups == {"here": LastCommits({"orders": {0: 1}})}


def test_readable_leaves_out_commits_that_could_not_be_read() -> None:
    """An error of the coordinator is no commit."""
    assert readable({"orders": {0: 4, 1: None}}) == {"orders": {0: 4}}


def test_without_partitions_leaves_out_topics_without_any_other() -> None:
    """Partitions of other topics have the same numbers."""
    commits = {"orders": {0: 4, 1: 7}, "bills": {0: 1}}

    assert without_partitions(commits, {("orders", 1), ("bills", 0)}) == {"orders": {0: 4}}
    assert without_partitions(commits, ()) == commits
