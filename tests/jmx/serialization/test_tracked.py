"""Values that record where in a reply they were."""

import pytest

from jmxbridge.jmx.serialization.tracked import TrackedValues, ValueSpan
from jmxbridge.jmx.values import Value


@pytest.mark.parametrize(
    ("number", "code"), [(7, "i"), (1.5, "d"), (True, "?")], ids=["int", "float", "bool"]
)
def test_a_tracked_number_equals_the_number(number: Value, code: str) -> None:
    """A tracked number has an identity of its own, and a position."""
    tracked = TrackedValues()
    copy = tracked.track_number(number, 20, 4, code)
    assert copy == number
    assert copy is not number
    assert tracked.span_of(copy) == ValueSpan(20, 4, code)
    assert tracked.span_of(number) is None


def test_a_tracked_text_equals_the_text() -> None:
    """Two equal texts are told apart."""
    tracked = TrackedValues()
    first, second = tracked.track_text("a", 20, 1), tracked.track_text("a", 30, 1)
    assert first == second == "a"
    assert tracked.span_of(first) == ValueSpan(20, 1, "1s")
    assert tracked.span_of(second) == ValueSpan(30, 1, "1s")


def test_a_span_says_whether_it_is_text() -> None:
    """The code of a text ends with s."""
    assert ValueSpan(0, 3, "3s").is_text
    assert not ValueSpan(0, 4, "i").is_text


def test_a_value_that_is_no_number_is_not_tracked() -> None:
    """A tuple is returned unchanged."""
    tracked = TrackedValues()
    value = ("a tuple",)
    assert tracked.track_number(value, 0, 1, "?") is value
    assert tracked.span_of(value) is None


def test_references_are_occurrences() -> None:
    """A value occurs once, and once more for each reference to it."""
    tracked = TrackedValues()
    text = tracked.track_text("a", 20, 1)
    assert tracked.occurrences(text) == 1
    tracked.add_reference(text)
    tracked.add_reference(text)
    assert tracked.occurrences(text) == 3
