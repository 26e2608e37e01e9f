"""Rule: one entry under `mbeans:`, ready to be applied to ObjectNames."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.units import unit_of

KEY_IN_TEMPLATE = re.compile(r"\{(?P<verbatim>=?)(?P<key>[^{}]*)\}")
"""`{key}` in the name of a measurement or field: that key property in snake_case; `{=key}`:
unchanged.
"""


class FieldType(StrEnum):
    """InfluxDB type of a field; set by its rule, never by the observed value."""

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
    `attribute` is only the text of the file: every attribute that the pattern matches is read, and
    its captured groups are key properties named by `keys`. `unit` is the field's unit, if given.
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
    """MBeans to read, and the fields and tags that their attributes become.

    `beans` are aliases of one another: the first pattern that matches a name on a target is used
    there. `tags` maps a tag to its key property. `where` is `file:line:column`, for messages;
    `ships` is true for rules of packs. MBeans that differ only in key properties of `sum_over` are
    added up. `help` is a description for people, `unit` the unit of fields whose names do not tell
    theirs.
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
        """Return the unit of a field: its own, that of its name's ending, or the rule's."""
        return field.unit or unit_of(field.name) or self.unit or None
