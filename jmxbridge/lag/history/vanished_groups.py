"""Last commits of every group, kept for a while after the group has vanished.

Rules:

1. A group has vanished when its coordinator says, without error, that it has no such group. It
   keeps its lag for a while. Kafka forgets a stopped group after seven days, and a group may be
   deleted by mistake: in both cases its records are still unread, and a graph that just ends shows
   nothing.
2. A group that comes back is like any other from the moment it is listed.
3. A partition that is deleted, alone or with its topic, is forgotten with it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from jmxbridge.kafka.facts.snapshot import Commits, Partition
from jmxbridge.times import NS

FORGET_AFTER_S = 86_400.0


@dataclass(frozen=True, slots=True)
class LastCommits:
    """Last commits of a group; `vanished_ns` is when it was found gone, None while it exists."""

    commits: Commits
    vanished_ns: int | None = None


class VanishedGroups:
    """Last commits of every group, also of those that vanished less than `forget_after_s` ago."""

    def __init__(
        self,
        groups: Mapping[str, LastCommits] | None = None,
        *,
        forget_after_s: float = FORGET_AFTER_S,
    ) -> None:
        self.groups = dict(groups or {})
        self._forget_after_ns = round(forget_after_s * NS)
        self._vanished = {name for name, last in self.groups.items() if last.vanished_ns}

    def merge(
        self, commits: Mapping[str, Commits], gone: Collection[str], time_ns: int
    ) -> dict[str, Commits]:
        """Take the commits a poll read and the groups gone; return those of vanished groups."""
        for name, offsets in commits.items():
            last = self.groups.get(name)
            if last is None or last.commits is not offsets:
                self.groups[name] = LastCommits(offsets)
        self._vanished.difference_update(commits)
        for name in gone:
            last = self.groups.get(name)
            if last is None or not last.commits:
                self._forget(name)
            elif last.vanished_ns is None:
                self.groups[name] = LastCommits(readable(last.commits), time_ns)
                self._vanished.add(name)
        for name, last in list(self._vanished_commits()):
            if time_ns - (last.vanished_ns or 0) >= self._forget_after_ns:
                self._forget(name)
        return {name: last.commits for name, last in self._vanished_commits()}

    @property
    def vanished(self) -> frozenset[str]:
        """Names of the vanished groups."""
        return frozenset(self._vanished)

    def drop(self, partitions: Collection[Partition]) -> None:
        """Forget what vanished groups had committed to these partitions, which are deleted."""
        if not partitions:
            return
        for name, last in list(self._vanished_commits()):
            if commits := without_partitions(last.commits, partitions):
                self.groups[name] = LastCommits(commits, last.vanished_ns)
            else:
                self._forget(name)

    def _vanished_commits(self) -> Iterator[tuple[str, LastCommits]]:
        return ((name, self.groups[name]) for name in sorted(self._vanished))

    def _forget(self, name: str) -> None:
        self.groups.pop(name, None)
        self._vanished.discard(name)


def readable(commits: Commits) -> Commits:
    """Leave out partitions for which the coordinator gave an error when it was last asked."""
    return {
        topic: {index: offset for index, offset in offsets.items() if offset is not None}
        for topic, offsets in commits.items()
    }


def without_partitions(commits: Commits, partitions: Collection[Partition]) -> Commits:
    """Leave out commits to these partitions, and topics that then have none."""
    kept = {
        topic: {
            index: offset for index, offset in offsets.items() if (topic, index) not in partitions
        }
        for topic, offsets in commits.items()
    }
    return {topic: offsets for topic, offsets in kept.items() if offsets}
