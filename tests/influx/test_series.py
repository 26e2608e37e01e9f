"""Bound on the number of series of a run."""

from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.influx.series import SeriesBound


def test_series_bound_admits_known_series() -> None:
    """At the bound known series continue; points of new ones are refused and counted."""
    bound = SeriesBound(2)
    assert [bound.admits("m", key) for key in ("m,a=1", "m,a=2", "m,a=3", "m,a=1", "m,a=3")] == [
        *(True, True, False),
        *(True, False),
    ]
    assert (bound.count, bound.refused) == (2, 2)


def test_own_measurements_pass_a_full_bound() -> None:
    """The bridge's own measurements are written even at the bound."""
    bound = SeriesBound(0)
    assert not bound.admits("m", "m")
    assert bound.admits("jmxbridge_store", "jmxbridge_store,host=h")
    assert bound.refused == 1


def test_series_bound_names_the_largest_measurement() -> None:
    """Its rule is the one that needs a limit."""
    bound = SeriesBound(9)
    assert bound.largest == ""
    for measurement, key in (("a", "a,x=1"), ("b", "b,x=1"), ("b", "b,x=2"), ("a", "a,x=1")):
        bound.admits(measurement, key)
    assert bound.largest == "b"


def test_series_bound_may_be_raised() -> None:
    """A reload can raise it while the bridge runs."""
    bound = SeriesBound(0)
    assert not bound.admits("m", "m")
    bound.limit = 1
    assert bound.admits("m", "m")


@given(st.lists(st.text(max_size=3)), st.integers(0, 5))
def test_series_bound_is_never_exceeded(keys: list[str], limit: int) -> None:
    """For all sequences of points: each is admitted or counted."""
    bound = SeriesBound(limit)
    admitted = [key for key in keys if bound.admits("m", key)]
    assert len(set(admitted)) == bound.count <= limit
    assert len(admitted) + bound.refused == len(keys)
