"""Values of MBeans that are looked at again and again: what changed, and by how much."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jmxbridge.jmx import ObjectName
    from jmxbridge.jmx.values import Value

Place = tuple[str, str]
"""An MBean's name, and an attribute, or an item of a composite one: `HeapMemoryUsage.used`."""


@dataclass(frozen=True, slots=True)
class Change:
    """A value now; `delta` is the difference to the one before where both are numbers."""

    place: Place
    value: Any
    is_new: bool
    delta: float | None = None


def flat(found: "Sequence[tuple[ObjectName, Mapping[str, Value]]]") -> dict[Place, Any]:
    """Return values by place, as JSON has them, composites item by item, sorted."""
    from jmxbridge.cli.mbean_values import plain

    pairs = (
        ((name.text, path), value)
        for name, values in found
        for path, value in _items("", plain(values))
    )
    return dict(sorted(pairs))


def _items(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping) or (prefix and not value):
        yield prefix, value
        return
    for key, each in value.items():
        yield from _items(f"{prefix}.{key}" if prefix else key, each)


def changes(before: Mapping[Place, Any], now: Mapping[Place, Any]) -> list[Change]:
    """Return what is new and what is not as it was."""
    return [
        Change(place, value, place not in before, difference(before.get(place), value))
        for place, value in now.items()
        if place not in before or before[place] != value
    ]


def difference(before: Any, now: Any) -> float | None:
    """Return by how much a number has grown; None for what is none, and for true and false."""
    numbers = [each for each in (before, now) if isinstance(each, int | float)]
    if len(numbers) < 2 or isinstance(before, bool) or isinstance(now, bool):
        return None
    found: float = now - before
    return found
