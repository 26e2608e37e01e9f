"""A line of bars."""

from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.lag.report.sparkline import ASCII_BARS, BARS, sparkline

VALUES = st.lists(st.integers(0, 2**63), max_size=80)


@given(VALUES)
def test_a_bar_for_each_value_and_higher_for_more(values: list[int]) -> None:
    """The highest is full, what is more than 0 is never drawn as nothing, and order is kept."""
    heights = [BARS.index(bar) for bar in sparkline(values)]
    assert len(heights) == len(values)
    assert all((height == 0) == (value == 0) for height, value in zip(heights, values, strict=True))
    assert max(heights, default=0) in (0, len(BARS) - 1)
    ordered = sorted(zip(values, heights, strict=True))
    assert [height for _, height in ordered] == sorted(heights)


@given(VALUES)
def test_signs_are_as_high_as_bars(values: list[int]) -> None:
    """ASCII says the same."""
    drawn = [BARS.index(bar) for bar in sparkline(values)]
    assert [ASCII_BARS.index(sign) for sign in sparkline(values, ASCII_BARS)] == drawn
