"""What one entry under `mbeans:` says, ready to be applied to ObjectNames."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.units import unit_of

# `{key}` in the name of a measurement or a field: that key property, in snake_case; `{=key}`: as it
# is.
KEY_IN_TEMPLATE = re.compile(r"\{(?P<verbatim>=?)(?P<key>[^{}]*)\}")


class FieldType(StrEnum):
    """The InfluxDB type of a field; decided by its rule, never by the value observed."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an MBean and the field it becomes.

    `path` leads into a composite: `HeapMemoryUsage.used` is attribute `HeapMemoryUsage`, path
    `("used",)`. `name` may contain `{key}`, a key property in snake_case. `states` maps strings to
    numbers, `otherwise` is the number for any other string (None: no field). With a `pattern`,
    `attribute` is only what the file says: every attribute the pattern matches is read, and what
    it captures are key properties named by `keys`. `unit` is what the field is in, where that is
    said.
    """

    attribute: str
    path: tuple[str, ...]
    name: str
    type: FieldType = FieldType.FLOAT
    scale: float = 1.0
    states: Mapping[str, float] | None = None
    otherwise: float | None = None
    pattern: re.Pattern[str] | None = None
    keys: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which MBeans to read, and what their attributes become.

    `beans` are aliases of one another: the first pattern that matches anything on a target is the
    one used there. `tags` maps a tag to the key property it is taken from. `where` is
    `file:line:column`, for messages; `ships` is true of those of packs. MBeans that differ in key
    properties of `sum_over` alone are added up. `help` says to a person what this is, `unit` in
    what fields are whose names do not say it.
    """

    set_name: str
    beans: tuple[ObjectName, ...]
    measurement: str
    tags: Mapping[str, str]
    fields: tuple[Field, ...]
    every_s: float | None = None
    optional: bool = False
    limit: int | None = None
    sum_over: tuple[str, ...] = ()
    help: str = ""
    unit: str = ""
    where: str = ""
    ships: bool = False

    def unit_of(self, field: Field) -> str | None:
        """Return what a field is measured in: as it says, as its name ends, as the rule says."""
        return field.unit or unit_of(field.name) or self.unit or None
