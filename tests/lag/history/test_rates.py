"""How fast, and until when: rates over the last polls, and a time of arrival where there is one."""

import pytest

from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.history.rates import Rate, Rates
from jmxbridge.lag.rows import compute_lags

NS = 1_000_000_000

# (why, [(committed, end)] 10 s apart) -> rate of the last poll, or None
CASES = [
    ("one poll is no rate", [(0, 100)], None),
    ("it gains 10 a second, with 800 to go", [(0, 900), (200, 1000)], Rate(10.0, 20.0, 80.0)),
    ("it loses ground: there is no arrival", [(0, 100), (50, 200)], Rate(10.0, 5.0, None)),
    ("as fast as the topic", [(0, 100), (100, 200)], Rate(10.0, 10.0, None)),
    ("a gain within the dead band is noise", [(0, 9000), (104, 9100)], Rate(10.0, 10.4, None)),
    ("a month away is never", [(0, 10**9), (10, 10**9)], Rate(0.0, 1.0, None)),
    ("it has arrived", [(90, 100), (110, 110)], Rate(1.0, 2.0, 0.0)),
    ("nobody writes and nobody reads", [(5, 10), (5, 10)], Rate(0.0, 0.0, None)),
    ("a commit that went back begins anew", [(90, 100), (0, 100)], None),
    ("an end that went back begins anew", [(90, 100), (90, 95)], None),
    ("and after that it counts again", [(90, 100), (0, 100), (10, 120)], Rate(2.0, 1.0, None)),
    ("of many polls the last minute counts", [(n * n, 1000) for n in range(9)],
     Rate(0.0, 1.0, 936.0)),
]  # fmt: skip


def snapshot(committed: int, end: int, *more: int) -> Snapshot:
    """One group on one topic; `more` are partitions that it has read."""
    return Snapshot(
        groups={},
        commits={"g": {"t": {0: committed, **dict.fromkeys(more, 5)}}},
        end_offsets={"t": {0: end, **dict.fromkeys(more, 5)}},
    )


@pytest.mark.parametrize(("why", "polls", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_topic_has_rates(why: str, polls: list[tuple[int, int]], expected: Rate | None) -> None:
    """After the last of these polls."""
    rates = Rates()
    found = {}
    for n, (committed, end) in enumerate(polls):
        found = rates.take(compute_lags(snapshot(committed, end)), n * 10 * NS)
    assert found == ({} if expected is None else {("g", "t"): expected})


def test_sums_over_other_partitions_are_no_rate() -> None:
    """One that answers again would look like a burst of records."""
    rates = Rates()
    rates.take(compute_lags(snapshot(0, 100)), 0)
    assert rates.take(compute_lags(snapshot(0, 100, 1)), 10 * NS) == {}
    assert rates.take(compute_lags(snapshot(0, 110, 1)), 20 * NS) == {
        ("g", "t"): Rate(1.0, 0.0, None)
    }


def test_an_instant_that_repeats_is_no_rate() -> None:
    """A clock set back repeats instants of the grid; nothing is divided by 0."""
    rates = Rates()
    rates.take(compute_lags(snapshot(0, 100)), 10 * NS)
    assert rates.take(compute_lags(snapshot(50, 100)), 10 * NS) == {}
