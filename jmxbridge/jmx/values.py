"""Python values of MBean attributes: a closed set of types.

| Java | Python |
|---|---|
| null, Boolean, String | None, bool, str |
| Byte, Short, Integer, Long, BigInteger, AtomicInteger, AtomicLong | int, exact |
| Float, Double | float, NaN and infinities included |
| Character | str of one UTF-16 code unit |
| enum constant | str, its name |
| java.util.Date | datetime in UTC (JavaObject outside of datetime's years 1 to 9999) |
| ObjectName | ObjectName |
| arrays, collections | tuple |
| CompositeData | Composite |
| TabularData | tuple of Composite, one per row |
| maps | Composite if every key is a string, else tuple of (key, value) |
| anything else | JavaObject: its class, fields and annotations, never an instance |
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from jmxbridge.jmx.object_name import ObjectName

# Real values nest less than 20 deep, and `Limits.depth` bounds the nesting in a reply. References
# to earlier parts can still make a value that is too deep for any recursion.
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
    """An object of a class that does not become another value: its parts as they were sent.

    `fields` holds the fields of all its classes; a field whose name a superclass has too is named
    `Class.field`. `annotations` holds, by class, what the class wrote in addition to its fields:
    values, and bytes for primitive data. `superclasses` starts with the direct one. An object may
    contain itself.
    """

    class_name: str
    superclasses: tuple[str, ...]
    fields: Mapping[str, "Value"]
    annotations: Mapping[str, "tuple[Value | bytes, ...]"]

    def is_a(self, class_name: str) -> bool:
        """Return whether its class is `class_name` or a subclass of it."""
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
    """Return whether `values` have at most that many parts and nest at most `MAX_DEPTH` deep.

    A reply can refer to a part again with a few bytes, and to the part that refers to it: forty
    arrays of two references each are a value of 2^40 parts.
    """
    level = list(values)
    for _ in range(MAX_DEPTH):
        parts -= len(level)
        collections = [inner for value in level if (inner := _parts(value))]
        if parts < sum(map(len, collections)):
            return False
        if not collections:
            return True
        level = [part for inner in collections for part in inner]
    return False


def _parts(value: Value) -> Collection[Value]:
    if isinstance(value, Composite):
        return value.items_by_name.values()
    return value if isinstance(value, tuple) else ()


@dataclass(frozen=True, slots=True)
class AttributeInfo:
    """Description of one attribute; `type` is the name of its declared Java class.

    Kafka's client metrics declare every attribute as `double`, whatever its value is.
    """

    name: str
    type: str
    description: str | None
    readable: bool
    writable: bool


@dataclass(frozen=True, slots=True)
class MBeanInfo:
    """Description of an MBean."""

    class_name: str
    description: str | None
    attributes: tuple[AttributeInfo, ...]
