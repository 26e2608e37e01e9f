"""Last commits of groups, as `jmxbridge run` saved them or as an earlier look read them.

Rules:

1. They count only for a group that its coordinator does not have: the cluster client asks.
2. A group is forgotten `forget_after_s` after it was last seen, as `run` does. `run` notes the poll
   that found it gone, one poll after it was last seen; for a group that still existed, the last
   saved poll counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jmxbridge.kafka.facts.snapshot import Commits, Snapshot
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.vanished_groups import FORGET_AFTER_S, readable
from jmxbridge.times import NS


@dataclass(frozen=True, slots=True)
class SeenGroup:
    """Last commits of one group, and when they were seen."""

    commits: Commits
    seen_ns: int


class SeenGroups:
    """Groups of the saved state and of the looks since then; those seen long ago are left out."""

    def __init__(self, state: SavedState, *, forget_after_s: float = FORGET_AFTER_S) -> None:
        self._forget_after_ns = round(forget_after_s * NS)
        saved_ns = 0 if state.summary is None else state.summary.time_ns
        self._groups = {
            name: SeenGroup(last.commits, last.vanished_ns or saved_ns)
            for name, last in state.groups.items()
        }

    def last_commits(self, time_ns: int) -> dict[str, Commits]:
        """Return the last commits by group, of the groups with commits that are not forgotten."""
        return {
            name: commits
            for name, group in self._groups.items()
            if time_ns - group.seen_ns < self._forget_after_ns
            and any((commits := readable(group.commits)).values())
        }

    def seen_ns(self, snapshot: Snapshot) -> Mapping[str, int]:
        """Return when each vanished group of a snapshot was last seen."""
        return {name: self._groups[name].seen_ns for name in snapshot.vanished}

    def take(self, snapshot: Snapshot, time_ns: int) -> None:
        """Take one look: commits of groups that exist, and what is left of those that are gone."""
        for name, commits in snapshot.commits.items():
            is_gone = name in snapshot.vanished
            seen_ns = self._groups[name].seen_ns if is_gone else time_ns
            self._groups[name] = SeenGroup(commits, seen_ns)
        for name in snapshot.gone - snapshot.vanished:
            self._groups.pop(name, None)
