"""SeenGroups: the last commits of groups, of the saved state and of each look."""

from jmxbridge.kafka.facts.snapshot import Commits, Group, Snapshot
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.summary import PollSummary
from jmxbridge.lag.history.vanished_groups import LastCommits
from jmxbridge.lag.report.seen_groups import SeenGroups

S = 1_000_000_000
SAVED_NS = 1000 * S


def state(*, saved_ns: int | None = SAVED_NS, **groups: LastCommits) -> SavedState:
    """What `run` saved."""
    return SavedState(
        groups=groups, summary=None if saved_ns is None else PollSummary(saved_ns, {})
    )


def snapshot(*, gone: Commits | None = None, **commits: Commits) -> Snapshot:
    """Groups that exist, and the commits of `gone`, which has vanished."""
    return Snapshot(
        groups={name: Group(name, 1) for name in commits},
        commits=commits | ({} if gone is None else {"gone": gone}),
        end_offsets={},
        gone=frozenset({"gone"}),
        vanished=frozenset() if gone is None else frozenset({"gone"}),
    )


def test_last_commits_are_those_of_the_saved_state() -> None:
    """Of groups that had vanished and of those that still existed; errors are no commits."""
    seen = SeenGroups(
        state(
            gone=LastCommits({"x": {0: 4}}, 990 * S),
            alive=LastCommits({"x": {0: 7, 1: None}}),
            unread=LastCommits({"x": {0: None}}),
            empty=LastCommits({}),
        )
    )

    assert seen.last_commits(1060 * S) == {"gone": {"x": {0: 4}}, "alive": {"x": {0: 7}}}


def test_last_commits_forgets_groups_as_run_does() -> None:
    """From the poll that found it gone, or from the last saved poll, on."""
    saved = state(gone=LastCommits({"x": {0: 4}}, 990 * S), alive=LastCommits({"x": {0: 7}}))
    seen = SeenGroups(saved, forget_after_s=60.0)

    assert seen.last_commits(1049 * S).keys() == {"gone", "alive"}
    assert seen.last_commits(1050 * S).keys() == {"alive"}
    assert seen.last_commits(1060 * S) == {}


def test_last_commits_of_an_unknown_time_are_forgotten() -> None:
    """A state without its last poll does not say how old it is."""
    seen = SeenGroups(state(saved_ns=None, alive=LastCommits({"x": {0: 7}})))

    assert seen.last_commits(10**6 * S) == {}


def test_take_notes_what_a_look_has_read() -> None:
    """A group deleted between two looks keeps the commits of the first, seen at that time."""
    seen = SeenGroups(SavedState())
    seen.take(snapshot(gone=None, g={"x": {0: 5}}), 2000 * S)

    assert seen.last_commits(2002 * S) == {"g": {"x": {0: 5}}}

    vanished = Snapshot(
        groups={}, commits={"g": {"x": {0: 5}}}, end_offsets={}, vanished=frozenset({"g"})
    )
    assert seen.seen_ns(vanished) == {"g": 2000 * S}
    seen.take(vanished, 2002 * S)
    assert seen.seen_ns(vanished) == {"g": 2000 * S}


def test_take_forgets_what_is_left_out_of_a_vanished_group() -> None:
    """Deleted partitions do not come back at the next look, nor a group without any other."""
    seen = SeenGroups(state(gone=LastCommits({"x": {0: 4}, "y": {0: 1}}, SAVED_NS)))

    seen.take(snapshot(gone={"x": {0: 4}}), 1002 * S)
    assert seen.last_commits(1002 * S) == {"gone": {"x": {0: 4}}}

    seen.take(snapshot(), 1004 * S)
    assert seen.last_commits(1004 * S) == {}
