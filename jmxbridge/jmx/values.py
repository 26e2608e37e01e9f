"""What attributes of MBeans become in Python: a closed set of values.

| Java | Python |
|---|---|
| null, Boolean, String | None, bool, str |
| Byte, Short, Integer, Long, BigInteger, AtomicInteger, AtomicLong | int, exact |
| Float, Double | float, NaN and infinities included |
| Character | str of one UTF-16 code unit |
| enum constant | str, its name |
| java.util.Date | datetime in UTC (JavaObject when out of datetime's years 1 to 9999) |
| ObjectName | ObjectName |
| arrays, collections | tuple |
| CompositeData | Composite |
| TabularData | tuple of Composite, one a row |
| maps | Composite when every key is a string, else tuple of (key, value) |
| anything else | JavaObject: its class, fields and what it wrote, never an instance |
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from jmxbridge.jmx.object_name import ObjectName

# Real values nest under 20 deep, and what a reply spells out is bounded (`Limits.depth`); by
# references to what came before, a value can be made that is deeper than any recursion goes.
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Composite(Mapping[str, "Value"]):
    """Named values: CompositeData, or a map whose keys are strings."""

    items_by_name: Mapping[str, "Value"]

    def __getitem__(self, name: str) -> "Value":
        return self.items_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.items_by_name)

    def __len__(self) -> int:
        return len(self.items_by_name)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JavaObject:
    """An object of a class this library does not turn into a value: its parts as they were sent.

    `fields` holds the fields of all its classes, under `Class.field` where an ancestor has one of
    that name too; `annotations` what a class wrote beside its fields: values, and bytes for
    primitive data. `superclasses` starts with the direct one. An object may contain itself.
    """

    class_name: str
    superclasses: tuple[str, ...]
    fields: Mapping[str, "Value"]
    annotations: Mapping[str, "tuple[Value | bytes, ...]"]

    def is_a(self, class_name: str) -> bool:
        """Tell whether its class is that or descends from it."""
        return class_name == self.class_name or class_name in self.superclasses

    def __repr__(self) -> str:
        return f"JavaObject({self.class_name!r}, fields: {', '.join(self.fields) or 'none'})"


Value: TypeAlias = (
    bool
    | int
    | float
    | str
    | datetime
    | ObjectName
    | Composite
    | JavaObject
    | tuple["Value", ...]
    | None
)


def has_at_most(parts: int, values: Iterable[Value]) -> bool:
    """Tell whether values can be walked through: so many parts, `MAX_DEPTH` deep, and no more.

    A reply can name a part again in a few bytes, and what names it, again: forty arrays of two
    references each are a value of 2^40 parts.
    """
    level = list(values)
    for _ in range(MAX_DEPTH):
        parts -= len(level)
        inner = [found for value in level if (found := _parts(value))]
        if parts < sum(map(len, inner)):
            return False
        if not inner:
            return True
        level = [part for found in inner for part in found]
    return False


def _parts(value: Value) -> Collection[Value]:
    if isinstance(value, Composite):
        return value.items_by_name.values()
    return value if isinstance(value, tuple) else ()


@dataclass(frozen=True, slots=True)
class AttributeInfo:
    """What an MBean says about one of its attributes; `type` is a Java class name, as declared.

    Kafka's client metrics declare every attribute `double` whatever its value is.
    """

    name: str
    type: str
    description: str | None
    readable: bool
    writable: bool


@dataclass(frozen=True, slots=True)
class MBeanInfo:
    """What an MBean says about itself."""

    class_name: str
    description: str | None
    attributes: tuple[AttributeInfo, ...]
