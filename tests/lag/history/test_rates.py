"""Rates over the last polls, and the time to catch up."""

import pytest

from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.rates import Rate, Rates
from jmxbridge.lag.rows import compute_lags
from jmxbridge.times import NS

# (why, [(committed, end)] 10 s apart) -> rate of the last poll, or None
CASES = [
    ("one poll gives no rate", [(0, 100)], None),
    ("it gains 10 a second, with 800 to go", [(0, 900), (200, 1000)], Rate(10.0, 20.0, 80.0)),
    ("it falls behind: no time to catch up", [(0, 100), (50, 200)], Rate(10.0, 5.0, None)),
    ("as fast as the topic", [(0, 100), (100, 200)], Rate(10.0, 10.0, None)),
    ("a gain within the dead band is noise", [(0, 9000), (104, 9100)], Rate(10.0, 10.4, None)),
    ("more than a month ahead counts as never", [(0, 10**9), (10, 10**9)], Rate(0.0, 1.0, None)),
    ("it has caught up", [(90, 100), (110, 110)], Rate(1.0, 2.0, 0.0)),
    ("no record written or read", [(5, 10), (5, 10)], Rate(0.0, 0.0, None)),
    ("a commit that went back", [(90, 100), (0, 100)], None),
    ("an end that went back", [(90, 100), (90, 95)], None),
    ("a commit that went back two polls ago", [(90, 100), (0, 100), (10, 120)],
     Rate(2.0, 1.0, None)),
    ("only the last minute of many polls counts", [(n * n, 1000) for n in range(9)],
     Rate(0.0, 1.0, 936.0)),
]  # fmt: skip


def snapshot(committed: int, end: int, *more: int) -> Snapshot:
    """Return a snapshot of one group on one topic; `more` are partitions read to the end."""
    return Snapshot(
        groups={},
        commits={"g": {"t": {0: committed, **dict.fromkeys(more, 5)}}},
        end_offsets={"t": {0: end, **dict.fromkeys(more, 5)}},
    )


@pytest.mark.parametrize(("why", "polls", "expected"), CASES, ids=[case[0] for case in CASES])
def test_rates_of_a_topic(why: str, polls: list[tuple[int, int]], expected: Rate | None) -> None:
    """Each case has the rate after its last poll."""
    rates = Rates()
    last = {}
    for n, (committed, end) in enumerate(polls):
        last = rates.take(compute_lags(snapshot(committed, end)), n * 10 * NS)
    assert last == ({} if expected is None else {("g", "t"): expected})


def test_rates_start_again_when_the_partitions_differ() -> None:
    """A partition that answers again would look like a burst of records."""
    rates = Rates()
    rates.take(compute_lags(snapshot(0, 100)), 0)
    assert rates.take(compute_lags(snapshot(0, 100, 1)), 10 * NS) == {}
    assert rates.take(compute_lags(snapshot(0, 110, 1)), 20 * NS) == {
        ("g", "t"): Rate(1.0, 0.0, None)
    }


def test_rates_ignore_a_repeated_instant() -> None:
    """A clock set back repeats instants of the grid; no division by 0."""
    rates = Rates()
    rates.take(compute_lags(snapshot(0, 100)), 10 * NS)
    assert rates.take(compute_lags(snapshot(50, 100)), 10 * NS) == {}
