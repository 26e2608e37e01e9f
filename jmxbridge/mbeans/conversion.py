"""Conversion of one value to the value of a field, or the reason why it is dropped.

Rule: a field's type is set by its rule, never by the observed value, because InfluxDB refuses a
field that changes its type. A value that its type cannot hold is dropped; it never becomes 0, an
empty string or a nearby number. Two exceptions lose nothing: a boolean is 1 or 0 in a number field,
and Kafka's counters, which are all doubles, are stored in an int field while they are whole. A
float field rounds a long beyond 2^53 as every double does; type int keeps it exact.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from math import isfinite
from typing import TypeAlias, final

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.rule import Field, FieldType
from jmxbridge.point import FieldValue

# The range of Java's long, and of InfluxDB's integer.
INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1


@final
class Dropped(Enum):
    """Reason why a value is in no field."""

    NONFINITE = auto()
    TYPE = auto()
    ABSENT = auto()  # null, also inside a composite: no value, so nothing is lost


# A module's global costs a fifth of an attribute of the enumeration, at every NaN.
NONFINITE, TYPE, ABSENT = Dropped.NONFINITE, Dropped.TYPE, Dropped.ABSENT

Converter: TypeAlias = Callable[[Value], FieldValue | Dropped]


def converter(field: Field) -> Converter:
    """Return the function that converts an attribute's value to this field."""
    convert = _CONVERTERS[field.type]
    if field.states is not None:
        convert = _by_state(field.states, field.otherwise, convert)
    elif field.scale != 1.0:
        convert = _scaled(field.scale)
    return _along(field.path, convert) if field.path else convert


def unconverted_type(field: Field) -> type | None:
    """Return the type of values that the converter returns unchanged; of floats, the finite ones.

    None if there is no such type. The caller can skip the converter for these values.
    """
    if field.states is not None or field.scale != 1.0 or field.path:
        return None
    return _UNCONVERTED.get(field.type)


def _to_float(value: Value) -> float | Dropped:
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:  # a BigInteger, which may be larger than any double
            return TYPE
    if isinstance(value, float):
        return value if isfinite(value) else NONFINITE
    return ABSENT if value is None else TYPE


def _to_int(value: Value) -> FieldValue | Dropped:
    if isinstance(value, float):
        if not isfinite(value):
            return NONFINITE
        if not value.is_integer():
            return TYPE
        value = int(value)
    if isinstance(value, int):
        return int(value) if INT64_MIN <= value <= INT64_MAX else TYPE
    return ABSENT if value is None else TYPE


def _to_bool(value: Value) -> FieldValue | Dropped:
    if isinstance(value, bool):
        return value
    return ABSENT if value is None else TYPE


def _to_string(value: Value) -> FieldValue | Dropped:
    if isinstance(value, str):
        return value
    if isinstance(value, ObjectName):
        return value.text
    return ABSENT if value is None else TYPE


_CONVERTERS: Mapping[FieldType, Converter] = {
    FieldType.FLOAT: _to_float,
    FieldType.INT: _to_int,
    FieldType.BOOL: _to_bool,
    FieldType.STRING: _to_string,
}

# Without int: a BigInteger is an int too, and may be larger than the field can hold.
_UNCONVERTED: Mapping[FieldType, type] = {
    FieldType.FLOAT: float,
    FieldType.BOOL: bool,
    FieldType.STRING: str,
}


def _scaled(scale: float) -> Converter:
    def convert(value: Value) -> FieldValue | Dropped:
        number = _to_float(value)
        return number if isinstance(number, Dropped) else _to_float(number * scale)

    return convert


def _by_state(states: Mapping[str, float], otherwise: float | None, then: Converter) -> Converter:
    """Map strings to numbers; a boolean is "true" or "false", a whole number its digits."""

    def convert(value: Value) -> FieldValue | Dropped:
        if value is None:
            return ABSENT
        if isinstance(value, bool):
            value = str(value).lower()
        elif isinstance(value, int):  # a BigInteger may have more digits than str() accepts
            value = str(value) if INT64_MIN <= value <= INT64_MAX else ""
        number = states.get(value, otherwise) if isinstance(value, str) else None
        return TYPE if number is None else then(number)

    return convert


def _along(path: tuple[str, ...], then: Converter) -> Converter:
    """Follow a path of names into composites; a name that is missing is a TYPE error."""

    def convert(value: Value) -> FieldValue | Dropped:
        for name in path:
            if value is None:
                return ABSENT
            if not isinstance(value, Mapping) or name not in value:
                return TYPE
            value = value[name]
        return then(value)

    return convert
