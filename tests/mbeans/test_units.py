"""Units of fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.mbeans.units import QUANTITIES, UNITS, conversion, unit_of


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("p99_total_time_ms", "ms"),
        ("lag_seconds", "s"),
        ("heap_used_bytes", "B"),
        ("bytes_in_total", "B"),
        ("bytes_in_rate", "B/s"),
        ("messages_in_rate", "1/s"),
        ("messages_in_total", "1"),
        ("rebalance_rate_per_hour", "1/h"),
        ("request_handler_idle_ratio", "ratio"),
        ("broker_state", "state"),
        ("leaders", None),
        ("ms", "ms"),
    ],
)
def test_unit_of_a_name(name: str, unit: str | None) -> None:
    """By the convention of our names; None for a name without a unit."""
    assert unit_of(name) == unit


@pytest.mark.parametrize(
    ("given", "wanted", "factor"),
    [("ms", "s", 0.001), ("min", "s", 60.0), ("KiB", "B", 1024.0), ("%", "ratio", 0.01)],
)
def test_units_of_one_kind_convert(given: str, wanted: str, factor: float) -> None:
    """A value times the factor is the same quantity in the other unit."""
    assert conversion(given, wanted) == pytest.approx(factor)


@pytest.mark.parametrize(("given", "wanted"), [("ms", "B"), ("1/s", "s")])
def test_units_of_two_kinds_do_not_convert(given: str, wanted: str) -> None:
    """A time is not a size, and a rate is not a time."""
    assert conversion(given, wanted) is None


@given(st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_units_convert_both_ways(one: str, other: str) -> None:
    """Two units of one quantity convert in both directions, others in neither."""
    there, back = conversion(one, other), conversion(other, one)
    if there is None or back is None:
        assert there is back is None
        assert not any(one in quantity and other in quantity for quantity in QUANTITIES)
    else:
        assert there * back == pytest.approx(1.0)
