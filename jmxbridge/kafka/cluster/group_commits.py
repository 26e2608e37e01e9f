"""Groups and their committed offsets, as the first half of a poll read them.

Rule: a value between two steps. `Cluster.read_commits` returns it, `Cluster.read_ends` takes it;
in between, the commits of groups that no longer exist may be added.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.snapshot import Commits, Group


@dataclass(frozen=True, slots=True)
class GroupCommits:
    """The groups of a cluster that pass the filters, and their commits.

    `budget` is that of the whole poll: a broker that was slow to return commits has less time left
    for end offsets. `groups` exist; `gone` are known from earlier and no longer exist. `missing`
    were in no broker's list and were asked for by name. A group without an entry in `commits` has a
    coordinator that did not answer, or that answered with an error: then `refusals` says which.
    `shares` are share groups, which commit no offsets. `listed`
    counts groups before the filters; `all_listed` is False if a broker's list is missing or old.
    `vanished` are in `commits` although they are gone.
    """

    budget: PollBudget
    groups: Mapping[str, Group]
    commits: Mapping[str, Commits]
    gone: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    shares: tuple[Group, ...] = ()
    listed: int = 0
    all_listed: bool = True
    vanished: frozenset[str] = frozenset()
    refusals: Mapping[str, str] = field(default_factory=dict)

    def with_vanished(self, last_commits: Mapping[str, Commits]) -> "GroupCommits":
        """Add the last known commits of groups that are gone; their end offsets are read too."""
        commits = {**self.commits, **last_commits}
        return replace(self, commits=commits, vanished=frozenset(last_commits))

    def partitions(self, groups: Collection[str] | None = None) -> dict[str, set[int]]:
        """Return the partitions, by topic, that any group, or one of `groups`, has committed."""
        partitions: dict[str, set[int]] = {}
        for name in self.commits if groups is None else groups:
            for topic, offsets in self.commits[name].items():
                partitions.setdefault(topic, set()).update(
                    [p for p, offset in offsets.items() if offset is not None and offset >= 0]
                )
        return partitions

    @property
    def complete(self) -> bool:
        """Whether every broker listed its groups and every commit could be read."""
        return (
            self.all_listed
            and self.missing <= self.gone
            and self.groups.keys() <= self.commits.keys()
            and not any(
                None in offsets.values()
                for commits in self.commits.values()
                for offsets in commits.values()
            )
        )
