"""Names for dashboards of another tool."""

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
    """Points of each measurement."""
    shares = (SharePartition("s", "t", 0, 5, 3),)
    found = described()
    snapshot = replace(found, extras=replace(found.extras, shares=shares))
    assessment = Assessment(compute_lags(snapshot))
    return list(to_points(assessment, snapshot, cluster="c", time_ns=NOW))


def test_a_dashboard_of_burrow_finds_its_names() -> None:
    """Measurement and fields; what has no other name keeps its own, and so does the poll itself."""
    (point,) = Renaming(BURROW)([GROUP])
    assert point == Point(
        "burrow_group",
        {"cluster": "c", "group": "g"},
        {"total_lag": 7, "lag": 5, "partition_count": 2, "status": "OK"},
        1,
    )
    poll = Point("jmxbridge_lag_poll", {"cluster": "c"}, {"complete": True}, 1)
    assert list(Renaming(BURROW)([poll])) == [poll]


def test_without_names_nothing_is_touched() -> None:
    """Not even looked at."""
    points = [GROUP]
    assert Renaming()(points) is points


def test_all_that_is_written_can_be_called_otherwise() -> None:
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
def test_names_without_a_clash_lose_nothing(names: dict[str, str]) -> None:
    """As many measurements, tags and fields as before; a clash names one that is to blame."""
    found = clash(names)
    points = [p for p in everything() if p.measurement in WRITTEN]
    if found is not None:
        assert found.name in names
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
def test_no_two_things_share_a_name(names: dict[str, str], expected: Clash | None) -> None:
    """Within a measurement, and among measurements; the one that was given the name is to blame."""
    assert clash(names) == expected


def test_points_are_made_as_they_are_looked_at() -> None:
    """As many as there are, the same every time."""
    points = Renaming(BURROW)([GROUP])
    assert len(points) == 1
    assert list(points) == list(points)
    assert GROUP not in points
