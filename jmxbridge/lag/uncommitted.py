"""Partitions that a group is assigned and has never committed: what lag they have, if any.

Nobody knows where such a partition is read from: that is the consumer's `auto.offset.reset`. So it
has no lag, unless a file says what all its consumers do: `earliest`, and every record there is
waits; `latest`, and none does, until the first commit.

Rule: what is assumed takes the place of a commit for the lag alone. It is never remembered as one,
and `partitions_uncommitted` goes on counting it. Groups that read committed records only are left
out: where their partitions end is asked for what they have committed.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from jmxbridge.kafka.facts.members import Membership, uncommitted
from jmxbridge.kafka.facts.snapshot import Snapshot


class Uncommitted(StrEnum):
    """What to take for the position of a group where it has none."""

    SKIP = "skip"
    EARLIEST = "earliest"
    LATEST = "latest"


def assume(
    snapshot: Snapshot, memberships: Mapping[str, Membership], position: Uncommitted
) -> Snapshot:
    """Return the snapshot with positions for what its groups are assigned and have not committed.

    A partition whose start or end is not known gets none.
    """
    if position is Uncommitted.SKIP:
        return snapshot
    earliest = position is Uncommitted.EARLIEST
    where = snapshot.start_offsets if earliest else snapshot.end_offsets
    commits = dict(snapshot.commits)
    for name in memberships.keys() & commits.keys() - snapshot.read_committed:
        topics = {topic: dict(offsets) for topic, offsets in commits[name].items()}
        for topic, index in uncommitted(memberships[name], commits[name]):
            offset = where.get(topic, {}).get(index)
            if offset is not None and index in snapshot.end_offsets.get(topic, {}):
                topics.setdefault(topic, {})[index] = offset
        commits[name] = topics
    return replace(snapshot, commits=commits)
