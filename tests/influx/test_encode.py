"""Points as line protocol: what cannot be written is left out and counted."""

import pytest

from jmxbridge.influx.encode import MAX_KINDS, RejectedPoints, encode_points, writable_fields
from jmxbridge.influx.series import SeriesBound
from jmxbridge.point import FieldValue, Point

SECOND = 10**9


def test_encode_points_writes_one_line_a_point() -> None:
    """In the order of the points, without newlines."""
    points = [Point("m", {"n": str(n)}, {"v": 1.0}, SECOND) for n in range(2)]
    assert encode_points(points) == [b"m,n=0 v=1.0 1000000000", b"m,n=1 v=1.0 1000000000"]


def test_encode_points_keeps_the_other_fields_of_a_rejected_point(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The point is written without the fields; it is counted at every poll and logged once.

    A name made of a key property can be one that InfluxDB drops in silence, a text too long.
    """
    rejected = RejectedPoints()
    lines = []
    for second in (5, 6):
        odd: dict[str, FieldValue] = {"v": 1.0, "time": 2.0, "text": "x" * 2**21, "w": 3.0}
        points = [Point("m", {}, odd, second * SECOND), Point("n", {}, {"v": 1.0}, second * SECOND)]
        lines += encode_points(points, rejected=rejected)
    lines += encode_points([Point("m", {}, {"time": 1.0}, 7 * SECOND)], rejected=rejected)

    assert lines == [
        b"m v=1.0,w=3.0 5000000000",
        b"n v=1.0 5000000000",
        b"m v=1.0,w=3.0 6000000000",
        b"n v=1.0 6000000000",
    ]
    assert rejected.count == 3
    assert caplog.messages == [
        "a point of m cannot be written: m: a field cannot be called 'time'",
    ]


def test_encode_points_leaves_out_series_beyond_the_bound() -> None:
    """They are counted by the bound; they are no rejected points."""
    bound, rejected = SeriesBound(1), RejectedPoints()
    points = [Point("m", {"n": str(n)}, {"v": 1.0}, SECOND) for n in range(3)]

    assert encode_points(points, bound, rejected) == [b"m,n=0 v=1.0 1000000000"]
    assert (bound.refused, rejected.count) == (2, 0)


def test_writable_fields_of_a_point_without_a_measurement() -> None:
    """Where the fault is the point's own, no field can be written."""
    assert writable_fields(Point("", {}, {"v": 1.0}, SECOND)) == {}


def test_rejected_points_logs_a_bounded_number_of_kinds(caplog: pytest.LogCaptureFixture) -> None:
    """Numbers make no new kind; beyond the bound kinds are only counted."""
    rejected = RejectedPoints()
    for number in range(3):
        rejected.note(Point("m", {}, {}, SECOND), ValueError(f"value {number}"))
    for number in range(2 * MAX_KINDS):
        rejected.note(Point("m" + "x" * number, {}, {}, SECOND), ValueError("odd"))

    assert rejected.count == 3 + 2 * MAX_KINDS
    assert len(caplog.messages) == MAX_KINDS
