"""Assumed positions for partitions that a group is assigned and has never committed.

Where such a partition is read from depends on the consumer's `auto.offset.reset`, which is not
known here. So it has no lag, unless the file says what all consumers do: with `earliest` every
record waits; with `latest` none does, until the first commit.

Rule: an assumed position stands for a commit in the lag alone. It is never saved as one, and
`partitions_uncommitted` goes on counting the partition. Groups that read committed records only
are left out: their end offsets are read only for partitions they have committed.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from jmxbridge.kafka.facts.members import Membership, uncommitted
from jmxbridge.kafka.facts.snapshot import Snapshot


class Uncommitted(StrEnum):
    """Position to assume where a group has no commit."""

    SKIP = "skip"
    EARLIEST = "earliest"
    LATEST = "latest"


def assume(
    snapshot: Snapshot, memberships: Mapping[str, Membership], position: Uncommitted
) -> Snapshot:
    """Return the snapshot with assumed positions for assigned partitions without a commit.

    A partition whose start or end is not known gets none.
    """
    if position is Uncommitted.SKIP:
        return snapshot
    earliest = position is Uncommitted.EARLIEST
    positions = snapshot.start_offsets if earliest else snapshot.end_offsets
    commits = dict(snapshot.commits)
    for name in memberships.keys() & commits.keys() - snapshot.read_committed:
        topics = {topic: dict(offsets) for topic, offsets in commits[name].items()}
        for topic, index in uncommitted(memberships[name], commits[name]):
            offset = positions.get(topic, {}).get(index)
            if offset is not None and index in snapshot.end_offsets.get(topic, {}):
                topics.setdefault(topic, {})[index] = offset
        commits[name] = topics
    return replace(snapshot, commits=commits)
