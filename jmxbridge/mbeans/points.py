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

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from jmxbridge.mbeans.conversion import INT64_MAX, INT64_MIN, Dropped
from jmxbridge.mbeans.plan import Account, Part, Plan, Series
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.point import FieldValue, KeptTags, Point

# How long what is constant is kept: as long as names of MBeans are.
KEPT_NS = 300 * 10**9


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
        self._tags = tags
        self._resolve_topic = resolve_topic
        self._plans: dict[int, Plan] = {}  # by the identity of their rules
        self._kept: dict[Series, KeptTags] = {}
        self._kept_since_ns = 0

    def points(self, readings: Iterable[Reading], *, time_ns: int) -> Points:
        """Make the points of one poll."""
        if not 0 <= time_ns - self._kept_since_ns < KEPT_NS:
            self._plans.clear()
            self._kept.clear()
            self._kept_since_ns = time_ns
        account = Account()
        series = self._merged(readings, account)
        points = tuple(
            Point(key[0], self._all_tags(key), fields, time_ns)
            for key, fields in series.items()
            if fields
        )
        dropped = account.dropped
        return Points(points, dropped[Dropped.NONFINITE], dropped[Dropped.TYPE], account.duplicates)

    def _merged(
        self, readings: Iterable[Reading], account: Account
    ) -> dict[Series, dict[str, FieldValue]]:
        series: dict[Series, dict[str, FieldValue]] = {}
        sums: dict[int, _Sums] = {}
        for reading in readings:
            plan = self._plan(reading.rule)
            for part in plan.read(reading, account):
                if plan.sums:
                    sums.setdefault(id(plan.rule), _Sums()).add(part)
                else:
                    _merge(series, part.series, part.fields, account)
        for each in sums.values():
            for key, fields in each.totals(account):
                _merge(series, key, fields, account)
        return series

    def _plan(self, rule: Rule) -> Plan:
        plan = self._plans.get(id(rule))
        if plan is None:
            plan = self._plans[id(rule)] = Plan(rule, self._resolve_topic)
        return plan

    def _all_tags(self, key: Series) -> KeptTags:
        tags = self._kept.get(key)
        if tags is None:
            tags = self._kept[key] = KeptTags({**self._tags, **dict(key[1])})
        return tags


def _merge(
    series: dict[Series, dict[str, FieldValue]],
    key: Series,
    found: dict[str, FieldValue],
    account: Account,
) -> None:
    """Add fields to a series that may have some; count those it had already."""
    fields = series.setdefault(key, found)
    if fields is found:
        return
    account.duplicates += len(fields.keys() & found.keys())
    for name, value in found.items():
        fields.setdefault(name, value)


class _Sums:
    """The sums of one rule, series by series."""

    def __init__(self) -> None:
        self._parts: dict[Series, list[Part]] = {}

    def add(self, part: Part) -> None:
        self._parts.setdefault(part.series, []).append(part)

    def totals(self, account: Account) -> Iterable[tuple[Series, dict[str, FieldValue]]]:
        for series, parts in self._parts.items():
            spoiled = {name for part in parts for name in part.spoiled}
            total: dict[str, float | int] = {}
            for part in parts:
                for name, value in part.fields.items():
                    if name not in spoiled and not isinstance(value, str):
                        total[name] = total.get(name, 0) + value
            fits = {name: value for name, value in total.items() if _fits(value)}
            account.dropped[Dropped.TYPE] += len(total) - len(fits)
            if fits:
                yield series, dict(fits)


def _fits(value: float | int) -> bool:
    """Tell whether a sum is still a number that InfluxDB has."""
    if isinstance(value, int):
        return INT64_MIN <= value <= INT64_MAX
    return abs(value) < float("inf")
