"""Readings to points, and an account of the values that are in none of them.

Readings that give the same measurement and tags merge into one point: attributes of a broker come
from dozens of MBeans. Two that give it the same field leave one of them out: the first stays, the
others are counted.

What a JVM did not say (null, an attribute missing from the answer) is not a value, so nothing is
dropped and nothing counted. What it did say is either in a point or in a count.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.conversion import Dropped, converter
from jmxbridge.mbeans.naming import fill
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import KEY_IN_TEMPLATE, Rule
from jmxbridge.point import FieldValue, Point

Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one poll, and the values that are not in them.

    `dropped_nonfinite`: NaN and infinities. `dropped_type`: what the field's type cannot hold,
    strings that `states` does not know, paths that a composite does not have. `duplicates`: values
    for a field that had one already.
    """

    points: tuple[Point, ...]
    dropped_nonfinite: int = 0
    dropped_type: int = 0
    duplicates: int = 0


def to_points(readings: Iterable[Reading], *, time_ns: int, tags: Mapping[str, str]) -> Points:
    """Make the points of one poll; `tags` are on every one of them."""
    series: dict[Series, dict[str, FieldValue]] = {}
    plans: dict[int, _Plan] = {}
    counts = dict.fromkeys(Dropped, 0)
    duplicates = 0
    for reading in readings:
        plan = plans.get(id(reading.rule))
        if plan is None:
            plan = plans[id(reading.rule)] = _Plan(reading.rule)
        found: dict[str, FieldValue] = {}
        duplicates += plan.convert(reading.name, reading.values, found, counts)
        if found:
            duplicates += _merge(series, plan.series(reading.name), found)
    points = tuple(
        Point(measurement, {**tags, **dict(own)}, fields, time_ns)
        for (measurement, own), fields in series.items()
    )
    return Points(points, counts[Dropped.NONFINITE], counts[Dropped.TYPE], duplicates)


def _merge(
    series: dict[Series, dict[str, FieldValue]], key: Series, found: dict[str, FieldValue]
) -> int:
    """Add fields to a series that may have some; return how many it had already."""
    fields = series.setdefault(key, found)
    if fields is found:
        return 0
    duplicates = len(fields.keys() & found.keys())
    for name, value in found.items():
        fields.setdefault(name, value)
    return duplicates


class _Plan:
    """What is the same for every reading of one rule, worked out once."""

    def __init__(self, rule: Rule) -> None:
        self._measurement = rule.measurement
        self._measurement_is_template = bool(KEY_IN_TEMPLATE.search(rule.measurement))
        self._tags = tuple(rule.tags.items())
        self._fields = [
            (
                field.attribute,
                converter(field),
                field.name,
                bool(KEY_IN_TEMPLATE.search(field.name)),
            )
            for field in rule.fields
        ]

    def series(self, name: ObjectName) -> Series:
        """Return measurement and tags; a key property that is absent or empty makes no tag."""
        measurement = self._measurement
        if self._measurement_is_template:
            measurement = fill(measurement, name)
        pairs = ((tag, name.value(key)) for tag, key in self._tags)
        return measurement, tuple((tag, value) for tag, value in pairs if value)

    def convert(
        self,
        name: ObjectName,
        values: Mapping[str, Value],
        found: dict[str, FieldValue],
        counts: dict[Dropped, int],
    ) -> int:
        """Fill `found` and `counts` from one reading; return how many fields came up twice."""
        duplicates = 0
        for attribute, convert, field, is_template in self._fields:
            value = values.get(attribute)
            if value is None:
                continue
            converted = convert(value)
            if isinstance(converted, Dropped):
                counts[converted] += 1
                continue
            if is_template:
                field = fill(field, name)
            if field in found:
                duplicates += 1
            else:
                found[field] = converted
        return duplicates
