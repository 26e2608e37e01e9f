"""Lag over time: seconds behind and status of each row, from this poll and those before it.

Rule: everything here is beside the lag, never instead of it. A row whose past is not known has its
lag and nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jmxbridge.lag.rows import Lags, PartitionLag
from jmxbridge.lag.seconds import Behind, Ends
from jmxbridge.lag.snapshot import Partition, Snapshot
from jmxbridge.lag.status import Presence, Status, Track, worst

_WITHOUT_MEMBERS = frozenset({"empty", "dead"})

FORGET_TRACK_NS = 30 * 60 * 1_000_000_000
"""A row not seen for as long as the longest window has nothing left to be judged by."""


class Judged(NamedTuple):
    """What can be said of one partition row beside its lag."""

    behind: Behind | None
    status: Status


class Summary(NamedTuple):
    """Of a topic or a group: the longest of its delays, and its status."""

    behind: Behind | None
    status: Status


@dataclass(frozen=True, slots=True)
class Verdicts:
    """`partitions` stand beside `Lags.partitions`, one for one."""

    partitions: tuple[Judged, ...] = ()
    topics: Mapping[tuple[str, str], Summary] = field(default_factory=dict)
    groups: Mapping[str, Summary] = field(default_factory=dict)


class AllowedLag:
    """How much lag is none, in records: of the first pattern that matches a group whole, else 0."""

    def __init__(self, by_pattern: Mapping[str, int]) -> None:
        self._rules = [(re.compile(pattern), lag) for pattern, lag in by_pattern.items()]

    def __call__(self, group: str) -> int:
        return next((lag for pattern, lag in self._rules if pattern.fullmatch(group)), 0)


class Outlook:
    """Remembers what the polls of one cluster saw; `interval_ns` is the time between two."""

    def __init__(
        self,
        *,
        interval_ns: int,
        allowed_lag: Mapping[str, int] | None = None,
        ends: Ends | None = None,
    ) -> None:
        self.ends = ends or Ends()
        self._interval_ns = interval_ns
        self._allowed = AllowedLag(allowed_lag or {})
        self._tracks: dict[tuple[str, str, int], Track] = {}
        self._sweep_ns = 0

    def take(self, lags: Lags, snapshot: Snapshot, time_ns: int) -> Verdicts:
        """Judge the rows of one poll."""
        self.ends.observe(snapshot.end_offsets, time_ns)
        partitions: list[Judged] = []
        by_topic: dict[tuple[str, str], list[Judged]] = {}
        by_group: dict[str, list[Judged]] = {row.group: [] for row in lags.groups}
        allowed = {name: self._allowed(name) for name in by_group}
        presence = {name: _presence(name, snapshot) for name in by_group}
        for row in lags.partitions:
            judged = self._judge(row, presence[row.group], allowed[row.group], time_ns)
            partitions.append(judged)
            by_group[row.group].append(judged)
            by_topic.setdefault((row.group, row.topic), []).append(judged)
        self._sweep(time_ns)
        return Verdicts(
            tuple(partitions),
            {at: _sum_up(found) for at, found in by_topic.items()},
            {name: _sum_up(found) for name, found in by_group.items()},
        )

    def _judge(self, row: PartitionLag, presence: Presence, allowed: int, time_ns: int) -> Judged:
        at = row[:3]
        track = self._tracks.get(at)
        if track is None:
            track = self._tracks[at] = Track(row.offset, row.lag, time_ns)
        status = track.judge(
            row.offset,
            row.lag,
            ahead=row.ahead > 0,
            expired=row.expired > 0,
            presence=presence,
            allowed=allowed,
            time_ns=time_ns,
            interval_ns=self._interval_ns,
        )
        if row.lag <= allowed:
            return Judged(_CAUGHT_UP, status)
        return Judged(self.ends.behind((row.topic, row.partition), row.offset, time_ns), status)

    def _sweep(self, time_ns: int) -> None:
        if time_ns < self._sweep_ns:
            return
        self._sweep_ns = time_ns + FORGET_TRACK_NS
        self._tracks = {
            at: track
            for at, track in self._tracks.items()
            if track.now_ns > time_ns - FORGET_TRACK_NS
        }


_CAUGHT_UP = Behind(0.0)


def _presence(group: str, snapshot: Snapshot) -> Presence:
    if group in snapshot.vanished:
        return Presence.ABSENT
    found = snapshot.groups.get(group)
    if found is None or found.state is None or found.kind == "simple":
        return Presence.UNSEEN
    return Presence.ABSENT if found.state.lower() in _WITHOUT_MEMBERS else Presence.PRESENT


def _sum_up(found: Sequence[Judged]) -> Summary:
    delays = [judged.behind for judged in found if judged.behind is not None]
    return Summary(max(delays, default=None), worst({judged.status for judged in found}))


def lowest_unread(lags: Lags) -> dict[Partition, int]:
    """The lowest commit on each partition that some group has not read to its end."""
    lowest: dict[Partition, int] = {}
    for row in lags.partitions:
        if row.lag:
            at = (row.topic, row.partition)
            lowest[at] = min(row.offset, lowest.get(at, row.offset))
    return lowest
