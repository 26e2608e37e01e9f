"""Backoff: delays between attempts at a target that is down."""

from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.pollers.backoff import LONGEST_S, Backoff


@given(
    first_s=st.floats(0.1, 600),
    failures=st.integers(1, 200),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_backoff_delays_have_a_floor_and_a_ceiling(
    first_s: float, failures: int, chance: float
) -> None:
    """After any number of failures the next attempt is due, never at once and never much later."""
    backoff = Backoff(first_s, lambda: chance)
    for _ in range(failures):
        backoff.failed(1000.0)
    delay_s = backoff.not_before_s - 1000.0
    longest_s = max(LONGEST_S, first_s)
    assert 0.49 * min(first_s, longest_s) <= delay_s <= 1.01 * longest_s
    assert not backoff.may_try(1000.0)
    assert backoff.may_try(1000.0 + longest_s)


def test_backoff_delays_double_up_to_the_longest() -> None:
    """At an interval of a second: half to one second, then twice that, up to five."""
    backoff = Backoff(1.0, lambda: 0.999999)
    delays = []
    for _ in range(5):
        backoff.failed(0.0)
        delays.append(round(backoff.not_before_s))
    assert delays == [1, 2, 4, 5, 5]


def test_backoff_starts_over_after_a_success() -> None:
    """A target that answered is tried at once after its next failure."""
    backoff = Backoff(1.0, lambda: 0.0)
    backoff.failed(0.0)
    backoff.succeeded()
    assert backoff.may_try(0.0)
