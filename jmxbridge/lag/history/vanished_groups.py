"""What each group had committed when it was last read.

Rule: a group that is gone (its coordinator says, without error, that there is nothing) keeps its
lag for a while. Kafka forgets a stopped group after seven days, and somebody may delete it by
mistake: in both cases its records are still not read, and a graph that just ends says nothing.

A group that comes back counts as any other, from the moment it is listed. A partition that is gone
with its topic is forgotten with it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from jmxbridge.kafka.facts.snapshot import Commits, Partition
from jmxbridge.times import NS

FORGET_AFTER_S = 86_400.0


@dataclass(frozen=True, slots=True)
class LastCommits:
    """A group's last commits; `vanished_ns` since when the group is gone, None while it is not."""

    commits: Commits
    vanished_ns: int | None = None


class VanishedGroups:
    """The last commits of every group, of those as well that are gone for less than this."""

    def __init__(
        self,
        groups: Mapping[str, LastCommits] | None = None,
        *,
        forget_after_s: float = FORGET_AFTER_S,
    ) -> None:
        self.groups = dict(groups or {})
        self._forget_after_ns = round(forget_after_s * NS)
        self._vanished = {name for name, last in self.groups.items() if last.vanished_ns}

    def keep(
        self, commits: Mapping[str, Commits], gone: Collection[str], time_ns: int
    ) -> dict[str, Commits]:
        """Take what a poll read; return the last commits of the groups that are gone by now."""
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
                self.groups[name] = LastCommits(_readable(last.commits), time_ns)
                self._vanished.add(name)
        for name, last in list(self._gone()):
            if time_ns - (last.vanished_ns or 0) >= self._forget_after_ns:
                self._forget(name)
        return {name: last.commits for name, last in self._gone()}

    @property
    def vanished(self) -> frozenset[str]:
        """The groups that are gone."""
        return frozenset(self._vanished)

    def drop(self, orphaned: Collection[Partition]) -> None:
        """Forget what groups that are gone had committed to partitions that are gone too."""
        if not orphaned:
            return
        for name, last in list(self._gone()):
            left = {
                topic: kept
                for topic, offsets in last.commits.items()
                if (kept := {p: at for p, at in offsets.items() if (topic, p) not in orphaned})
            }
            if left:
                self.groups[name] = LastCommits(left, last.vanished_ns)
            else:
                self._forget(name)

    def _gone(self) -> Iterator[tuple[str, LastCommits]]:
        return ((name, self.groups[name]) for name in sorted(self._vanished))

    def _forget(self, name: str) -> None:
        self.groups.pop(name, None)
        self._vanished.discard(name)


def _readable(commits: Commits) -> Commits:
    """Leave out what the coordinator gave an error for when it was asked last."""
    return {
        topic: {partition: at for partition, at in offsets.items() if at is not None}
        for topic, offsets in commits.items()
    }
