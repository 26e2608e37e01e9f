"""Class descriptors, and the layout of the data of their objects.

Rule: a class is data. Its name selects a row of a closed table (`unwrap`) or nothing; a name sent
by a peer never selects code.
"""

import struct
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from jmxbridge.jmx.constants import (
    SC_BLOCK_DATA,
    SC_ENUM,
    SC_EXTERNALIZABLE,
    SC_SERIALIZABLE,
    SC_WRITE_METHOD,
)
from jmxbridge.jmx.values import JavaObject, Value

PRIMITIVES: Mapping[str, str] = MappingProxyType(
    {"B": "b", "C": "H", "D": "d", "F": "f", "I": "i", "J": "q", "S": "h", "Z": "?"}
)
"""Type code of a Java primitive → format character of `struct`."""

FieldValues: TypeAlias = dict[str, Value]
Annotations: TypeAlias = dict[str, tuple[Value | bytes, ...]]
Unwrap: TypeAlias = Callable[[FieldValues, Annotations], Value]
"""Turns the parts of an object of one class into a value.

Returns None if the parts are not what that class writes; the object then stays a JavaObject. (No
known class becomes Python's None.)
"""


@dataclass(frozen=True, slots=True, eq=False)
class ClassDescInfo:
    """One class without its superclass: name, flags, and each field's type code and name."""

    name: str
    flags: int
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class FieldRun:
    """Adjacent fields: primitives that one struct reads, or (`struct` None) one object."""

    struct: struct.Struct | None
    names: tuple[str, ...]
    chars: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ClassLayout:
    """Layout of the data that one class of an object's hierarchy wrote (spec: classdata)."""

    class_name: str
    runs: tuple[FieldRun, ...]
    has_annotation: bool


@dataclass(frozen=True, slots=True, eq=False)
class ClassDesc:
    """A class with its superclasses, ready to read objects of it.

    `layouts` start at the topmost superclass. `box` reads the only field, a primitive, of a boxed
    value. `empty` stands for an object that is referred to while it is still being read.

    Objects of an `is_undelimited` class have no detectable end: RMI writes stream protocol version
    1, which does not mark the end of an externalizable class's data. Objects of an `is_plain` class
    can be read field by field: it is delimited, and neither an array nor an enum.
    """

    name: str
    superclasses: tuple[str, ...]
    is_enum: bool
    is_undelimited: bool
    is_plain: bool
    layouts: tuple[ClassLayout, ...]
    field_count: int
    unwrap: Unwrap | None
    box: struct.Struct | None
    empty: JavaObject


def link(
    info: ClassDescInfo,
    superclass: ClassDesc | None,
    unwraps: Mapping[str, Unwrap],
    boxes: Container[str],
) -> ClassDesc:
    """Return the class that `info` describes, as a subclass of `superclass`.

    A field whose name a superclass has too is named `Class.field`.
    """
    inherited = superclass.layouts if superclass else ()
    taken = {name for layout in inherited for run in layout.runs for name in run.names}
    own = ClassLayout(
        class_name=info.name,
        runs=_runs(info, taken),
        has_annotation=bool(info.flags & (SC_WRITE_METHOD | SC_EXTERNALIZABLE)),
    )
    is_enum = bool(info.flags & SC_ENUM)
    is_undelimited = info.flags & (SC_EXTERNALIZABLE | SC_BLOCK_DATA) == SC_EXTERNALIZABLE
    superclasses = (superclass.name, *superclass.superclasses) if superclass else ()
    layouts = (*inherited, own) if own.runs or own.has_annotation else inherited
    return ClassDesc(
        name=info.name,
        superclasses=superclasses,
        is_enum=is_enum,
        is_undelimited=is_undelimited,
        is_plain=not (is_enum or is_undelimited or info.name.startswith("[")),
        layouts=layouts,
        field_count=sum(len(run.names) for layout in layouts for run in layout.runs),
        unwrap=unwraps.get(info.name),
        box=_box(layouts) if info.name in boxes else None,
        empty=JavaObject(info.name, superclasses, {}, {}),
    )


def _runs(info: ClassDescInfo, taken: set[str]) -> tuple[FieldRun, ...]:
    if not info.flags & SC_SERIALIZABLE:
        return ()
    runs: list[FieldRun] = []
    primitives: list[tuple[str, str]] = []
    for code, field_name in info.fields:
        name = f"{info.name}.{field_name}" if field_name in taken else field_name
        if code in PRIMITIVES:
            primitives.append((code, name))
            continue
        if primitives:
            runs.append(_primitive_run(primitives))
            primitives = []
        runs.append(FieldRun(None, (name,), ()))
    if primitives:
        runs.append(_primitive_run(primitives))
    return tuple(runs)


def _primitive_run(fields: list[tuple[str, str]]) -> FieldRun:
    return FieldRun(
        struct=struct.Struct(">" + "".join(PRIMITIVES[code] for code, _ in fields)),
        names=tuple(name for _, name in fields),
        chars=tuple(name for code, name in fields if code == "C"),
    )


def _box(layouts: tuple[ClassLayout, ...]) -> struct.Struct | None:
    runs = [run for layout in layouts for run in layout.runs]
    if len(runs) != 1 or any(layout.has_annotation for layout in layouts):
        return None
    return runs[0].struct if runs[0].names == ("value",) and not runs[0].chars else None
