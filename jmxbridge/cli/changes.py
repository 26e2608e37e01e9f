"""Differences between two readings of MBean values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jmxbridge.jmx import ObjectName
    from jmxbridge.jmx.values import Value

ValueKey = tuple[str, str]
"""An MBean's name, and an attribute or an item of a composite one: `HeapMemoryUsage.used`."""


@dataclass(frozen=True, slots=True)
class Change:
    """A new value; `delta` is the difference to the previous one if both are numbers."""

    key: ValueKey
    value: Any
    is_new: bool
    delta: float | None = None


def flat(readings: "Sequence[tuple[ObjectName, Mapping[str, Value]]]") -> dict[ValueKey, Any]:
    """Return the values as in JSON by key, sorted; a composite value item by item."""
    from jmxbridge.cli.mbean_values import plain

    pairs = (
        ((name.text, path), value)
        for name, values in readings
        for path, value in _items("", plain(values))
    )
    return dict(sorted(pairs))


def _items(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping) or (prefix and not value):
        yield prefix, value
        return
    for key, item in value.items():
        yield from _items(f"{prefix}.{key}" if prefix else key, item)


def changes(before: Mapping[ValueKey, Any], now: Mapping[ValueKey, Any]) -> list[Change]:
    """Return the values that are new or different."""
    return [
        Change(key, value, key not in before, difference(before.get(key), value))
        for key, value in now.items()
        if key not in before or before[key] != value
    ]


def difference(before: Any, now: Any) -> float | None:
    """Return the growth of a number; None if one of the two is no number, or is a bool."""
    numbers = [value for value in (before, now) if isinstance(value, int | float)]
    if len(numbers) < 2 or isinstance(before, bool) or isinstance(now, bool):
        return None
    delta: float = now - before
    return delta
