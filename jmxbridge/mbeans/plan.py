"""What one rule does to every MBean it takes, worked out once; for each MBean, what is constant.

A reading is split into parts, one a series: one for most rules; one for each partition where the
rule reads attributes by a pattern, and the partition is in the attribute's name.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TypeAlias

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.conversion import Dropped, converter
from jmxbridge.mbeans.discovery import CLIENT
from jmxbridge.mbeans.naming import fill
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import KEY_IN_TEMPLATE, Field, FieldType, Rule
from jmxbridge.point import FieldValue

Series: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
Lookup: TypeAlias = Callable[[str], str | None]
"""A key property's value, unquoted; None where there is none."""


@dataclass(slots=True)
class Account:
    """The values that are in no point; grows."""

    dropped: dict[Dropped, int] = field(default_factory=lambda: dict.fromkeys(Dropped, 0))
    duplicates: int = 0

    def drop(self, why: Dropped, name: str, spoiled: list[str]) -> None:
        """Count a value, and note the field that lacks it now; null is no value and spoils none."""
        self.dropped[why] += 1
        if why is not Dropped.ABSENT:
            spoiled.append(name)


@dataclass(slots=True)
class Part:
    """What a reading gives one series; `spoiled` names fields whose value had to be dropped."""

    series: Series
    fields: dict[str, FieldValue]
    spoiled: list[str]


@dataclass(frozen=True, slots=True)
class _Constant:
    """What is the same in every reading of one MBean: its series, the names of its fields.

    A topic that consumers say otherwise may get to be known better later: `said` is what the MBean
    says, `resolved` what it was taken for.
    """

    series: Series
    names: tuple[str, ...]
    said: str | None = None
    resolved: str | None = None


class Plan:
    """Splits and converts the readings of one rule; to be made anew now and then, for it grows.

    `resolve_topic` gives the name a topic has on the broker, where a consumer says it with
    underscores for dots.
    """

    def __init__(self, rule: Rule, resolve_topic: Callable[[str], str]) -> None:
        self._measurement = rule.measurement
        self._measurement_is_template = bool(KEY_IN_TEMPLATE.search(rule.measurement))
        self._tags = tuple(rule.tags.items())
        plain = [each for each in rule.fields if each.pattern is None]
        self._names = [(each.name, bool(KEY_IN_TEMPLATE.search(each.name))) for each in plain]
        self._fields = [(each.attribute, converter(each), _is_bare(each)) for each in plain]
        self._shapes = [_Shape(each, each.pattern) for each in rule.fields if each.pattern]
        self._resolve_topic = resolve_topic
        self._constants: dict[ObjectName, _Constant] = {}
        self.rule = rule
        self.sums = bool(rule.sum_over)

    def read(self, reading: Reading, account: Account) -> list[Part]:
        """Return the parts of a reading; one that would be empty is left out."""
        parts = self._by_pattern(reading, account) if self._shapes else []
        fields: dict[str, FieldValue] = {}
        spoiled: list[str] = []
        constant = self._constant(reading.name)
        get = reading.values.get
        # Of all we do, done most.
        for (attribute, convert, is_bare), name in zip(self._fields, constant.names, strict=True):
            value = get(attribute)
            if value is None:
                continue
            if is_bare and type(value) is float and isfinite(value):
                converted: FieldValue | Dropped = value
            else:
                converted = convert(value)
            if isinstance(converted, Dropped):
                account.drop(converted, name, spoiled)
            elif name in fields:
                account.duplicates += 1
            else:
                fields[name] = converted
        if fields or spoiled:
            parts.append(Part(constant.series, fields, spoiled))
        return parts

    def _constant(self, name: ObjectName) -> _Constant:
        kept = self._constants.get(name)
        if kept is None or (
            kept.said is not None and self._resolve_topic(kept.said) != kept.resolved
        ):
            kept = self._constants[name] = self._work_out(name)
        return kept

    def _work_out(self, name: ObjectName) -> _Constant:
        lookup = name.value
        series = self._series(name, lookup)
        names = tuple(
            fill(field, lookup) if is_template else field for field, is_template in self._names
        )
        said = lookup("topic") if name.domain == CLIENT else None
        return _Constant(series, names, said, said and self._resolve_topic(said))

    def _by_pattern(self, reading: Reading, account: Account) -> list[Part]:
        parts: dict[Series, Part] = {}
        for shape in self._shapes:
            for attribute, value in reading.values.items():
                captured = shape.captured(attribute)
                if captured is None or value is None:
                    continue
                lookup = _first(captured, reading.name.value)
                series = self._series(reading.name, lookup)
                part = parts.setdefault(series, Part(series, {}, []))
                shape.put(value, lookup, part, account)
        return [part for part in parts.values() if part.fields or part.spoiled]

    def _series(self, name: ObjectName, lookup: Lookup) -> Series:
        """Return measurement and tags; a key property that is absent or empty makes no tag."""
        measurement = self._measurement
        if self._measurement_is_template:
            measurement = fill(measurement, lookup)
        if name.domain == CLIENT:
            return measurement, tuple(self._client_tags(lookup))
        pairs = ((tag, lookup(key)) for tag, key in self._tags)
        return measurement, tuple((tag, value) for tag, value in pairs if value)

    def _client_tags(self, lookup: Lookup) -> Iterator[tuple[str, str]]:
        for tag, key in self._tags:
            value = lookup(key)
            if value:
                yield tag, self._resolve_topic(value) if key == "topic" else value


def _is_bare(wanted: Field) -> bool:
    """Tell whether a field is its attribute's finite float as it stands."""
    is_plain = not wanted.path and wanted.states is None and wanted.scale == 1.0
    return is_plain and wanted.type is FieldType.FLOAT


class _Shape:
    """One field of a rule whose attributes are wanted by pattern."""

    def __init__(self, wanted: Field, pattern: re.Pattern[str]) -> None:
        self._convert = converter(wanted)
        self._name = wanted.name
        self._pattern = pattern
        self._keys = wanted.keys

    def captured(self, attribute: str) -> dict[str, str] | None:
        """Return the keys in an attribute's name; None where the pattern is another."""
        match = self._pattern.fullmatch(attribute)
        return None if match is None else dict(zip(self._keys, match.groups(), strict=True))

    def put(self, value: Value, lookup: Lookup, part: Part, account: Account) -> None:
        """Convert a value into a part, or count why not."""
        converted = self._convert(value)
        name = fill(self._name, lookup)
        if isinstance(converted, Dropped):
            account.drop(converted, name, part.spoiled)
        elif name in part.fields:
            account.duplicates += 1
        else:
            part.fields[name] = converted


def _first(captured: Mapping[str, str], otherwise: Lookup) -> Lookup:
    def lookup(key: str) -> str | None:
        return captured[key] if key in captured else otherwise(key)

    return lookup
