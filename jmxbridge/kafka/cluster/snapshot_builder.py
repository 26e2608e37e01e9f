"""What a poll of a cluster has found so far, and the snapshot it becomes.

Rule: a poll fills it, step by step, and nobody else sees it; what leaves is frozen.
"""

import asyncio
from collections.abc import Collection, Mapping

from jmxbridge.kafka.cluster.list_offsets import ListedOffsets
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.extras import Extras
from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.names import is_internal
from jmxbridge.kafka.facts.snapshot import Commits, Group, Phases, Snapshot


class SnapshotBuilder:
    """One poll's finds; `timeout_s` is for each broker in all."""

    def __init__(self, timeout_s: float) -> None:
        self.round = PollBudget(timeout_s)
        self.groups: Mapping[str, Group] = {}
        self.missing: frozenset[str] = frozenset()
        self.gone: frozenset[str] = frozenset()
        self.commits: Mapping[str, Commits] = {}
        self.vanished: frozenset[str] = frozenset()
        self.ends_wanted: Mapping[str, Collection[int]] = {}
        self.ends = ListedOffsets()
        self.starts: Mapping[str, Mapping[int, int]] = {}
        self.topic_ids: Mapping[str, str] = {}
        self.stable_ends = ListedOffsets()
        self.read_committed: frozenset[str] = frozenset()
        self.memberships: Mapping[str, Membership] | None = None
        self.describe_errors: tuple[str, ...] = ()
        self.shares: tuple[Group, ...] = ()
        self.aside = Extras()
        self.listed = 0
        self.complete = True
        self._clock = asyncio.get_running_loop().time
        self._lap_began = self._clock()
        self._laps: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        """Note the time since the last lap under this name of Phases."""
        now = self._clock()
        self._laps[phase] = self._laps.get(phase, 0.0) + (now - self._lap_began) * 1000
        self._lap_began = now

    def drop_missing(self) -> None:
        """Nobody has ever committed anything here, so what is not listed does not exist."""
        self.gone, self.missing = self.missing, frozenset()
        self.groups = {name: g for name, g in self.groups.items() if name not in self.gone}

    def drop_internal(self) -> None:
        """Leave out the topics that Streams applications made for themselves."""
        self.commits = {
            name: {topic: at for topic, at in commits.items() if not is_internal(name, topic)}
            for name, commits in self.commits.items()
        }

    def keep(self, last_commits: Mapping[str, Commits]) -> None:
        """Go on with the last commits of groups that are gone."""
        self.vanished = frozenset(last_commits)
        self.commits = {**self.commits, **last_commits}

    def present(self) -> list[Group]:
        """The groups that exist."""
        return [group for name, group in self.groups.items() if name not in self.gone]

    def committed(self, groups: Collection[str] | None = None) -> dict[str, set[int]]:
        """The partitions some group, or some of these, has a commit for.

        Notes whether a commit was unreadable.
        """
        wanted: dict[str, set[int]] = {}
        for commits in map(self.commits.__getitem__, self.commits if groups is None else groups):
            for topic, offsets in commits.items():
                partitions = wanted.setdefault(topic, set())
                partitions.update([p for p, at in offsets.items() if at is not None and at >= 0])
                if None in offsets.values():
                    self.complete = False
        return wanted

    def snapshot(self, view: MetadataCache) -> Snapshot:
        """Freeze what was found."""
        groups = {group.name: group for group in self.present()}
        complete = (
            self.complete
            and self.missing <= self.gone
            and groups.keys() <= self.commits.keys()
            and not self.ends.unavailable
            and not self.stable_ends.unavailable
        )
        return Snapshot(
            groups=groups,
            commits=self.commits,
            end_offsets=self.ends.offsets,
            orphaned=frozenset(self.ends.orphaned),
            unavailable=frozenset(self.ends.unavailable | self.stable_ends.unavailable),
            gone=self.gone,
            complete=complete,
            brokers=len(view.brokers),
            brokers_answered=len(self.round.answered.intersection(view.brokers.values())),
            groups_listed=self.listed,
            requests=self.round.requests,
            errors=tuple(self.round.errors),
            phases=Phases(**self._laps),
            vanished=self.vanished,
            start_offsets=self.starts,
            stable_ends=self.stable_ends.offsets,
            read_committed=self.read_committed,
            memberships=self.memberships,
            describe_errors=self.describe_errors,
            aside=self.aside,
            topic_ids=self.topic_ids,
        )
