"""Status rules as a table of little histories: each says in words why its answer is right."""

import pytest

from jmxbridge.lag.history.status import STATUS_RULES, Presence, RowTrack, Status, worst_status
from jmxbridge.lag.rows import PartitionLag

NS = 1_000_000_000
PRESENT, ABSENT, UNSEEN = Presence.PRESENT, Presence.ABSENT, Presence.UNSEEN

Sample = tuple[int, int]
"""committed, end; one each 10 s"""


def history(
    samples: list[Sample], presence: Presence = PRESENT, *, allowed: int = 0, start: int = 0
) -> Status:
    """The status after the last of these polls."""
    rows = [row(at, end, start) for at, end in samples]
    track = RowTrack(rows[0].offset, rows[0].lag, 0, 10 * NS)
    status = Status.UNKNOWN
    for n, each in enumerate(rows):
        status = track.judge(each, presence, allowed, n * 10 * NS)
    return status


def row(at: int, end: int, start: int = 0) -> PartitionLag:
    """One poll's row."""
    return PartitionLag("g", "t", 0, at, end, max(0, end - at), max(0, at - end), start)


STILL = [(5, 10)] * 11
LOSING = [(5 + n, 10 + 2 * n) for n in range(11)]
CASES = [
    ("caught up", [(10, 10)], PRESENT, Status.OK),
    ("caught up and without members: a batch job at rest", [(10, 10)] * 11, ABSENT, Status.OK),
    ("one look tells nothing yet", [(5, 10)], ABSENT, Status.OK),
    ("two polls without members and with a backlog", [(5, 10)] * 2, ABSENT, Status.STOP),
    ("no members listed, yet the commit moved", [(5, 10), (6, 10)], ABSENT, Status.OK),
    ("members, and a window not yet full", [(5, 10)] * 10, PRESENT, Status.OK),
    ("nothing committed over a full window", STILL, PRESENT, Status.STALL),
    ("the same where members cannot be seen", STILL, UNSEEN, Status.STOP),
    ("unseen members, window not full", [(5, 10)] * 10, UNSEEN, Status.OK),
    ("it reads, and loses ground all the time", LOSING, PRESENT, Status.WARN),
    (
        "it lost ground but for once",
        [*LOSING[:-3], (30, 31), (31, 34), (32, 37)],
        PRESENT,
        Status.OK,
    ),
    (
        "it was caught up a moment ago",
        [*[(5, 10)] * 5, (10, 10), *[(10, 15)] * 5],
        PRESENT,
        Status.OK,
    ),
    ("it went back", [(9, 10), (2, 10)], PRESENT, Status.REWIND),
    ("it went back and came as far again", [(8, 10), (2, 10), (8, 10)], PRESENT, Status.OK),
    (
        "it went back and came further, not as far",
        [(8, 20), (2, 20), (7, 20)],
        PRESENT,
        Status.REWIND,
    ),
    (
        "back twice: it counts where it once was",
        [(8, 9), (5, 9), (6, 9), (2, 9), (7, 9)],
        PRESENT,
        Status.REWIND,
    ),
    (
        "it went back so long ago that it is history",
        [(9, 10), *[(2, 10)] * 11],
        PRESENT,
        Status.STALL,
    ),
    ("it went back and caught up: no word", [(9, 10), (2, 2)], PRESENT, Status.OK),
    ("ahead at one poll may be an election", [(9, 10), (9, 5)], PRESENT, Status.OK),
    ("ahead at two polls", [(9, 5)] * 2, PRESENT, Status.AHEAD),
    ("ahead, then the topic has grown again", [(9, 5), (9, 5), (9, 9)], PRESENT, Status.OK),
]


