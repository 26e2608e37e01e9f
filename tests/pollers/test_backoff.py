"""When a target that is down is tried again."""

from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.pollers.backoff import LONGEST_S, Backoff


@given(
    first_s=st.floats(0.1, 600),
    failures=st.integers(1, 200),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_a_delay_has_a_floor_and_a_ceiling(first_s: float, failures: int, chance: float) -> None:
    """After any number of failures the next try is due, but never at once and never much later."""
    backoff = Backoff(first_s, lambda: chance)
    for _ in range(failures):
        backoff.failed(1000.0)
    delay_s = backoff.not_before_s - 1000.0
    longest_s = max(LONGEST_S, first_s)
    assert 0.49 * min(first_s, longest_s) <= delay_s <= 1.01 * longest_s
    assert not backoff.may_try(1000.0)
    assert backoff.may_try(1000.0 + longest_s)


def test_delays_double_up_to_the_longest() -> None:
    """With an interval of a second: a half to one second, then twice that, up to five."""
    backoff = Backoff(1.0, lambda: 0.999999)
    delays = []
    for _ in range(5):
        backoff.failed(0.0)
        delays.append(round(backoff.not_before_s))
    assert delays == [1, 2, 4, 5, 5]


def test_success_starts_over() -> None:
    """A target that answered once is tried at once when it next fails to."""
    backoff = Backoff(1.0, lambda: 0.0)
    backoff.failed(0.0)
    backoff.succeeded()
    assert backoff.may_try(0.0)
