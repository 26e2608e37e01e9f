"""What one rule does to every MBean it takes, worked out once; for each MBean, what is constant.

A reading goes straight into the fields of its entity, where earlier readings of other rules may
have put some: one entity for most rules; one for each partition where the rule reads attributes by
a pattern, and the partition is in the attribute's name.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, TypeAlias

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.conversion import (
    ABSENT,
    NONFINITE,
    TYPE,
    Converter,
    Dropped,
    converter,
    fitting,
)
from jmxbridge.mbeans.discovery import CLIENT
from jmxbridge.mbeans.naming import fill
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import KEY_IN_TEMPLATE, Field, Rule
from jmxbridge.point import FieldValue, KeptTags

Series: TypeAlias = tuple[str, ...]
"""A measurement, and in turn the tags and their values: one flat tuple, for each is kept."""
Lookup: TypeAlias = Callable[[str], str | None]
"""A key property's value, unquoted; None where there is none."""


@dataclass(frozen=True, slots=True, eq=False)  # found by identity, for it is looked up a lot
class Entity:
    """What a point is about; there is one object for each series."""

    measurement: str
    tags: KeptTags


Found: TypeAlias = dict[Entity, dict[str, FieldValue]]


@dataclass(slots=True)
class Rejected:
    """The values that are in no point; grows. `spoiled` are fields that lack one of theirs."""

    nonfinite: int = 0
    type: int = 0
    duplicates: int = 0
    spoiled: set[tuple[Entity, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Constant:
    """What is the same in every reading of one MBean: its entity, and what its attributes become.

    `fields` are attributes, the names of their fields, how one becomes the other, and the type of
    values that already are what the field wants (finite ones, of floats). A topic that
    consumers say otherwise may get to be known better later: `said` is what the MBean says,
    `resolved` what it was taken for.
    """

    entity: Entity
    fields: tuple[tuple[str, str, Converter, type | None], ...]
    said: str | None = None
    resolved: str | None = None


class RuleEffect:
    """Splits and converts the readings of one rule; to be made anew now and then, for it grows.

    `entity_of` gives the one entity of a series. `resolve_topic` gives the name a topic has on the
    broker, where a consumer says it with underscores for dots.
    """

    def __init__(
        self,
        rule: Rule,
        entity_of: Callable[[Series], Entity],
        resolve_topic: Callable[[str], str],
    ) -> None:
        self._measurement = rule.measurement
        self._measurement_is_template = bool(KEY_IN_TEMPLATE.search(rule.measurement))
        self._tags = tuple(rule.tags.items())
        plain = [each for each in rule.fields if each.pattern is None]
        self._fields = tuple(
            (each.attribute, each.name, converter(each), fitting(each)) for each in plain
        )
        self._names_are_templates = any(KEY_IN_TEMPLATE.search(each.name) for each in plain)
        self._shapes = [_Shape(each, each.pattern) for each in rule.fields if each.pattern]
        self._entity_of = entity_of
        self._resolve_topic = resolve_topic
        self._constants: dict[str, _Constant] = {}  # by canonical name
        self.rule = rule
        self.sums = bool(rule.sum_over)

    def read(self, reading: Reading, found: Found, account: Rejected) -> None:
        """Add a reading to what was found; of two values for one field the first stays."""
        if self._shapes:
            self._read_by_pattern(reading, found, account)
        constant = self._constants.get(reading.name.canonical)
        if constant is None or constant.said is not None:
            constant = self._constant(reading.name)
        entity = constant.entity
        fields = found.get(entity)
        if fields is None:
            fields = found[entity] = {}
        get = reading.values.get
        value: Any
        for attribute, name, convert, fits in constant.fields:  # of all we do, done most
            value = get(attribute)
            kind = type(value)
            if kind is not fits or (kind is float and not isfinite(value)):
                value = convert(value)
                if type(value) is Dropped:
                    self._drop(value, entity, name, account)
                    continue
            if name in fields:
                account.duplicates += 1
            else:
                fields[name] = value

    def _drop(self, why: Dropped, entity: Entity, name: str, account: Rejected) -> None:
        if why is NONFINITE:
            account.nonfinite += 1
        elif why is TYPE:
            account.type += 1
        if self.sums and why is not ABSENT:
            account.spoiled.add((entity, name))

    def _constant(self, name: ObjectName) -> _Constant:
        kept = self._constants.get(name.canonical)
        if kept is None or (
            kept.said is not None and self._resolve_topic(kept.said) != kept.resolved
        ):
            kept = self._constants[name.canonical] = self._work_out(name)
        return kept

    def _work_out(self, name: ObjectName) -> _Constant:
        lookup = name.value
        fields = self._fields
        if self._names_are_templates:
            fields = tuple((each[0], fill(each[1], lookup), *each[2:]) for each in fields)
        said = lookup("topic") if name.domain == CLIENT else None
        entity = self._entity_of(self._series(name, lookup))
        return _Constant(entity, fields, said, said and self._resolve_topic(said))

    def _read_by_pattern(self, reading: Reading, found: Found, account: Rejected) -> None:
        for shape in self._shapes:
            for attribute, value in reading.values.items():
                captured = shape.captured(attribute)
                if captured is None or value is None:
                    continue
                lookup = _first(captured, reading.name.value)
                entity = self._entity_of(self._series(reading.name, lookup))
                name = fill(shape.name, lookup)
                converted = shape.convert(value)
                fields = found.setdefault(entity, {})
                if isinstance(converted, Dropped):
                    self._drop(converted, entity, name, account)
                elif name in fields:
                    account.duplicates += 1
                else:
                    fields[name] = converted

    def _series(self, name: ObjectName, lookup: Lookup) -> Series:
        """Return measurement and tags; a key property that is absent or empty makes no tag."""
        measurement = self._measurement
        if self._measurement_is_template:
            measurement = fill(measurement, lookup)
        if name.domain == CLIENT:
            return measurement, *self._client_tags(lookup)
        pairs = ((tag, lookup(key)) for tag, key in self._tags)
        return measurement, *(text for tag, value in pairs if value for text in (tag, value))

    def _client_tags(self, lookup: Lookup) -> Iterator[str]:
        for tag, key in self._tags:
            value = lookup(key)
            if value:
                yield tag
                yield self._resolve_topic(value) if key == "topic" else value


class _Shape:
    """One field of a rule whose attributes are wanted by pattern."""

    def __init__(self, wanted: Field, pattern: re.Pattern[str]) -> None:
        self.convert = converter(wanted)
        self.name = wanted.name
        self._pattern = pattern
        self._keys = wanted.keys

    def captured(self, attribute: str) -> dict[str, str] | None:
        """Return the keys in an attribute's name; None where the pattern is another."""
        match = self._pattern.fullmatch(attribute)
        return None if match is None else dict(zip(self._keys, match.groups(), strict=True))


def _first(captured: Mapping[str, str], otherwise: Lookup) -> Lookup:
    def lookup(key: str) -> str | None:
        return captured[key] if key in captured else otherwise(key)

    return lookup
