"""Who is in a group and what each member has been given to read.

Asked for only when somebody looks (`jmxbridge lag`): it takes a request per coordinator that the
poll does without, and its answer changes at every rebalance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jmxbridge.lag.snapshot import Partition, Snapshot


@dataclass(frozen=True, slots=True)
class Member:
    """One consumer. `host` is as the broker saw it, with Java's leading slash."""

    consumer_id: str
    client_id: str
    host: str
    assigned: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """The members of one group; `state` as the broker spells it."""

    group: str
    state: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """Offsets and members of the groups somebody asked about, as of one moment.

    `snapshot.end_offsets` covers assigned partitions as well as committed ones. `missing` names
    the groups that were asked for and do not exist. A group in `snapshot.groups` without a
    `memberships` entry could not be described; `snapshot.errors` says why.
    """

    snapshot: Snapshot
    memberships: Mapping[str, Membership]
    missing: tuple[str, ...] = ()
