"""Snapshot of a cluster: groups, commits and end offsets as one poll read them.

Rule: absence has a meaning. A group without an entry in `commits` has a coordinator that did not
answer, or answered with an error (`refusals`): its commits are unknown. A partition without an
entry in `end_offsets` is named in `orphaned` (it no longer exists, alone or with its topic) or in
`unavailable` (it may exist; no broker could tell). No number here ever stands for "unknown".

Every end offset is requested after every commit has been answered. A lag computed from one snapshot
is therefore too large by what was produced during the poll, and never negative for that reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jmxbridge.kafka.facts.extras import Extras
from jmxbridge.kafka.facts.members import Membership

Offsets = Mapping[str, Mapping[int, int]]
"""topic → partition → offset"""

Commits = Mapping[str, Mapping[int, int | None]]
"""topic → partition → committed offset; None where the coordinator answered with an error"""

Partition = tuple[str, int]
"""topic, partition"""


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group as its coordinator lists it.

    `coordinator` is a broker id. `state` (since Kafka 2.6) and `type` (since 3.8) are spelt as the
    broker spells them, None from older brokers. `protocol_type` is empty for groups that only store
    offsets: `assign()`, Flink, Spark.
    """

    name: str
    coordinator: int
    protocol_type: str = "consumer"
    state: str | None = None
    type: str | None = None

    @property
    def kind(self) -> str:
        """The protocol's name; `simple` for groups whose members the broker never sees."""
        return self.protocol_type or "simple"


@dataclass(frozen=True, slots=True)
class Phases:
    """Wall-clock time of each phase of a poll, in milliseconds."""

    list_groups_ms: float = 0.0
    fetch_commits_ms: float = 0.0
    list_ends_ms: float = 0.0
    extras_ms: float = 0.0
    describe_ms: float = 0.0

    @property
    def total_ms(self) -> float:
        """The whole poll."""
        listed_ms = self.list_groups_ms + self.fetch_commits_ms + self.list_ends_ms
        return listed_ms + self.extras_ms + self.describe_ms


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Committed offsets and, read after them, the end offsets of the same partitions.

    `groups` holds the groups that passed the filters, also those whose coordinator failed. `gone`
    names groups known from earlier polls that no longer exist, according to their coordinator.
    `complete` is true only if every broker answered everything without error: what is missing from
    a complete snapshot does not exist. `groups_listed` counts before the filters. `errors` are
    sentences for people; `warnings` are those of them that left nothing out, such as a dead address
    in the bootstrap list. `requests` does not count the handshakes of new connections.
    `throttled_ms` has the brokers that delayed the poll because of a quota, see `throttling`.

    `vanished` names groups that are gone and whose last commits are in `commits` nevertheless; they
    are not in `groups`. `start_offsets` belong to the oldest records and are read less often than
    the ends. `stable_ends` are the ends of `read_committed` groups, for the partitions they read.

    `topic_ids` has the ids of the topics in `end_offsets`, from brokers since Kafka 2.8: a topic
    with another id is another topic, even under the same name.

    `refusals` says by group why there are no commits although a broker answered, as a clause.

    `memberships` is None if members were not requested; it lacks the groups that could not be
    described, and `describe_errors` say why. Neither affects `complete`.
    """

    groups: Mapping[str, Group]
    commits: Mapping[str, Commits]
    end_offsets: Offsets
    orphaned: frozenset[Partition] = frozenset()
    unavailable: frozenset[Partition] = frozenset()
    gone: frozenset[str] = frozenset()
    complete: bool = True
    brokers: int = 0
    brokers_answered: int = 0
    groups_listed: int = 0
    requests: int = 0
    errors: tuple[str, ...] = ()
    phases: Phases = Phases()
    vanished: frozenset[str] = frozenset()
    start_offsets: Offsets = field(default_factory=dict)
    stable_ends: Offsets = field(default_factory=dict)
    read_committed: frozenset[str] = frozenset()
    memberships: Mapping[str, Membership] | None = None
    describe_errors: tuple[str, ...] = ()
    extras: Extras = field(default_factory=Extras)
    topic_ids: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    throttled_ms: Mapping[str, int] = field(default_factory=dict)

    @property
    def failures(self) -> tuple[str, ...]:
        """The errors that left something out."""
        return tuple(error for error in self.errors if error not in self.warnings)


@dataclass(frozen=True, slots=True)
class Description:
    """Offsets and members of the groups asked for, as of one moment.

    `snapshot.end_offsets` covers assigned partitions as well as committed ones. `missing` names
    the groups that were asked for and do not exist. A group in `snapshot.groups` without a
    `memberships` entry could not be described; `snapshot.errors` says why. `shares` are the share
    groups; `snapshot.extras` has their partitions.
    """

    snapshot: Snapshot
    memberships: Mapping[str, Membership]
    missing: tuple[str, ...] = ()
    shares: tuple[Group, ...] = ()
