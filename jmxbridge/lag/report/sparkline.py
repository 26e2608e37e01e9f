"""A few numbers as a line of bars, one character each.

Rule: the line begins at 0, and its highest bar is the highest number: half as high is half as much.
What is more than 0 is never drawn as nothing.
"""

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
ASCII_BARS = "_.:-=+*#"


def sparkline(values: Sequence[int], bars: str = BARS) -> str:
    """Draw values that are not negative; the first bar is for 0 alone."""
    top = max(values, default=0)
    steps = len(bars) - 1
    return "".join(bars[-(-value * steps // top) if top else 0] for value in values)
