"""One entry under `mbeans:` as the file has it, and the rule it becomes.

Checks of an entry alone are here; those that need its patterns, other entries or the targets are in
`config.checks`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from jmxbridge.config.model.models import Section
from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.grammar import choice, closest, parse_text
from jmxbridge.config.values.scalars import (
    Boolean,
    Count,
    Duration,
    NameTemplate,
    Number,
    Pattern,
    TagName,
    Text,
    as_pydantic_error,
    one_or_many,
    read,
)
from jmxbridge.mbeans.attribute_path import BadPath, parse_path
from jmxbridge.mbeans.rule import Field as RuleField
from jmxbridge.mbeans.rule import FieldType, Rule
from jmxbridge.mbeans.units import UNITS, conversion

# Measurements that jmxbridge writes itself: a rule's fields in them could clash with its own.
OWN_MEASUREMENTS = ("jmxbridge_", "kafka_consumer_lag", "kafka_share_group_lag")


def parse_attribute(text: str) -> str:
    """Read an attribute's name, or a path of names into a composite; returned as written."""
    parse_text(text)
    try:
        parse_path(text)
    except BadPath as error:
        raise InvalidValue(error.message, error.position) from None
    return text


@dataclass(frozen=True, slots=True)
class UnitOfField:
    """Unit of a field, and the factor that converts the attribute to it."""

    name: str
    factor: float = 1.0


def parse_unit(text: str) -> UnitOfField:
    """Read `ms`, or `ms to s`, which converts."""
    parse_text(text)
    given, to, wanted = text.partition(" to ")
    if not to:
        return UnitOfField(text)
    for unit, position in ((given, 0), (wanted, len(given) + len(to))):
        if unit not in UNITS:
            message = f'"{unit}" is no unit to convert; known units: {", ".join(UNITS)}'
            raise InvalidValue(message, position, closest(unit, UNITS))
    factor = conversion(given, wanted)
    if factor is None:
        raise InvalidValue(f'"{given}" cannot become "{wanted}": they measure different things')
    return UnitOfField(wanted, factor)


UnitText = Annotated[UnitOfField, read(parse_unit, "text")]
AttributeText = Annotated[str, read(parse_attribute, "an attribute's name")]


class FieldEntry(Section):
    """Field that an attribute becomes; a text alone is the field's name."""

    name: NameTemplate
    type: Annotated[FieldType, read(choice(*FieldType), "text")] = FieldType.FLOAT
    states: Annotated[Mapping[Text, Number] | None, Field(min_length=1)] = None
    otherwise: Number | None = Field(default=None, validation_alias="else")
    scale: Number = 1.0
    unit: UnitText | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_together(self) -> "FieldEntry":
        if self.otherwise is not None and self.states is None:
            raise _invalid("else", 'needs "states": it is for strings that they lack')
        if self.states is not None and self.type in (FieldType.BOOL, FieldType.STRING):
            raise _invalid("states", f"states become numbers; the type is {self.type}")
        numbers = [*(self.states or {}).values(), self.otherwise or 0.0]
        if self.type is FieldType.INT and not all(number.is_integer() for number in numbers):
            raise _invalid("states", "states of an int field must be whole numbers")
        converts = self.unit is not None and self.unit.factor != 1.0
        if converts and self.scale != 1.0:
            raise _invalid("scale", "the unit converts already: keep one")
        if not (converts or self.scale != 1.0):
            return self
        if self.type is not FieldType.FLOAT or self.states is not None:
            reason = "these are states" if self.states is not None else f"the type is {self.type}"
            key = "unit" if converts else "scale"
            raise _invalid(key, f"only a float's value can be scaled: {reason}")
        return self


def _invalid(key: str, message: str) -> PydanticCustomError:
    """Return the error to raise about one key of an entry."""
    return as_pydantic_error(InvalidValue(message), key)


class RuleEntry(Section):
    """Rule: MBeans to read, and the fields that their attributes become."""

    bean: Annotated[tuple[Pattern, ...], one_or_many, Field(min_length=1)]
    measurement: NameTemplate
    tags: Mapping[TagName, Text] = {}
    fields_by_path: Mapping[AttributeText, FieldEntry] = Field(
        validation_alias="fields", min_length=1
    )
    every_s: Duration | None = Field(default=None, validation_alias="every")
    optional: Boolean = False
    limit: Count | None = None
    sum_over: Annotated[tuple[Text, ...], one_or_many] = ()
    help: Text = ""
    unit: Text = ""

    @model_validator(mode="after")
    def _check_measurement(self) -> "RuleEntry":
        if self.measurement.startswith(OWN_MEASUREMENTS):
            raise as_pydantic_error(
                InvalidValue("jmxbridge writes this measurement itself"), "measurement"
            )
        return self


def to_rule(entry: RuleEntry, set_name: str, where: str, *, ships: bool) -> Rule:
    """Return the rule of an entry; `where` is its place, `ships` whether it is a pack's."""
    return Rule(
        set_name=set_name,
        beans=entry.bean,
        measurement=entry.measurement,
        tags=entry.tags,
        fields=tuple(_field(path, field) for path, field in entry.fields_by_path.items()),
        every_s=entry.every_s,
        optional=entry.optional,
        limit=entry.limit,
        sum_over=entry.sum_over,
        help=entry.help,
        unit=entry.unit,
        where=where,
        ships=ships,
    )


def _field(attribute_path: str, entry: FieldEntry) -> RuleField:
    path = parse_path(attribute_path)
    return RuleField(
        attribute=path.attribute,
        path=path.inner,
        name=entry.name,
        type=entry.type,
        scale=entry.scale if entry.unit is None else entry.unit.factor * entry.scale,
        unit="" if entry.unit is None else entry.unit.name,
        states=entry.states,
        otherwise=entry.otherwise,
        pattern=path.pattern,
        keys=path.keys,
    )
