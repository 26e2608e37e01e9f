"""What to call the state of a group on a partition: Burrow's names, judged from polls.

Theory. Burrow judges a ring of ten *commits*: a second of history for who commits often, hours for
who commits seldom, and nothing new once the consumer is dead. A poll sees the commit, the end and
the group's state at every interval, so the window is one of time: ten polls, or three times the
interval at which commits were seen to move, whichever is longer. A window that is not full accuses
nobody of being slow.

Whether the lag falls is asked from commit to commit: between two of them it can only grow, and who
commits seldom takes it back in one step.

What the rules ask of a window are a few instants (when the commit last moved, when the lag last
fell, when it was last small enough), so these are kept instead of samples.
"""

from collections.abc import Callable
from enum import IntEnum
from statistics import median

POLLS_PER_WINDOW = 10
COMMITS_PER_WINDOW = 3
MAX_WINDOW_NS = 30 * 60 * 1_000_000_000
"""Longest window that slow commits make: Flink's checkpoints are minutes apart, not hours."""

STOP_AFTER = 2
AHEAD_AFTER = 2
"""Polls in a row: one alone may have met a group between two members, or a leader election."""

_INTERVALS = 5


class Status(IntEnum):
    """Burrow's numbers for the names it has, ours after them."""

    OK = 1
    WARN = 2
    ERR = 3
    STOP = 4
    STALL = 5
    REWIND = 6
    EXPIRED = 7
    AHEAD = 8
    UNKNOWN = 9


class Presence(IntEnum):
    """Whether a group has members: for a simple one, or an old broker, nobody can say."""

    ABSENT = 0
    PRESENT = 1
    UNSEEN = 2


class Track:
    """What was seen of one group on one partition."""

    __slots__ = (
        "ahead_polls",
        "allowed",
        "began_ns",
        "committed",
        "expired",
        "fell_ns",
        "fine_ns",
        "intervals",
        "lag",
        "lag_at_commit",
        "moved_ns",
        "now_ns",
        "presence",
        "rewound_from",
        "rewound_ns",
        "stopped_polls",
        "window_ns",
    )

    def __init__(self, committed: int, lag: int, time_ns: int) -> None:
        self.committed = committed
        self.lag = self.lag_at_commit = lag
        self.began_ns = self.now_ns = time_ns
        self.allowed = 0
        self.expired = False
        self.presence = Presence.UNSEEN
        self.moved_ns: int | None = None
        self.fell_ns: int | None = None
        self.fine_ns: int | None = None
        self.rewound_from: int | None = None
        self.rewound_ns = 0
        self.ahead_polls = 0
        self.stopped_polls = 0
        self.intervals: tuple[int, ...] = ()
        self.window_ns = 0

    def judge(
        self,
        committed: int,
        lag: int,
        *,
        ahead: bool,
        expired: bool,
        presence: Presence,
        allowed: int,
        time_ns: int,
        interval_ns: int,
    ) -> Status:
        """Take one poll's numbers and judge what they make of the window."""
        self.now_ns, self.allowed, self.expired, self.presence = time_ns, allowed, expired, presence
        moved = committed != self.committed
        if moved:
            self._move(committed)
        if self.rewound_from is not None and committed >= self.rewound_from:
            self.rewound_from = None
        if moved and lag < self.lag_at_commit:
            self.fell_ns = time_ns
        if moved:
            self.lag_at_commit = lag
        self.lag = lag
        self.ahead_polls = self.ahead_polls + 1 if ahead else 0
        if lag <= allowed:
            self.fine_ns = time_ns
            self.stopped_polls = 0
            if not (ahead or expired):
                return Status.OK
        elif presence is not Presence.ABSENT or moved:
            self.stopped_polls = 0
        else:
            self.stopped_polls += 1
        slow_ns = COMMITS_PER_WINDOW * int(median(self.intervals)) if self.intervals else 0
        self.window_ns = max(POLLS_PER_WINDOW * interval_ns, min(slow_ns, MAX_WINDOW_NS))
        return next(status for status, applies, _ in RULES if applies(self))

    def _move(self, committed: int) -> None:
        if committed < self.committed:
            self.rewound_from = max(self.committed, self.rewound_from or 0)
            self.rewound_ns = self.now_ns
        if self.moved_ns is not None:
            interval_ns = max(0, self.now_ns - self.moved_ns)
            self.intervals = (*self.intervals[1 - _INTERVALS :], interval_ns)
        self.moved_ns = self.now_ns
        self.committed = committed

    def within(self, instant_ns: int | None) -> bool:
        """Whether something happened in the window."""
        return instant_ns is not None and self.now_ns - instant_ns < self.window_ns

    @property
    def full(self) -> bool:
        """Whether the window has been seen from its beginning."""
        return not self.within(self.began_ns)

    @property
    def still(self) -> bool:
        """Whether the commit did not move over a full window."""
        return self.full and not self.within(self.moved_ns)


Rule = tuple[Status, Callable[[Track], bool], str]

RULES: tuple[Rule, ...] = (
    (
        Status.EXPIRED,
        lambda t: t.expired,
        "records were deleted by retention before the group read them; that cannot be mended",
    ),
    (
        Status.AHEAD,
        lambda t: t.ahead_polls >= AHEAD_AFTER,
        "a commit beyond the end: the topic was recreated, or lost data, or offsets were copied",
    ),
    (
        Status.OK,
        lambda t: t.lag <= t.allowed,
        "nothing to read that is worth a word",
    ),
    (
        Status.STOP,
        lambda t: t.stopped_polls >= STOP_AFTER,
        "records wait and the group has no member that could read them",
    ),
    (
        Status.STOP,
        lambda t: t.presence is Presence.UNSEEN and t.still and not t.within(t.fine_ns),
        "whether it has members cannot be seen, but nothing was committed over a whole window",
    ),
    (
        Status.REWIND,
        lambda t: t.rewound_from is not None and t.within(t.rewound_ns),
        "the group went back and has not come as far again: it reads records twice",
    ),
    (
        Status.OK,
        lambda t: t.within(t.fine_ns),
        "it was caught up a moment ago: what is there now came since",
    ),
    (
        Status.STALL,
        lambda t: t.presence is Presence.PRESENT and t.still,
        "members are there, records wait, and nothing was committed over a whole window",
    ),
    (
        Status.WARN,
        lambda t: t.full and not t.still and not t.within(t.fell_ns),
        "it reads, and yet the lag did not fall once over a whole window: it is too slow",
    ),
    (
        Status.OK,
        lambda t: True,
        "it works off what it has, or has not been watched for long enough to say otherwise",
    ),
)
"""First hit wins; each with the reason to give."""


def worst(statuses: set[Status]) -> Status:
    """Judge a topic or a group by its partitions: one that is in error makes it ERR."""
    if not statuses:
        return Status.UNKNOWN
    if statuses <= {Status.OK, Status.WARN}:
        return max(statuses)
    return Status.ERR
