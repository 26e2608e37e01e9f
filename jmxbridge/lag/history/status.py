"""Status of a group on a partition: Burrow's names, judged from polls.

Theory. Burrow judges a ring of ten *commits*: a second of history for a group that commits often,
hours for one that commits seldom, and nothing new once the consumer is dead. A poll sees the
commit, the end and the group's state at every interval, so the window here is one of time: ten
polls, or three times the interval at which commits were seen to move, whichever is longer. While
the window is not full, no group is called slow.

Whether the lag falls is compared from commit to commit: between two of them it can only grow, and a
group that commits seldom reduces it in one step.

Time without polls (the cluster or the bridge was away, or the wall clock was set) is in no window:
the next poll counts as if it came one interval after the last one.

The rules need only a few instants of a window (when the commit last moved, when the lag last fell,
when it was last small enough), so these are kept instead of samples.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import NamedTuple

from jmxbridge.lag.rows import PartitionLag
from jmxbridge.times import NS

POLLS_PER_WINDOW = 10
COMMITS_PER_WINDOW = 3
MAX_WINDOW_NS = 30 * 60 * NS
"""Longest window that slow commits make: Flink's checkpoints are minutes apart, not hours."""

STOP_AFTER = 2
AHEAD_AFTER = 2
"""Polls in a row: a single one may have met a group between two members, or a leader election."""

UNWATCHED_AFTER = 2
"""Intervals between two polls: one missing poll does not matter, more is time without polls."""

NEVER = -(2**63)

_INTERVALS = 5


class Status(IntEnum):
    """Burrow's numbers for the names it has, ours after them.

    NONE is Burrow's NOTFOUND: there is nothing to judge, so it is below every threshold.
    """

    NONE = 0
    OK = 1
    WARN = 2
    ERR = 3
    STOP = 4
    STALL = 5
    REWIND = 6
    EXPIRED = 7
    AHEAD = 8


class Presence(IntEnum):
    """Whether a group has members; UNSEEN for a simple group, or where the broker is too old."""

    ABSENT = 0
    PRESENT = 1
    UNSEEN = 2


class StatusFacts(NamedTuple):
    """Input of the rules: this poll, and what happened within the window."""

    expired: bool = False
    ahead: bool = False
    small: bool = False
    stopped: bool = False
    unseen: bool = False
    full: bool = False
    still: bool = False
    rewound: bool = False
    was_small: bool = False
    fell: bool = False


StatusRule = tuple[Status, Callable[[StatusFacts], bool], str]

STATUS_RULES: tuple[StatusRule, ...] = (
    (
        Status.EXPIRED,
        lambda f: f.expired,
        "records were deleted by retention before the group read them; they cannot be recovered",
    ),
    (
        Status.AHEAD,
        lambda f: f.ahead,
        "a commit beyond the end: the topic was recreated, or lost data, or offsets were copied",
    ),
    (
        Status.OK,
        lambda f: f.small,
        "the lag is within what is allowed",
    ),
    (
        Status.STOP,
        lambda f: f.stopped,
        "records wait and the group has no member to read them",
    ),
    (
        Status.STOP,
        lambda f: f.unseen and f.full and f.still and not f.was_small,
        "whether it has members cannot be seen, and nothing was committed over a whole window",
    ),
    (
        Status.REWIND,
        lambda f: f.rewound,
        "the group went back and has not reached its old offset again: it reads records twice",
    ),
    (
        Status.OK,
        lambda f: f.was_small,
        "it was caught up within the window: what waits now has arrived since",
    ),
    (
        Status.STALL,
        lambda f: f.full and f.still,
        "it has members, records wait, and nothing was committed over a whole window",
    ),
    (
        Status.WARN,
        lambda f: f.full and not f.fell,
        "it reads, but the lag did not fall once over a whole window: it is too slow",
    ),
    (
        Status.OK,
        lambda f: True,
        "the lag falls, or the window is not full yet",
    ),
)
"""The first rule that applies wins; each has its reason."""


@cache
def decide(*facts: bool) -> Status:
    """Return the status for StatusFacts given in order.

    Cached, because few combinations stand for tens of thousands of rows.
    """
    return next(status for status, applies, _ in STATUS_RULES if applies(StatusFacts(*facts)))


