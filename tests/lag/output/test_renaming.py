"""Renaming of measurements, tags and fields for dashboards of another tool."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.kafka.facts.extras import SharePartition
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.output.points import to_points
from jmxbridge.lag.output.renaming import NAMES, WRITTEN, Clash, Renaming, clash
from jmxbridge.lag.rows import compute_lags
from jmxbridge.point import Point
from tests.lag.output.test_points import NOW, described

BURROW = {
    "kafka_consumer_lag": "burrow_partition",
    "kafka_consumer_lag_group": "burrow_group",
    "kafka_consumer_lag_group.lag_sum": "total_lag",
    "kafka_consumer_lag_group.lag_max": "lag",
    "kafka_consumer_lag_group.partitions": "partition_count",
}
GROUP = Point(
    "kafka_consumer_lag_group",
    {"cluster": "c", "group": "g"},
    {"lag_sum": 7, "lag_max": 5, "partitions": 2, "status": "OK"},
    1,
)


def everything() -> list[Point]:
    """Return points of every measurement."""
    shares = (SharePartition("s", "t", 0, 5, 3),)
    snapshot = described()
    snapshot = replace(snapshot, extras=replace(snapshot.extras, shares=shares))
    assessment = Assessment(compute_lags(snapshot))
    return list(to_points(assessment, snapshot, cluster="c", time_ns=NOW))


def test_renaming_gives_burrows_names() -> None:
    """Measurement and fields; names without a new one stay, and so does the poll's own point."""
    (point,) = Renaming(BURROW)([GROUP])
    assert point == Point(
        "burrow_group",
        {"cluster": "c", "group": "g"},
        {"total_lag": 7, "lag": 5, "partition_count": 2, "status": "OK"},
        1,
    )
    poll = Point("jmxbridge_lag_poll", {"cluster": "c"}, {"complete": True}, 1)
    assert list(Renaming(BURROW)([poll])) == [poll]


def test_renaming_without_names_returns_the_points_themselves() -> None:
    """They are not even iterated."""
    points = [GROUP]
    assert Renaming()(points) is points


def test_every_written_name_can_be_replaced() -> None:
    """Each tag and field of each measurement is in the table."""
    points = [p for p in everything() if p.measurement in WRITTEN]
    assert {p.measurement for p in points} == WRITTEN.keys()
    renamed = Renaming({name: f"x{number}" for number, name in enumerate(NAMES)})(points)
    for before, after in zip(points, renamed, strict=True):
        names = {before.measurement, *before.tags, *before.fields}
        assert names.isdisjoint({after.measurement, *after.tags, *after.fields})
        assert list(after.tags.values()) == list(before.tags.values())
        assert list(after.fields.values()) == list(before.fields.values())


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["a", "b", "lag", "offset"])))
def test_names_without_a_clash_lose_no_field(names: dict[str, str]) -> None:
    """As many measurements, tags and fields as before; a clash names a replaced name."""
    conflict = clash(names)
    points = [p for p in everything() if p.measurement in WRITTEN]
    if conflict is not None:
        assert conflict.name in names
        return
    renamed = list(Renaming(names)(points))
    assert len({p.measurement for p in renamed}) == len(WRITTEN)
    for before, after in zip(points, renamed, strict=True):
        both = len({*after.tags, *after.fields})
        assert both == len(before.tags) + len(before.fields)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({}, None),
        (BURROW, None),
        (
            {"kafka_consumer_lag.ahead": "offset"},
            Clash("kafka_consumer_lag.ahead", "kafka_consumer_lag.offset"),
        ),
        (
            {"kafka_consumer_lag": "kafka_consumer_group"},
            Clash("kafka_consumer_lag", "kafka_consumer_group"),
        ),
        ({"kafka_consumer_lag.ahead": "offset", "kafka_consumer_lag.offset": "ahead"}, None),
        (
            {"kafka_consumer_lag.lag": "group"},
            Clash("kafka_consumer_lag.lag", "kafka_consumer_lag.group"),
        ),
    ],
)
def test_clash_finds_two_things_of_one_name(names: dict[str, str], expected: Clash | None) -> None:
    """In a measurement, and among measurements; the replaced name is reported."""
    assert clash(names) == expected


def test_renamed_points_can_be_iterated_repeatedly() -> None:
    """As many as there are, the same every time."""
    points = Renaming(BURROW)([GROUP])
    assert len(points) == 1
    assert list(points) == list(points)
    assert GROUP not in points
