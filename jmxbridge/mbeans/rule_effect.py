"""Effect of one rule on the readings of its MBeans, with the constant parts computed once.

A reading is added to the fields of its entity, which may already have fields of other rules. Most
readings have one entity; a rule with an attribute pattern has one for each partition, because the
partition is in the attribute's name.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
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
    unconverted_type,
)
from jmxbridge.mbeans.discovery import CLIENT_DOMAIN
from jmxbridge.mbeans.naming import fill
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import KEY_IN_TEMPLATE, Field, Rule
from jmxbridge.point import FieldValue, KeptTags

Series: TypeAlias = tuple[str, ...]
"""A measurement, then tags and values in turn; one flat tuple, because many are kept."""
Lookup: TypeAlias = Callable[[str], str | None]
"""Function that returns a key property's value, unquoted; None if it does not exist."""


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity, for speed
class Entity:
    """Measurement and tags of a point; one object for each series."""

    measurement: str
    tags: KeptTags


FieldsByEntity: TypeAlias = dict[Entity, dict[str, FieldValue]]


@dataclass(slots=True)
class Rejected:
    """Counts of values that are in no point. `incomplete` sums lack a part that was dropped."""

    nonfinite: int = 0
    type: int = 0
    duplicates: int = 0
    incomplete: set[tuple[Entity, str]] = dataclass_field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _ConstantPart:
    """Constant part of every reading of one MBean: its entity, and the fields of its attributes.

    Each of `fields` is the attribute, the field's name, the converter, and the type of values that
    need no conversion (of floats, the finite ones). A consumer's name of a topic may be resolved
    differently later: `reported_topic` is the name in the MBean, `resolved_topic` the name used.
    """

    entity: Entity
    fields: tuple[tuple[str, str, Converter, type | None], ...]
    reported_topic: str | None = None
    resolved_topic: str | None = None


class RuleEffect:
    """Converts the readings of one rule; grows, so its owner replaces it from time to time.

    `entity_of` returns the entity of a series. `resolve_topic` returns the broker's name of a topic
    that a consumer reports with underscores instead of dots.
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
        plain = [field for field in rule.fields if field.pattern is None]
        self._fields = tuple(
            (field.attribute, field.name, converter(field), unconverted_type(field))
            for field in plain
        )
        self._names_are_templates = any(KEY_IN_TEMPLATE.search(field.name) for field in plain)
        self._patterns = [
            _FieldPattern(field, field.pattern) for field in rule.fields if field.pattern
        ]
        self._entity_of = entity_of
        self._resolve_topic = resolve_topic
        self._constants: dict[str, _ConstantPart] = {}  # by canonical name
        self.rule = rule
        self.sums = bool(rule.sum_over)

    def read(self, reading: Reading, fields_by_entity: FieldsByEntity, rejected: Rejected) -> None:
        """Add a reading to the fields; of two values for one field the first stays."""
        if self._patterns:
            self._read_by_pattern(reading, fields_by_entity, rejected)
        constant = self._constants.get(reading.name.canonical)
        if constant is None or constant.reported_topic is not None:
            constant = self._constant(reading.name)
        entity = constant.entity
        fields = fields_by_entity.get(entity)
        if fields is None:
            fields = fields_by_entity[entity] = {}
        get = reading.values.get
        value: Any
        for attribute, name, convert, unconverted in constant.fields:  # the hottest loop
            value = get(attribute)
            kind = type(value)
            if kind is not unconverted or (kind is float and not isfinite(value)):
                value = convert(value)
                if type(value) is Dropped:
                    self._drop(value, entity, name, rejected)
                    continue
            if name in fields:
                rejected.duplicates += 1
            else:
                fields[name] = value

    def _drop(self, reason: Dropped, entity: Entity, name: str, rejected: Rejected) -> None:
        if reason is NONFINITE:
            rejected.nonfinite += 1
        elif reason is TYPE:
            rejected.type += 1
        if self.sums and reason is not ABSENT:
            rejected.incomplete.add((entity, name))

    def _constant(self, name: ObjectName) -> _ConstantPart:
        kept = self._constants.get(name.canonical)
        if kept is None or (
            kept.reported_topic is not None
            and self._resolve_topic(kept.reported_topic) != kept.resolved_topic
        ):
            kept = self._constants[name.canonical] = self._compute(name)
        return kept

    def _compute(self, name: ObjectName) -> _ConstantPart:
        lookup = name.value
        fields = self._fields
        if self._names_are_templates:
            fields = tuple(
                (attribute, fill(template, lookup), convert, unconverted)
                for attribute, template, convert, unconverted in fields
            )
        topic = lookup("topic") if name.domain == CLIENT_DOMAIN else None
        entity = self._entity_of(self._series(name, lookup))
        return _ConstantPart(entity, fields, topic, topic and self._resolve_topic(topic))

    def _read_by_pattern(
        self, reading: Reading, fields_by_entity: FieldsByEntity, rejected: Rejected
    ) -> None:
        for field_pattern in self._patterns:
            for attribute, value in reading.values.items():
                captured = field_pattern.captured(attribute)
                if captured is None or value is None:
                    continue
                lookup = _first(captured, reading.name.value)
                entity = self._entity_of(self._series(reading.name, lookup))
                name = fill(field_pattern.name, lookup)
                converted = field_pattern.convert(value)
                fields = fields_by_entity.setdefault(entity, {})
                if isinstance(converted, Dropped):
                    self._drop(converted, entity, name, rejected)
                elif name in fields:
                    rejected.duplicates += 1
                else:
                    fields[name] = converted

    def _series(self, name: ObjectName, lookup: Lookup) -> Series:
        """Return measurement and tags; a key property that is absent or empty gives no tag."""
        measurement = self._measurement
        if self._measurement_is_template:
            measurement = fill(measurement, lookup)
        if name.domain == CLIENT_DOMAIN:
            return measurement, *self._client_tags(lookup)
        pairs = ((tag, lookup(key)) for tag, key in self._tags)
        return measurement, *(text for tag, value in pairs if value for text in (tag, value))

    def _client_tags(self, lookup: Lookup) -> Iterator[str]:
        for tag, key in self._tags:
            value = lookup(key)
            if value:
                yield tag
                yield self._resolve_topic(value) if key == "topic" else value


class _FieldPattern:
    """One field of a rule with an attribute pattern."""

    def __init__(self, field: Field, pattern: re.Pattern[str]) -> None:
        self.convert = converter(field)
        self.name = field.name
        self._pattern = pattern
        self._keys = field.keys

    def captured(self, attribute: str) -> dict[str, str] | None:
        """Return the keys in an attribute's name; None if the pattern does not match it."""
        match = self._pattern.fullmatch(attribute)
        return None if match is None else dict(zip(self._keys, match.groups(), strict=True))


def _first(captured: Mapping[str, str], fallback: Lookup) -> Lookup:
    def lookup(key: str) -> str | None:
        return captured[key] if key in captured else fallback(key)

    return lookup
