"""History of end offsets: the age of the oldest unread record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.lag.history.end_offset_history import (
    AGE_PER_GAP,
    MAX_AGE_NS,
    MAX_PARTITIONS,
    UNSEEN_NS,
    EndOffsetHistory,
    EndTable,
    TimeLag,
)
from jmxbridge.times import NS

# (why, [(second, end)], committed, seconds now) -> seconds, or None; a pair where it is a bound
CASES = [
    ("half of what came in 10 s was read", [(0, 0), (10, 100)], 50, 10, 5.0),
    ("the first record of the poll before last", [(0, 0), (10, 100), (20, 300)], 100, 20, 10.0),
    ("between polls it is interpolated", [(0, 0), (10, 100), (20, 300)], 200, 20, 5.0),
    ("idle for an hour, then one record: a poll ago", [(0, 7), (3600, 7), (3610, 8)], 7, 3610, 10),
    ("idle for many polls", [(0, 5), (10, 7), (20, 7), (30, 7), (40, 9)], 7, 40, 10.0),
    ("no record since, and it stays unread", [(0, 0), (10, 10), (20, 10), (30, 10)], 0, 30, 30),
    ("no record was written after it", [(0, 0), (10, 100)], 100, 10, None),
    ("from before the table: at least its age", [(100, 50), (110, 60)], 20, 110, (10.0,)),
    ("the very first poll", [(100, 50)], 20, 100, (0.0,)),
    ("the end went back: another log, older polls do not count", [(0, 90), (10, 5)], 0, 10, (0.0,)),
    ("a clock set back drops its future", [(0, 0), (50, 10), (20, 10)], 0, 20, 20.0),
    ("beyond 2**53 every record counts", [(0, 2**60), (10, 2**60 + 2)], 2**60 + 1, 10, 5.0),
]


@pytest.mark.parametrize(
    ("why", "polls", "committed", "now", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_end_table_time_lag(
    why: str,
    polls: list[tuple[int, int]],
    committed: int,
    now: int,
    expected: float | tuple[float] | None,
) -> None:
    """The age of the oldest unread record, a lower bound, or None."""
    table = EndTable()
    for second, end in polls:
        table.add(end, second * NS)

    time_lag = table.time_lag(committed, now * NS)

    if isinstance(expected, tuple):
        assert time_lag == TimeLag(expected[0], at_least=True)
    else:
        assert time_lag == (None if expected is None else TimeLag(expected))


steps = st.lists(st.sampled_from([0, 0, 0, 1, 5, 100]), min_size=2, max_size=700)


@given(steps, st.data())
def test_end_table_thinning_costs_a_tenth(increments: list[int], data: st.DataObject) -> None:
    """However the topic is written to and whatever offset is looked up."""
    table = EndTable()
    polls: list[tuple[int, int]] = []
    end = 0
    for n, increment in enumerate(increments):
        end += increment
        polls.append((n * 10, end))
        table.add(end, n * 10 * NS)
    now = polls[-1][0]
    offset = data.draw(st.integers(0, end))

    time_lag = table.time_lag(offset, now * NS)

    later = [second for second, end in polls if end > offset]
    if not later or polls[0][1] > offset:
        assert time_lag is None if not later else time_lag is not None and time_lag.at_least
        return
    passed = later[0]  # within the 10 s before this poll
    assert time_lag is not None
    assert not time_lag.at_least
    slack = (now - passed + 10) / AGE_PER_GAP * 1.2
    assert now - passed - slack <= time_lag.seconds <= now - passed + 10 + slack


def test_end_table_of_a_week_has_a_few_hundred_points() -> None:
    """Polled every 10 s, written to all the time."""
    table = EndTable()
    for n in range(60_480):
        table.add(n * 3, n * 10 * NS)

    assert len(table.times) < 350
    time_lag = table.time_lag(3 * 30_240, 60_479 * 10 * NS)
    assert time_lag is not None
    assert time_lag.seconds == pytest.approx(302_390, rel=0.001)  # steadily written: exact


def test_end_table_drops_points_older_than_a_week() -> None:
    """When it is thinned the next time; an offset from then has a lower bound."""
    table = EndTable()
    table.add(1, 0)
    for n in range(70):
        table.add(10 + n, MAX_AGE_NS + n * NS)

    assert table.times[0] == MAX_AGE_NS
    assert table.time_lag(5, MAX_AGE_NS + 69 * NS) == TimeLag(69.0, at_least=True)


def test_saved_points_of_an_offset_give_the_same_time_lag() -> None:
    """After a restart, with only the points that `since` returns."""
    ends = EndOffsetHistory()
    for n in range(20):
        ends.observe({"t": {0: n * 10, 1: n}}, n * 10 * NS)

    again = EndOffsetHistory(ends.since({("t", 0): 155, ("unknown", 0): 3}))

    assert again.time_lag(("t", 0), 155, 200 * NS) == ends.time_lag(("t", 0), 155, 200 * NS)
    assert again.time_lag(("t", 0), 149, 200 * NS) == TimeLag(50.0, at_least=True)
    assert again.time_lag(("t", 1), 5, 200 * NS) is None


def test_tables_from_the_future_are_dropped() -> None:
    """A machine that started years ahead: tables of that time go, and tables unseen for a day."""
    ends = EndOffsetHistory()
    ends.observe({"early": {0: 1}}, 10 * 365 * UNSEEN_NS)
    ends.observe({"now": {0: 1}}, 0)
    assert ends.topics() == {"now"}
    ends.observe({"later": {0: 1}}, UNSEEN_NS + 1)
    assert ends.topics() == {"later"}


def test_tables_are_limited_in_number() -> None:
    """A partition too many has no time lag; one not seen for a day makes room."""
    ends = EndOffsetHistory()
    ends.observe({"t": dict.fromkeys(range(MAX_PARTITIONS), 5)}, NS)
    ends.observe({"u": {0: 5}}, 2 * NS)
    assert ends.time_lag(("u", 0), 3, 2 * NS) is None

    ends.observe({"t": {0: 5}}, NS + UNSEEN_NS)
    ends.observe({"u": {0: 5}}, 2 * NS + UNSEEN_NS)

    assert ends.time_lag(("u", 0), 3, 2 * NS + UNSEEN_NS) == TimeLag(0.0, at_least=True)
    assert ends.time_lag(("t", 1), 3, 2 * NS + UNSEEN_NS) is None
