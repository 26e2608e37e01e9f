"""Burrow's evaluator test cases, replayed as polls; where our status differs, with the reason.

Facts are from linkedin/Burrow, core/internal/evaluator/caching_test.go: the commits with their
times, the end of the partition, Burrow's answer. Burrow sees commits and keeps the last ten; we
poll the cluster every ten seconds, and know whether a group has members. Burrow does not, so our
answer with members is compared with its own. Without members ours is the same in every case.
"""

from bisect import bisect_right
from typing import NamedTuple

import pytest

from jmxbridge.lag.history.status import Presence, RowTrack, Status
from jmxbridge.lag.rows import PartitionLag
from jmxbridge.times import NS

INTERVAL_S = 10
OK, WARN, STOP, STALL, REWIND = (
    Status.OK,
    Status.WARN,
    Status.STOP,
    Status.STALL,
    Status.REWIND,
)


class Commit(NamedTuple):
    """A commit, and the end of the partition at that time."""

    second: int
    offset: int
    end: int


class Case(NamedTuple):
    """`now` is the time of the status, `end` the end of the partition then."""

    number: int
    commits: tuple[Commit, ...]
    now: int
    end: int
    burrow: Status
    ours: Status
    why: str


def commits(first: int, step: int, lags: list[int], *, every: int = 100) -> tuple[Commit, ...]:
    """Return commits from second 100 on, each with its lag."""
    return tuple(
        Commit(100 + n * every, first + n * step, first + n * step + lag)
        for n, lag in enumerate(lags)
    )


GROWING = commits(1000, 1000, [0, 50, 100, 150, 200])
ALWAYS_BEHIND = commits(1000, 1000, [50, 100, 150, 200, 250])
CAUGHT_UP = commits(792_748_079, 1, [0] * 15, every=1)
BACK_AND_ON = (
    *commits(1000, 1000, [100, 150, 200]),
    Commit(400, 2000, 3250),
    Commit(500, 4000, 4300),
)

CASES = [
    Case(
        0, GROWING, 600, 5200, OK, WARN,
        "lag was 0 once, which is enough for Burrow while that commit is in its ring; ours forgets "
        "after three commits' time, and at each of those the lag was larger",
    ),
    Case(
        1, GROWING, 900, 5200, OK, STALL,
        "silent for exactly as long as all of Burrow's window, which is not longer; for us it is "
        "more than the time of three commits",
    ),
    Case(
        2, GROWING, 1000, 5200, STOP, STALL,
        "silent for longer than its window: Burrow takes it for dead; we know that it has members, "
        "so it is stuck",
    ),
    Case(3, ALWAYS_BEHIND, 1000, 5250, STOP, STALL, "the same, and it never was at 0"),
    Case(
        4, commits(1000, 0, [0, 50, 100, 150, 200]), 600, 1200, OK, STALL,
        "the same offset again and again; Burrow waits until the commit at 0 has left its ring, "
        "our window of ten polls ended long before",
    ),
    Case(
        5, commits(1000, 0, [100, 150, 200, 250, 300]), 600, 1300, STALL, STALL,
        "it commits and does not move",
    ),
    Case(
        6, commits(1000, 0, [100] * 5), 600, 1100, STALL, STALL,
        "the same while no record is written: the old ones stay unread",
    ),
    Case(
        7, BACK_AND_ON, 600, 4300, REWIND, OK,
        "it went back and is further now than ever: reading twice has ended, and the "
        "lag has fallen since. Later versions of Burrow answer OK too",
    ),
    Case(8, ALWAYS_BEHIND, 1000, 5000, OK, OK, "lag 0 now: no other rule counts"),
    Case(
        9, CAUGHT_UP, 132, 792_749_024, STOP, OK,
        "it was at the end at each commit, one a second, and has been silent for 18 s while "
        "records arrive: dead by Burrow's window of 14 s, caught up within ours",
    ),
    Case(
        10, CAUGHT_UP, 132, 792_748_094, OK, OK,
        "the same with one record that has just arrived: both say OK",
    ),
    Case(
        11, commits(1000, 500, [0, 25, 50, 75, 100, 125, 150, 175, 200, 200], every=50), 600,
        5700, OK, WARN,
        "case 0 with commits between, of which Burrow does not know the lag",
    ),
]  # fmt: skip


def judge(case: Case, presence: Presence) -> Status:
    """Return the status at the end; the partition grows evenly from commit to commit."""
    seconds = [commit.second for commit in case.commits]
    ends = [*case.commits, Commit(case.now, 0, case.end)]
    track: RowTrack | None = None
    status = Status.NONE
    polls = [*range(seconds[0], case.now, INTERVAL_S), case.now]
    for second in polls:
        index = bisect_right(seconds, second) - 1
        last, after = ends[index], ends[index + 1]
        share = (second - last.second) / (after.second - last.second)
        end = round(last.end + share * (after.end - last.end))
        row = PartitionLag("g", "t", 0, last.offset, end, end - last.offset, 0, 0)
        if track is None:
            track = RowTrack(row.offset, row.lag, second * NS, INTERVAL_S * NS)
        here = presence if index + 1 == len(case.commits) else Presence.PRESENT
        status = track.judge(row, here, 0, second * NS)
    return status


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.number))
def test_status_of_a_burrow_case(case: Case) -> None:
    """With members; without members since the last commit, STOP if any record waits."""
    assert judge(case, Presence.PRESENT) is case.ours, case.why
    dead = STOP if case.end > case.commits[-1].offset else OK
    assert judge(case, Presence.ABSENT) is dead


def test_burrow_cases_are_complete() -> None:
    """All twelve; each difference is on purpose and has a reason."""
    assert [case.number for case in CASES] == list(range(12))
    differing = [case for case in CASES if case.burrow is not case.ours]
    assert [case.number for case in differing] == [0, 1, 2, 3, 4, 7, 9, 11]
    assert all(case.why for case in CASES)
