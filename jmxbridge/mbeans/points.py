"""Conversion of readings to points, with counts of the values that are in no point.

Readings with the same measurement and tags merge into one point: attributes of a broker come from
dozens of MBeans. If two have the same field, the first stays and the others are counted. If the
rule sums over a key property, they are added up instead; a sum with a part that is NaN or of a
wrong type is left out, because the rest would look like the whole.

Constant parts, mainly tags, are computed once and kept for a while; they are cleared regularly, so
that MBeans that are gone cost no memory.

A null and an attribute missing from the answer are not values, so they are neither dropped nor
counted. Every other value is either in a point or in a count.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jmxbridge.mbeans.conversion import INT64_MAX, INT64_MIN
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.mbeans.rule_effect import Entity, FieldsByEntity, Rejected, RuleEffect, Series
from jmxbridge.point import KeptTags, Point
from jmxbridge.times import NS

KEPT_NS = 300 * NS
"""Lifetime of the constant parts: the same as that of the names of MBeans."""


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one poll, and the values that are not in them.

    `dropped_nonfinite`: NaN and infinities. `dropped_type`: values that the field's type cannot
    hold, strings missing from `states`, paths missing from a composite. `duplicates`: values for a
    field that already has one.
    """

    points: Sequence[Point]
    dropped_nonfinite: int = 0
    dropped_type: int = 0
    duplicates: int = 0


def unresolved(topic: str) -> str:
    """Return a topic's name as the consumer reports it; used while no topics are known."""
    return topic


def to_points(
    readings: Iterable[Reading],
    *,
    time_ns: int,
    tags: Mapping[str, str],
    resolve_topic: Callable[[str], str] = unresolved,
) -> Points:
    """Make the points of one poll; every point has `tags`."""
    return PointMaker(tags, resolve_topic).points(readings, time_ns=time_ns)


class PointMaker:
    """Makes the points of one target, poll after poll; every point has `tags`."""

    def __init__(
        self, tags: Mapping[str, str], resolve_topic: Callable[[str], str] = unresolved
    ) -> None:
        self.tags = tags
        self._resolve_topic = resolve_topic
        self._effects: dict[int, RuleEffect] = {}  # by the identity of their rules
        self._entities: dict[Series, Entity] = {}
        self._kept_since_ns = 0

    def points(self, readings: Iterable[Reading], *, time_ns: int) -> Points:
        """Make the points of one poll."""
        if not 0 <= time_ns - self._kept_since_ns < KEPT_NS:
            self._effects.clear()
            self._entities.clear()
            self._kept_since_ns = time_ns
        rejected = Rejected()
        fields_by_entity = self._fields(readings, rejected)
        points = [
            Point(entity.measurement, entity.tags, fields, time_ns)
            for entity, fields in fields_by_entity.items()
            if fields
        ]
        return Points(points, rejected.nonfinite, rejected.type, rejected.duplicates)

    def _fields(self, readings: Iterable[Reading], rejected: Rejected) -> FieldsByEntity:
        fields_by_entity: FieldsByEntity = {}
        sums: dict[int, _RuleSums] = {}
        effect: RuleEffect | None = None
        for reading in readings:
            if effect is None or effect.rule is not reading.rule:  # readings come rule by rule
                effect = self._effect(reading.rule)
            if effect.sums:
                if id(effect) not in sums:
                    sums[id(effect)] = _RuleSums(effect)
                sums[id(effect)].add(reading)
            else:
                effect.read(reading, fields_by_entity, rejected)
        for rule_sums in sums.values():
            rule_sums.put_into(fields_by_entity, rejected)
        return fields_by_entity

    def _effect(self, rule: Rule) -> RuleEffect:
        effect = self._effects.get(id(rule))
        if effect is None:
            effect = self._effects[id(rule)] = RuleEffect(rule, self._entity, self._resolve_topic)
        return effect

    def _entity(self, series: Series) -> Entity:
        entity = self._entities.get(series)
        if entity is None:
            measurement, *texts = series
            tags = zip(texts[::2], texts[1::2], strict=True)
            entity = Entity(measurement, KeptTags({**self.tags, **dict(tags)}))
            self._entities[series] = entity
        return entity


class _RuleSums:
    """The sums of one rule, entity by entity."""

    def __init__(self, effect: RuleEffect) -> None:
        self._effect = effect
        self._rejected = Rejected()
        self._totals: dict[Entity, dict[str, float | int]] = {}

    def add(self, reading: Reading) -> None:
        """Add a reading to the sums."""
        parts: FieldsByEntity = {}
        self._effect.read(reading, parts, self._rejected)
        for entity, fields in parts.items():
            total = self._totals.setdefault(entity, {})
            for name, value in fields.items():
                if not isinstance(value, str):
                    total[name] = total.get(name, 0) + value

    def put_into(self, fields_by_entity: FieldsByEntity, rejected: Rejected) -> None:
        """Add the complete sums to the other fields."""
        own = self._rejected
        for entity, total in self._totals.items():
            fields = fields_by_entity.setdefault(entity, {})
            for name, value in total.items():
                if (entity, name) in own.incomplete:
                    continue
                if not _fits(value):
                    own.type += 1
                elif name in fields:
                    own.duplicates += 1
                else:
                    fields[name] = value
        rejected.nonfinite += own.nonfinite
        rejected.type += own.type
        rejected.duplicates += own.duplicates


def _fits(value: float | int) -> bool:
    """Tell whether a sum is still a number that InfluxDB can store."""
    if isinstance(value, int):
        return INT64_MIN <= value <= INT64_MAX
    return abs(value) < float("inf")
