"""Trends of lag over the last looks."""

from dataclasses import replace

from jmxbridge.kafka.facts.snapshot import Snapshot
from jmxbridge.lag.report.trends import LOOKS, Trends
from jmxbridge.lag.rows import compute_lags

NOTHING = Snapshot(groups={}, commits={}, end_offsets={})
KEY = ("g", "t")


def seen(lag: int) -> Snapshot:
    """Return a snapshot of one group with this lag on one topic."""
    return replace(NOTHING, commits={"g": {"t": {0: 0}}}, end_offsets={"t": {0: lag}})


def take(trends: Trends, snapshot: Snapshot) -> list[int] | None:
    """Take one look; return the trend of the one topic."""
    trend = trends.take(compute_lags(snapshot), snapshot).get(KEY)
    return None if trend is None else list(trend)


def test_a_trend_has_the_lag_of_the_last_looks() -> None:
    """The latest is the last one; older ones than fit into a line are dropped."""
    trends = Trends()
    assert [take(trends, seen(lag)) for lag in (1, 2)] == [[1], [1, 2]]
    for lag in range(LOOKS):
        trend = take(trends, seen(lag))
    assert trend == list(range(LOOKS))


def test_a_trend_continues_after_a_look_that_could_not_read_it() -> None:
    """No sum, or a broker that did not list the group: it is not shown, and not lost."""
    trends = Trends()
    take(trends, seen(1))
    no_end = replace(seen(1), end_offsets={}, complete=False)
    for unreadable in (no_end, replace(NOTHING, complete=False)):
        assert take(trends, unreadable) is None
    assert take(trends, seen(2)) == [1, 2]


def test_a_trend_ends_with_its_group_or_topic() -> None:
    """A complete look without it, a group reported gone, a group without the topic."""
    for end in (
        NOTHING,
        replace(NOTHING, gone=frozenset("g"), complete=False),
        replace(NOTHING, commits={"g": {}}, complete=False),
    ):
        trends = Trends()
        take(trends, seen(1))
        assert take(trends, end) is None
        assert take(trends, seen(2)) == [2]