@pytest.mark.parametrize(
    ("why", "samples", "presence", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_a_history_has_a_name(
    why: str, samples: list[Sample], presence: Presence, expected: Status
) -> None:
    """The first rule that applies."""
    assert history(samples, presence) is expected


def test_records_deleted_unread_outweigh_all_else() -> None:
    """Also where the group is caught up with what is left."""
    assert history([(5, 10)], start=6) is Status.EXPIRED
    assert history([(5, 10)], start=5) is Status.OK


def test_a_lag_that_is_allowed_is_none() -> None:
    """Transaction markers hold an offset each: lag 1 for ever, and nothing is wrong."""
    assert history([(9, 10)] * 20, allowed=1) is Status.OK
    assert history([(8, 10)] * 20, allowed=1) is Status.STALL


def test_who_commits_seldom_has_a_longer_window() -> None:
    """Commits a minute apart, as Flink's checkpoints: 110 s of silence are no stall there."""
    samples = [(6 * (n // 6), 100 + n) for n in range(40)]
    silent = [(samples[-1][0], 200 + n) for n in range(14)]
    assert history(samples + silent) is Status.WARN
    assert history(samples + [(samples[-1][0], 200 + n) for n in range(20)]) is Status.STALL


@pytest.mark.parametrize("unwatched_s", [300, 86_400, -3600], ids=["outage", "clock", "clock back"])
def test_time_that_nobody_watched_is_in_no_window(unwatched_s: int) -> None:
    """An outage, or a step of the wall clock: nothing was committed in it, as far as anybody knows.

    So the first poll after it accuses nobody who was well, and ten more find who is not.
    """
    polls = [n * 10 * NS for n in range(30)]
    after = [polls[-1] + (unwatched_s + 10 * n) * NS for n in range(1, 12)]
    well, still, slow = (RowTrack(5, 0, 0, 10 * NS) for _ in range(3))

    for n, at in enumerate(polls):
        well.judge(row(5, 5), PRESENT, 0, at)
        still.judge(row(5, 9), PRESENT, 0, at)
        slow.judge(row(5 + n, 9 + n - n % 5), PRESENT, 0, at)

    assert well.judge(row(5, 9), PRESENT, 0, after[0]) is Status.OK
    assert still.judge(row(5, 9), PRESENT, 0, after[0]) is Status.STALL
    assert slow.judge(row(50, 60), PRESENT, 0, after[0]) is Status.OK
    assert [well.judge(row(5, 9), PRESENT, 0, at) for at in after[1:]][-1] is Status.STALL


def test_how_far_a_group_had_come_before_the_window_is_history() -> None:
    """Rewound on purpose long ago, then a little, and back: it is where it was in this window."""
    forward = [(100 + n, 9000) for n in range(20)]
    assert history([(5000, 9000), *forward, (110, 9000)]) is Status.REWIND
    assert history([(5000, 9000), *forward, (110, 9000), (120, 9000)]) is Status.OK


def test_burrows_numbers_stay_burrows() -> None:
    """Dashboards made for Burrow read them; ours come after."""
    assert {status.name: int(status) for status in Status} == {
        "OK": 1,
        "WARN": 2,
        "ERR": 3,
        "STOP": 4,
        "STALL": 5,
        "REWIND": 6,
        "EXPIRED": 7,
        "AHEAD": 8,
        "UNKNOWN": 9,
    }


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (set(), Status.UNKNOWN),
        ({Status.OK}, Status.OK),
        ({Status.OK, Status.WARN}, Status.WARN),
        ({Status.OK, Status.STOP}, Status.ERR),
        ({Status.WARN, Status.EXPIRED}, Status.ERR),
    ],
)
def test_a_group_is_as_well_as_its_worst_partition(statuses: set[Status], expected: Status) -> None:
    """Nothing known is UNKNOWN, not OK; anything worse than WARN is an error."""
    assert worst_status(statuses) is expected


def test_every_rule_has_its_reason() -> None:
    """A sentence that stands alone."""
    assert all(len(reason.split()) > 5 for _, _, reason in STATUS_RULES)
