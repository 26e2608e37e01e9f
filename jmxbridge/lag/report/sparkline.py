"""Sparkline: numbers as a line of bars, one character each.

Rule: the scale begins at 0 and ends at the highest number, so half as high is half as much. A
number above 0 is never drawn as an empty bar.
"""

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
ASCII_BARS = "_.:-=+*#"


def sparkline(values: Sequence[int], bars: str = BARS) -> str:
    """Draw values that are not negative; the first of `bars` stands for 0 alone."""
    top = max(values, default=0)
    steps = len(bars) - 1
    return "".join(bars[-(-value * steps // top) if top else 0] for value in values)
