"""What the cluster says of groups that somebody asked about: offsets and members together."""

from collections.abc import Mapping
from dataclasses import dataclass

from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.snapshot import Snapshot


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
