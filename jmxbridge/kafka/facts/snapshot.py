"""What one poll of a cluster found, before anything is computed from it.

Rule: absence is meaning. A group without an entry in `commits` has a coordinator that did not
answer: nothing may be said about it. A partition without an entry in `end_offsets` is named in
`orphaned` (it is gone, with its topic or alone) or in `unavailable` (it may be well, nobody could
say). No number here ever stands for "unknown".

Every end offset was asked for after every commit was answered, so a lag computed from one snapshot
is too large by what was produced during the poll, and never negative for that reason.
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

    `coordinator` is a broker id. `state` (Kafka 2.6) and `type` (Kafka 3.8) are spelt as the broker
    spells them and None where it does not say. `protocol_type` is empty for groups that only keep
    offsets: `assign()`, Flink, Spark.
    """

    name: str
    coordinator: int
    protocol_type: str = "consumer"
    state: str | None = None
    type: str | None = None

    @property
    def kind(self) -> str:
        """`simple` for groups whose members the broker never sees, else the protocol's name."""
        return self.protocol_type or "simple"


@dataclass(frozen=True, slots=True)
class Phases:
    """Where the time of a poll went, in milliseconds of the wall clock."""

    list_groups_ms: float = 0.0
    fetch_commits_ms: float = 0.0
    list_ends_ms: float = 0.0
    aside_ms: float = 0.0
    describe_ms: float = 0.0

    @property
    def total_ms(self) -> float:
        """The whole poll."""
        listed_ms = self.list_groups_ms + self.fetch_commits_ms + self.list_ends_ms
        return listed_ms + self.aside_ms + self.describe_ms


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Committed offsets and, asked for later, the end offsets of the same partitions.

    `groups` holds the groups that passed the filters, those included whose coordinator failed.
    `gone` names groups known from earlier that their coordinator says it does not have.
    `complete` is true only if every broker answered everything without error: what is missing from
    a complete snapshot does not exist. `groups_listed` counts before the filters. `errors` are
    sentences for people, `requests` leaves out the handshakes of new connections.

    `vanished` names groups that are gone and whose last commits are in `commits` all the same; they
    are not in `groups`. `start_offsets` are those of the oldest records, asked for less often than
    the ends; `stable_ends` the ends of `read_committed` groups, for the partitions they read.

    `topic_ids` has those of the topics in `end_offsets`, where brokers give them one (Kafka 2.8): a
    topic of another id is another topic, whatever its name.

    `memberships` is None where nobody asked for members, and lacks the groups that could not be
    described; `describe_errors` say why. They take nothing from `complete`.
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
    aside: Extras = field(default_factory=Extras)
    topic_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Description:
    """Offsets and members of the groups asked for, as of one moment.

    `snapshot.end_offsets` covers assigned partitions as well as committed ones. `missing` names
    the groups that were asked for and do not exist. A group in `snapshot.groups` without a
    `memberships` entry could not be described; `snapshot.errors` says why.
    """

    snapshot: Snapshot
    memberships: Mapping[str, Membership]
    missing: tuple[str, ...] = ()