class RowTrack:
    """History of one group on one partition."""

    __slots__ = (
        "ahead_polls",
        "began_ns",
        "committed",
        "fell_ns",
        "interval_ns",
        "intervals",
        "lag_at_commit",
        "least_window_ns",
        "moved_ns",
        "now_ns",
        "rewound_from",
        "rewound_ns",
        "small_ns",
        "stopped_polls",
        "window_ns",
    )

    def __init__(self, committed: int, lag: int, time_ns: int, interval_ns: int) -> None:
        self.committed = committed
        self.lag_at_commit = lag
        self.began_ns = self.now_ns = time_ns
        self.interval_ns = interval_ns
        self.window_ns = self.least_window_ns = POLLS_PER_WINDOW * interval_ns
        self.moved_ns = self.fell_ns = self.small_ns = NEVER
        self.rewound_from: int | None = None
        self.rewound_ns = NEVER
        self.ahead_polls = 0
        self.stopped_polls = 0
        self.intervals: tuple[int, ...] = ()

    def judge(self, row: PartitionLag, presence: Presence, allowed: int, time_ns: int) -> Status:
        """Take one poll's row and return its status."""
        if not 0 <= time_ns - self.now_ns <= UNWATCHED_AFTER * self.interval_ns:
            self._skip(time_ns - self.now_ns - self.interval_ns)
        self.now_ns = time_ns
        moved = row.offset != self.committed
        if moved:
            self._move(row.offset, row.lag)
        start = row.start_offset
        expired = start is not None and start > row.offset
        self.ahead_polls = self.ahead_polls + 1 if row.ahead else 0
        small = row.lag <= allowed
        if small:
            self.small_ns = time_ns
            self.stopped_polls = 0
            if not (expired or row.ahead):
                return Status.OK
        elif presence is not Presence.ABSENT or moved:
            self.stopped_polls = 0
        else:
            self.stopped_polls += 1
        since_ns = time_ns - self.window_ns
        return decide(
            expired,
            self.ahead_polls >= AHEAD_AFTER,
            small,
            self.stopped_polls >= STOP_AFTER,
            presence is Presence.UNSEEN,
            self.began_ns <= since_ns,
            self.moved_ns <= since_ns,
            self.rewound_from is not None and self.rewound_ns > since_ns,
            self.small_ns > since_ns,
            self.fell_ns > since_ns,
        )

    def _move(self, committed: int, lag: int) -> None:
        if committed < self.committed:
            is_history = self.rewound_ns <= self.now_ns - self.window_ns
            self.rewound_from = max(self.committed, 0 if is_history else self.rewound_from or 0)
            self.rewound_ns = self.now_ns
        elif self.rewound_from is not None and committed >= self.rewound_from:
            self.rewound_from = None
        if lag < self.lag_at_commit:
            self.fell_ns = self.now_ns
        self.lag_at_commit = lag
        self.committed = committed
        if self.moved_ns != NEVER:
            interval_ns = max(0, self.now_ns - self.moved_ns)
            intervals = (*self.intervals[1 - _INTERVALS :], interval_ns)
            if intervals != self.intervals:
                self.intervals = intervals
                self._fit_window()
        self.moved_ns = self.now_ns

    def _skip(self, unwatched_ns: int) -> None:
        """Move earlier instants as if the time without polls had not passed."""
        for name in ("began_ns", "moved_ns", "fell_ns", "small_ns", "rewound_ns"):
            if (instant_ns := getattr(self, name)) != NEVER:
                setattr(self, name, instant_ns + unwatched_ns)

    def _fit_window(self) -> None:
        """Set the window: ten polls at least, longer where commits seldom move."""
        slow_ns = COMMITS_PER_WINDOW * sorted(self.intervals)[len(self.intervals) // 2]
        self.window_ns = max(self.least_window_ns, min(slow_ns, MAX_WINDOW_NS))


def worst_status(statuses: set[Status]) -> Status:
    """Return the status of a topic or a group: ERR if one of its partitions is beyond WARN.

    Without a partition whose lag is known it is NONE.
    """
    if not statuses:
        return Status.NONE
    if statuses <= {Status.OK, Status.WARN}:
        return max(statuses)
    return Status.ERR
