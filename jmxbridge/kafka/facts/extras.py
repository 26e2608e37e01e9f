"""What a poll asks beside the lag itself, a little of it at a time.

Rule: nothing here is needed for a lag, so nothing here makes a poll incomplete. What could not be
read is missing, and is asked for again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class TimestampedOffset(NamedTuple):
    """A record and when it was written, in ms since the epoch; offset -1 where there is none."""

    offset: int
    written_ms: int


class SharePartition(NamedTuple):
    """One partition of a share group (KIP-932).

    `start_offset` is that of the oldest record not done with. `lag` counts records not done with,
    None where the broker does not (before 4.2).
    """

    group: str
    topic: str
    partition: int
    start_offset: int
    lag: int | None


@dataclass(frozen=True, slots=True)
class Extras:
    """What was answered in one poll, or is still known from an earlier one.

    `dated` answers the poll's questions by topic and partition: the first record at or after the
    time asked for, None where the broker cannot tell. `retention_s` has the topics that delete by
    age. `offsets_retention_s` is how long the brokers keep the offsets of an empty group.
    """

    dated: Mapping[tuple[str, int], TimestampedOffset | None] = field(default_factory=dict)
    retention_s: Mapping[str, float] = field(default_factory=dict)
    offsets_retention_s: float | None = None
    shares: tuple[SharePartition, ...] = ()
