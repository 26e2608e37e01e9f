"""Status rules as a table of short histories, each with the reason for its answer."""

import pytest

from jmxbridge.lag.history.status import STATUS_RULES, Presence, RowTrack, Status, worst_status
from jmxbridge.lag.rows import PartitionLag
from jmxbridge.times import NS

PRESENT, ABSENT, UNSEEN = Presence.PRESENT, Presence.ABSENT, Presence.UNSEEN

Sample = tuple[int, int]
"""committed, end; one each 10 s"""


def history(
    samples: list[Sample], presence: Presence = PRESENT, *, allowed: int = 0, start: int = 0
) -> Status:
    """Return the status after the last of these polls."""
    rows = [row(committed, end, start) for committed, end in samples]
    track = RowTrack(rows[0].offset, rows[0].lag, 0, 10 * NS)
    status = Status.NONE
    for n, sample in enumerate(rows):
        status = track.judge(sample, presence, allowed, n * 10 * NS)
    return status


def row(committed: int, end: int, start: int = 0) -> PartitionLag:
    """Return the row of one poll."""
    return PartitionLag(
        "g", "t", 0, committed, end, max(0, end - committed), max(0, committed - end), start
    )


STILL = [(5, 10)] * 11
LOSING = [(5 + n, 10 + 2 * n) for n in range(11)]
CASES = [
    ("caught up", [(10, 10)], PRESENT, Status.OK),
    ("caught up and without members: a batch job between runs", [(10, 10)] * 11, ABSENT, Status.OK),
    ("one poll is not enough", [(5, 10)], ABSENT, Status.OK),
    ("two polls without members and with a lag", [(5, 10)] * 2, ABSENT, Status.STOP),
    ("no members listed, yet the commit moved", [(5, 10), (6, 10)], ABSENT, Status.OK),
    ("members, and a window not yet full", [(5, 10)] * 10, PRESENT, Status.OK),
    ("nothing committed over a full window", STILL, PRESENT, Status.STALL),
    ("the same where members cannot be seen", STILL, UNSEEN, Status.STOP),
    ("unseen members, window not full", [(5, 10)] * 10, UNSEEN, Status.OK),
    ("it reads, and falls behind all the time", LOSING, PRESENT, Status.WARN),
    (
        "the lag fell once",
        [*LOSING[:-3], (30, 31), (31, 34), (32, 37)],
        PRESENT,
        Status.OK,
    ),
    (
        "it was caught up within the window",
        [*[(5, 10)] * 5, (10, 10), *[(10, 15)] * 5],
        PRESENT,
        Status.OK,
    ),
    ("it went back", [(9, 10), (2, 10)], PRESENT, Status.REWIND),
    (
        "back, then at its old offset again",
        [(8, 10), (2, 10), (8, 10)],
        PRESENT,
        Status.OK,
    ),
    (
        "back, and not yet at its old offset",
        [(8, 20), (2, 20), (7, 20)],
        PRESENT,
        Status.REWIND,
    ),
    (
        "it went back twice: the highest offset counts",
        [(8, 9), (5, 9), (6, 9), (2, 9), (7, 9)],
        PRESENT,
        Status.REWIND,
    ),
    (
        "it went back before the window",
        [(9, 10), *[(2, 10)] * 11],
        PRESENT,
        Status.STALL,
    ),
    ("it went back and is caught up", [(9, 10), (2, 2)], PRESENT, Status.OK),
    ("ahead at one poll may be a leader election", [(9, 10), (9, 5)], PRESENT, Status.OK),
    ("ahead at two polls", [(9, 5)] * 2, PRESENT, Status.AHEAD),
    ("ahead, then the topic has grown past it", [(9, 5), (9, 5), (9, 9)], PRESENT, Status.OK),
]


@pytest.mark.parametrize(
    ("why", "samples", "presence", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_status_after_the_last_poll(
    why: str, samples: list[Sample], presence: Presence, expected: Status
) -> None:
    """The first rule that applies."""
    assert history(samples, presence) is expected


def test_expired_comes_before_every_other_status() -> None:
    """Also where the group has read what is left."""
    assert history([(5, 10)], start=6) is Status.EXPIRED
    assert history([(5, 10)], start=5) is Status.OK


def test_a_lag_within_allowed_is_ok() -> None:
    """Transaction markers take an offset each: a constant lag of 1 is normal."""
    assert history([(9, 10)] * 20, allowed=1) is Status.OK
    assert history([(8, 10)] * 20, allowed=1) is Status.STALL


def test_the_window_is_longer_where_commits_are_seldom() -> None:
    """Commits a minute apart, as Flink's checkpoints: 110 s without one is no stall."""
    samples = [(6 * (n // 6), 100 + n) for n in range(40)]
    silent = [(samples[-1][0], 200 + n) for n in range(14)]
    assert history(samples + silent) is Status.WARN
    assert history(samples + [(samples[-1][0], 200 + n) for n in range(20)]) is Status.STALL


@pytest.mark.parametrize("unwatched_s", [300, 86_400, -3600], ids=["outage", "clock", "clock back"])
def test_time_without_polls_is_in_no_window(unwatched_s: int) -> None:
    """After an outage, or a step of the wall clock, the first poll calls no healthy group bad.

    Ten more polls find the one that stands still."""
    polls = [n * 10 * NS for n in range(30)]
    after = [polls[-1] + (unwatched_s + 10 * n) * NS for n in range(1, 12)]
    well, still, slow = (RowTrack(5, 0, 0, 10 * NS) for _ in range(3))

    for n, time_ns in enumerate(polls):
        well.judge(row(5, 5), PRESENT, 0, time_ns)
        still.judge(row(5, 9), PRESENT, 0, time_ns)
        slow.judge(row(5 + n, 9 + n - n % 5), PRESENT, 0, time_ns)

    assert well.judge(row(5, 9), PRESENT, 0, after[0]) is Status.OK
    assert still.judge(row(5, 9), PRESENT, 0, after[0]) is Status.STALL
    assert slow.judge(row(50, 60), PRESENT, 0, after[0]) is Status.OK
    assert [well.judge(row(5, 9), PRESENT, 0, time_ns) for time_ns in after[1:]][-1] is Status.STALL


def test_a_rewind_before_the_window_does_not_count() -> None:
    """Rewound on purpose long ago, then a little, and back: not rewound in this window."""
    forward = [(100 + n, 9000) for n in range(20)]
    assert history([(5000, 9000), *forward, (110, 9000)]) is Status.REWIND
    assert history([(5000, 9000), *forward, (110, 9000), (120, 9000)]) is Status.OK


def test_status_numbers_are_burrows() -> None:
    """Dashboards made for Burrow read them; our own statuses follow."""
    assert {status.name: int(status) for status in Status} == {
        "NONE": 0,
        "OK": 1,
        "WARN": 2,
        "ERR": 3,
        "STOP": 4,
        "STALL": 5,
        "REWIND": 6,
        "EXPIRED": 7,
        "AHEAD": 8,
    }


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (set(), Status.NONE),
        ({Status.OK}, Status.OK),
        ({Status.OK, Status.WARN}, Status.WARN),
        ({Status.OK, Status.STOP}, Status.ERR),
        ({Status.WARN, Status.EXPIRED}, Status.ERR),
    ],
)
def test_worst_status_of_a_topic_or_group(statuses: set[Status], expected: Status) -> None:
    """No status is NONE, not OK; anything beyond WARN is ERR."""
    assert worst_status(statuses) is expected


def test_every_status_rule_has_a_reason() -> None:
    """A sentence that can be read alone."""
    assert all(len(reason.split()) > 5 for _, _, reason in STATUS_RULES)
