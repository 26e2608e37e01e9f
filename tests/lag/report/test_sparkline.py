"""Sparkline of a few numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.lag.report.sparkline import ASCII_BARS, BARS, sparkline

VALUES = st.lists(st.integers(0, 2**63), max_size=80)


@pytest.mark.parametrize(
    ("values", "expected"),
    [((), ""), ((0, 0), "▁▁"), ((0, 1, 50, 100), "▁▂▅█"), ((7,), "█")],
)
def test_sparkline_scales_to_the_highest_value(values: tuple[int, ...], expected: str) -> None:
    """It begins at 0: half as high is half as much."""
    assert sparkline(values) == expected


@given(VALUES)
def test_sparkline_has_a_bar_for_each_value(values: list[int]) -> None:
    """The highest is full, a value above 0 is never an empty bar, and order is kept."""
    heights = [BARS.index(bar) for bar in sparkline(values)]
    assert len(heights) == len(values)
    assert all((height == 0) == (value == 0) for height, value in zip(heights, values, strict=True))
    assert max(heights, default=0) in (0, len(BARS) - 1)
    ordered = sorted(zip(values, heights, strict=True))
    assert [height for _, height in ordered] == sorted(heights)


@given(VALUES)
def test_ascii_bars_are_as_high_as_unicode_bars(values: list[int]) -> None:
    """For terminals that cannot draw them."""
    drawn = [BARS.index(bar) for bar in sparkline(values)]
    assert [ASCII_BARS.index(sign) for sign in sparkline(values, ASCII_BARS)] == drawn
