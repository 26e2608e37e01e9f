"""Groups that are gone keep their lag for a while."""

from jmxbridge.lag.history.vanished_groups import LastCommits, VanishedGroups

S = 1_000_000_000
BILLING = {"orders": {0: 4, 1: 7}}


def test_a_group_that_is_gone_keeps_its_last_commits() -> None:
    """From the poll that finds it gone, at every poll, until it is forgotten."""
    remembered = VanishedGroups(forget_after_s=60)
    assert remembered.merge({"billing": BILLING}, (), 10 * S) == {}

    assert remembered.merge({}, {"billing"}, 20 * S) == {"billing": BILLING}
    assert remembered.merge({}, (), 79 * S) == {"billing": BILLING}
    assert remembered.vanished == {"billing"}
    assert remembered.merge({}, (), 80 * S) == {}
    assert remembered.groups == {}
    assert remembered.vanished == frozenset()


def test_a_coordinator_that_does_not_answer_takes_no_group_away() -> None:
    """Neither read nor gone: nothing is said of it, and nothing is forgotten."""
    remembered = VanishedGroups()
    remembered.merge({"billing": BILLING}, (), 10 * S)

    assert remembered.merge({}, (), 20 * S) == {}
    assert remembered.groups == {"billing": LastCommits(BILLING)}


def test_a_group_that_comes_back_counts_as_any_other() -> None:
    """Its new commits hold, also when it goes again."""
    remembered = VanishedGroups()
    remembered.merge({"billing": BILLING}, (), 10 * S)
    remembered.merge({}, {"billing"}, 20 * S)

    assert remembered.merge({"billing": {"orders": {0: 0}}}, (), 30 * S) == {}
    assert remembered.vanished == frozenset()
    assert remembered.merge({}, {"billing"}, 40 * S) == {"billing": {"orders": {0: 0}}}


def test_it_goes_on_after_a_restart() -> None:
    """The hours before the restart count, and being found gone again starts nothing anew."""
    remembered = VanishedGroups({"billing": LastCommits(BILLING, 10 * S)}, forget_after_s=60)

    assert remembered.merge({}, {"billing"}, 50 * S) == {"billing": BILLING}
    assert remembered.merge({}, (), 70 * S) == {}


def test_a_group_without_commits_leaves_nothing() -> None:
    """There is no lag to go on with; nor for a group that nobody has ever read."""
    remembered = VanishedGroups()
    remembered.merge({"idle": {}}, (), 10 * S)

    assert remembered.merge({}, {"idle", "unheard-of"}, 20 * S) == {}
    assert remembered.groups == {}


def test_what_nobody_could_read_is_not_a_last_commit() -> None:
    """A partition the coordinator gave an error for, just before the group went."""
    remembered = VanishedGroups()
    remembered.merge({"billing": {"orders": {0: 4, 1: None}}}, (), 10 * S)

    assert remembered.merge({}, {"billing"}, 20 * S) == {"billing": {"orders": {0: 4}}}


def test_a_deleted_topic_is_forgotten_with_its_group() -> None:
    """A topic made anew under that name has nothing to do with the old commits."""
    remembered = VanishedGroups()
    remembered.merge({"billing": BILLING, "here": {"orders": {0: 1}}}, (), 10 * S)
    remembered.merge({}, {"billing"}, 20 * S)

    remembered.drop({("orders", 0)})
    assert remembered.merge({}, (), 30 * S) == {"billing": {"orders": {1: 7}}}
    remembered.drop({("orders", 1)})

    assert remembered.merge({}, (), 40 * S) == {}
    assert remembered.groups == {"here": LastCommits({"orders": {0: 1}})}
