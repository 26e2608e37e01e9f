"""Differences between two readings of MBean values."""

from typing import Any

import pytest

from jmxbridge.cli.changes import Change, changes, difference, flat
from jmxbridge.jmx import ObjectName

MEMORY = ObjectName.parse("java.lang:type=Memory")


def test_flat_lists_composites_by_item() -> None:
    """Each item has a key of its own, sorted; a list is one value."""
    values: dict[str, Any] = {"b": {"used": 1, "max": {"x": 2}}, "a": (1, 2), "c": {}}
    values_by_key = flat([(MEMORY, values)])
    assert {place[1]: value for place, value in values_by_key.items()} == {
        "a": [1, 2],
        "b.max.x": 2,
        "b.used": 1,
        "c": {},
    }
    assert list(values_by_key) == sorted(values_by_key)


def test_changes_are_new_and_different_values() -> None:
    """A value that vanished is not listed."""
    a, b, c = (("m", name) for name in "abc")
    changed = changes({a: 1, b: 1, ("m", "gone"): 1}, {a: 1, b: 3, c: "x"})
    assert changed == [Change(b, 3, False, 2), Change(c, "x", True)]


@pytest.mark.parametrize(
    ("before", "now", "delta"),
    [(1, 3, 2), (1.5, 1, -0.5), (True, False, None), ("a", "b", None), (None, 1, None)],
)
def test_difference_is_for_numbers(before: Any, now: Any, delta: float | None) -> None:
    """Text and booleans have none."""
    assert difference(before, now) == delta
