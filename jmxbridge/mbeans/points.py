"""Readings to points, and an account of the values that are in none of them.

Readings that give the same measurement and tags merge into one point: attributes of a broker come
from dozens of MBeans. Two that give it the same field leave one of them out: the first stays, the
others are counted. Where the rule sums over a key property they are added up instead; a sum of
which a part is NaN or of a wrong type is left out, for the rest would look like the whole.

What is the same at every poll, tags above all, is worked out once and kept for a while, so that
what is gone is forgotten.

What a JVM did not say (null, an attribute missing from the answer) is not a value, so nothing is
dropped and nothing counted. What it did say is either in a point or in a count.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jmxbridge.mbeans.conversion import INT64_MAX, INT64_MIN
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.mbeans.rule_effect import Entity, Found, Rejected, RuleEffect, Series
from jmxbridge.point import KeptTags, Point
from jmxbridge.times import NS

# How long what is constant is kept: as long as names of MBeans are.
KEPT_NS = 300 * NS


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one poll, and the values that are not in them.

    `dropped_nonfinite`: NaN and infinities. `dropped_type`: what the field's type cannot hold,
    strings that `states` does not know, paths that a composite does not have. `duplicates`: values
    for a field that had one already.
    """

    points: Sequence[Point]
    dropped_nonfinite: int = 0
    dropped_type: int = 0
    duplicates: int = 0


def as_it_is(topic: str) -> str:
    """Return the name a consumer gives a topic, where nothing is known about topics."""
    return topic


def to_points(
    readings: Iterable[Reading],
    *,
    time_ns: int,
    tags: Mapping[str, str],
    resolve_topic: Callable[[str], str] = as_it_is,
) -> Points:
    """Make the points of one poll; `tags` are on every one of them."""
    return PointMaker(tags, resolve_topic).points(readings, time_ns=time_ns)


class PointMaker:
    """Makes the points of one target, poll after poll; `tags` are on every one of them."""

    def __init__(
        self, tags: Mapping[str, str], resolve_topic: Callable[[str], str] = as_it_is
    ) -> None:
        self.tags = tags
        self._resolve_topic = resolve_topic
        self._plans: dict[int, RuleEffect] = {}  # by the identity of their rules
        self._entities: dict[Series, Entity] = {}
        self._kept_since_ns = 0

    def points(self, readings: Iterable[Reading], *, time_ns: int) -> Points:
        """Make the points of one poll."""
        if not 0 <= time_ns - self._kept_since_ns < KEPT_NS:
            self._plans.clear()
            self._entities.clear()
            self._kept_since_ns = time_ns
        account = Rejected()
        found = self._found(readings, account)
        points = [
            Point(entity.measurement, entity.tags, fields, time_ns)
            for entity, fields in found.items()
            if fields
        ]
        return Points(points, account.nonfinite, account.type, account.duplicates)

    def _found(self, readings: Iterable[Reading], account: Rejected) -> Found:
        found: Found = {}
        sums: dict[int, _Sums] = {}
        plan: RuleEffect | None = None
        for reading in readings:
            if plan is None or plan.rule is not reading.rule:  # readings come rule by rule
                plan = self._plan(reading.rule)
            if plan.sums:
                if id(plan) not in sums:
                    sums[id(plan)] = _Sums(plan)
                sums[id(plan)].add(reading)
            else:
                plan.read(reading, found, account)
        for each in sums.values():
            each.put_into(found, account)
        return found

    def _plan(self, rule: Rule) -> RuleEffect:
        plan = self._plans.get(id(rule))
        if plan is None:
            plan = self._plans[id(rule)] = RuleEffect(rule, self._entity, self._resolve_topic)
        return plan

    def _entity(self, series: Series) -> Entity:
        entity = self._entities.get(series)
        if entity is None:
            measurement, *texts = series
            tags = zip(texts[::2], texts[1::2], strict=True)
            entity = Entity(measurement, KeptTags({**self.tags, **dict(tags)}))
            self._entities[series] = entity
        return entity


class _Sums:
    """The sums of one rule, entity by entity."""

    def __init__(self, plan: RuleEffect) -> None:
        self._plan = plan
        self._account = Rejected()
        self._totals: dict[Entity, dict[str, float | int]] = {}

    def add(self, reading: Reading) -> None:
        """Add a reading to what the others gave."""
        parts: Found = {}
        self._plan.read(reading, parts, self._account)
        for entity, fields in parts.items():
            total = self._totals.setdefault(entity, {})
            for name, value in fields.items():
                if not isinstance(value, str):
                    total[name] = total.get(name, 0) + value

    def put_into(self, found: Found, account: Rejected) -> None:
        """Put the sums into what was found otherwise; those are left out that are not whole."""
        own = self._account
        for entity, total in self._totals.items():
            fields = found.setdefault(entity, {})
            for name, value in total.items():
                if (entity, name) in own.spoiled:
                    continue
                if not _fits(value):
                    own.type += 1
                elif name in fields:
                    own.duplicates += 1
                else:
                    fields[name] = value
        account.nonfinite += own.nonfinite
        account.type += own.type
        account.duplicates += own.duplicates


def _fits(value: float | int) -> bool:
    """Tell whether a sum is still a number that InfluxDB has."""
    if isinstance(value, int):
        return INT64_MIN <= value <= INT64_MAX
    return abs(value) < float("inf")
