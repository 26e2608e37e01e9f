"""Delays after verdicts: full jitter, doubled up to a bound, at least the server's Retry-After."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmxbridge.influx.pace import Pace
from jmxbridge.influx.verdict import Action, Verdict

PACE = Pace(retry_first_s=1, retry_longest_s=60, hold_first_s=30, hold_longest_s=300)
RETRY = Verdict(Action.RETRY, "503")
HOLD = Verdict(Action.HOLD, "401")


@pytest.mark.parametrize(
    ("verdict", "attempt", "least", "most"),
    [
        (RETRY, 0, 0, 1),
        (RETRY, 1, 0, 2),
        (RETRY, 5, 0, 32),
        (RETRY, 6, 0, 60),
        (RETRY, 10**6, 0, 60),
        (HOLD, 0, 30, 60),
        (HOLD, 1, 30, 120),
        (HOLD, 3, 30, 300),
        (HOLD, 10**6, 30, 300),
    ],
)
def test_delay_lies_between_its_bounds(
    verdict: Verdict, attempt: int, least: float, most: float
) -> None:
    """The jitter covers the whole span."""
    assert PACE.delay_s(verdict, attempt, lambda: 0.0) == least
    assert PACE.delay_s(verdict, attempt, lambda: 1.0) == most


@settings(deadline=None)
@given(attempt=st.integers(0, 10**6), jitter=st.floats(0, 1), asked=st.floats(0, 600))
def test_retry_after_is_a_lower_bound(attempt: int, jitter: float, asked: float) -> None:
    """No jitter is shorter than the server asked for."""
    verdict = Verdict(Action.RETRY, "503", retry_after_s=asked)

    assert PACE.delay_s(verdict, attempt, lambda: jitter) >= asked
