"""Facts that a poll reads in addition to commits and end offsets, a few at a time.

Rule: no lag needs them, so none of them makes a poll incomplete. What could not be read is missing,
and a later poll asks for it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class TimestampedOffset(NamedTuple):
    """A record and its timestamp, in ms since the epoch; offset -1 where there is no record."""

    offset: int
    written_ms: int


TimestampedOffsets = Mapping[tuple[str, int], TimestampedOffset | None]
"""topic and partition → record; None where the broker cannot search by time"""


class SharePartition(NamedTuple):
    """One partition of a share group (KIP-932).

    `start_offset` is that of the oldest record that is not finished (acknowledged or given up).
    `lag` counts unfinished records, None where the broker does not count them (before 4.2).
    """

    group: str
    topic: str
    partition: int
    start_offset: int
    lag: int | None


@dataclass(frozen=True, slots=True)
class Extras:
    """Answers of one poll, and of earlier polls where they still hold.

    `offsets_for_times` has the first record at or after the time that was asked for. `retention_s`
    has the topics that delete by age. `offsets_retention_s` is how long the brokers keep the
    offsets of an empty group. `shares` are the partitions of share groups.
    """

    offsets_for_times: TimestampedOffsets = field(default_factory=dict)
    retention_s: Mapping[str, float] = field(default_factory=dict)
    offsets_retention_s: float | None = None
    shares: tuple[SharePartition, ...] = ()
