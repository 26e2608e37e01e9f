"""Thinning of partition rows: which become points."""

from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.history.lag_history import LagHistory
from jmxbridge.lag.output.points import to_points
from jmxbridge.lag.output.row_thinning import Granularity, RowThinning
from jmxbridge.lag.rows import compute_lags
from jmxbridge.times import NS


def written(thinning: RowThinning, polls: list[tuple[int, int]], measurement: str) -> list[int]:
    """The numbers of the polls, 10 s apart, that wrote a point; each is (committed, end)."""
    history = LagHistory(interval_ns=10 * NS)
    found = []
    for n, (committed, end) in enumerate(polls):
        snapshot = Snapshot(
            groups={"g": Group("g", 1, "consumer", "Stable")},
            commits={"g": {"t": {0: committed}}},
            end_offsets={"t": {0: end}},
        )
        lags = compute_lags(snapshot)
        assessment = history.take(lags, snapshot, n * 10 * NS)
        points = to_points(assessment, snapshot, thinning, cluster="c", time_ns=n * 10 * NS)
        found += [n for point in points if point.measurement == measurement]
    return found


def test_an_unchanged_row_is_written_once_a_minute() -> None:
    """At once where it is new, then by the heartbeat."""
    assert written(RowThinning(), [(5, 5)] * 14, "kafka_consumer_lag") == [0, 6, 12]
    assert written(RowThinning(heartbeat_s=20), [(5, 5)] * 5, "kafka_consumer_lag") == [0, 2, 4]


def test_a_changed_row_is_written_at_once() -> None:
    """Its commit, its end or its status: here it stalls at the eleventh poll."""
    polls = [(5, 5), (5, 5), (5, 6), (6, 6), (6, 6)]
    assert written(RowThinning(), polls, "kafka_consumer_lag") == [0, 2, 3]
    assert written(RowThinning(heartbeat_s=900), [(5, 6)] * 12, "kafka_consumer_lag") == [0, 10]


def test_a_moved_last_stable_offset_is_written_at_once() -> None:
    """A transaction ended, and nothing else changed: the lag is another one."""
    thinning, history = RowThinning(), LagHistory(interval_ns=10 * NS)
    lags_written = []
    for n, stable_end in enumerate((7, 7, 9, 9)):
        snapshot = Snapshot(
            groups={"g": Group("g", 1, "consumer", "Stable")},
            commits={"g": {"t": {0: 5}}},
            end_offsets={"t": {0: 10}},
            stable_ends={"t": {0: stable_end}},
            read_committed=frozenset("g"),
        )
        assessment = history.take(compute_lags(snapshot), snapshot, n * 10 * NS)
        points = to_points(assessment, snapshot, thinning, cluster="c", time_ns=n * 10 * NS)
        lags_written += [
            (n, point.fields["lag"])
            for point in points
            if point.measurement == "kafka_consumer_lag"
        ]
    assert lags_written == [(0, 2), (2, 4)]


def test_roll_ups_are_written_at_every_poll() -> None:
    """A gap in them means that the poll was silent."""
    for measurement in ("kafka_consumer_lag_topic", "kafka_consumer_lag_group"):
        assert written(RowThinning(), [(5, 5)] * 3, measurement) == [0, 1, 2]


def test_a_group_has_rows_as_fine_as_wanted() -> None:
    """The first pattern that matches it whole; partitions where none does."""
    topics = RowThinning(granularity={"g": Granularity.TOPIC, ".*": Granularity.GROUP})
    groups = RowThinning(granularity={".*": Granularity.GROUP})
    other = RowThinning(granularity={"gg": Granularity.GROUP})
    measurements = ("kafka_consumer_lag", "kafka_consumer_lag_topic", "kafka_consumer_lag_group")

    def finest(thinning: RowThinning) -> list[bool]:
        return [bool(written(thinning, [(5, 5)], measurement)) for measurement in measurements]

    assert finest(topics) == [False, True, True]
    assert finest(groups) == [False, False, True]
    assert finest(other) == [True, True, True]


def test_a_clock_set_back_holds_back_no_row() -> None:
    """A row last written at what is now a future time is written again."""
    thinning = RowThinning()
    assert written(thinning, [(5, 5)] * 7, "kafka_consumer_lag") == [0, 6]
    assert written(thinning, [(5, 5)], "kafka_consumer_lag") == [0]


def many(thinning: RowThinning, sizes: dict[str, int]) -> dict[str, int]:
    """Return the number of partition rows by group, and of the rows left out."""
    snapshot = Snapshot(
        groups={name: Group(name, 1, "consumer", "Stable") for name in sizes},
        commits={name: {"t": dict.fromkeys(range(size), 0)} for name, size in sizes.items()},
        end_offsets={"t": dict.fromkeys(range(max(sizes.values())), 5)},
    )
    assessment = Assessment(compute_lags(snapshot))
    points = list(to_points(assessment, snapshot, thinning, cluster="c", time_ns=0))
    found: dict[str, int] = {}
    for point in points:
        if point.measurement == "kafka_consumer_lag":
            found[point.tags["group"]] = found.get(point.tags["group"], 0) + 1
    topics = [p.tags["group"] for p in points if p.measurement == "kafka_consumer_lag_topic"]
    assert sorted(topics) == sorted(sizes)
    left_out = points[-1].fields["rows_rolled_up"]
    assert isinstance(left_out, int)
    return found | {"left out": left_out}


def test_max_rows_rolls_up_the_largest_groups() -> None:
    """As many groups as it takes get rows by topic only; every group keeps its sums."""
    sizes = {"a": 5, "big": 20, "c": 3, "large": 10}

    assert many(RowThinning(max_rows=38), sizes) == sizes | {"left out": 0}
    assert many(RowThinning(max_rows=37), sizes) == {"a": 5, "c": 3, "large": 10, "left out": 20}
    assert many(RowThinning(max_rows=8), sizes) == {"a": 5, "c": 3, "left out": 30}
    assert many(RowThinning(max_rows=1), sizes) == {"left out": 38}


def test_max_rows_counts_partition_rows_only() -> None:
    """Groups configured without partition rows do not count."""
    thinning = RowThinning(max_rows=5, granularity={"big": Granularity.TOPIC})
    assert many(thinning, {"a": 5, "big": 20}) == {"a": 5, "left out": 0}
