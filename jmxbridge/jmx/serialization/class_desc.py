"""Classes as a stream describes them, and how the data of their objects lies.

Rule: a class is data here. Its name selects a row of a closed table (`unwrap`) or nothing; no code
is ever found by a name that a peer sent.
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

Fields: TypeAlias = dict[str, Value]
Annotations: TypeAlias = dict[str, tuple[Value | bytes, ...]]
# Turns the parts of an object of one class into a value; None where they are not what that class
# writes, and the object stays a JavaObject. (No known class becomes Python's None.)
Unwrap: TypeAlias = Callable[[Fields, Annotations], Value]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What a descriptor says of a class itself; a field is its type code and its name."""

    name: str
    flags: int
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Fields that lie together: primitives of one struct, or (`struct` None) one object."""

    struct: struct.Struct | None
    names: tuple[str, ...]
    chars: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one class of an object's line of ancestors wrote."""

    class_name: str
    runs: tuple[Run, ...]
    has_annotation: bool


@dataclass(frozen=True, slots=True, eq=False)
class ClassDesc:
    """A class with its ancestors, ready for reading objects of it.

    `parts` start at the topmost ancestor. `box` reads the only, primitive field of a boxed value.
    `empty` stands for an object that is referred to while it is still being read. Objects of an
    `is_endless` class have no end that can be told: RMI writes stream protocol version 1, in which
    what an externalizable class writes is not marked. Others can be read, as plain objects where
    the class is no array and no enum (`is_plain`).
    """

    name: str
    superclasses: tuple[str, ...]
    is_enum: bool
    is_endless: bool
    is_plain: bool
    parts: tuple[Part, ...]
    field_count: int
    unwrap: Unwrap | None
    box: struct.Struct | None
    empty: JavaObject


def link(
    shape: Shape,
    superclass: ClassDesc | None,
    unwraps: Mapping[str, Unwrap],
    boxes: Container[str],
) -> ClassDesc:
    """Put a class below its superclass."""
    above = superclass.parts if superclass else ()
    taken = {name for part in above for run in part.runs for name in run.names}
    part = Part(
        class_name=shape.name,
        runs=_runs(shape, taken),
        has_annotation=bool(shape.flags & (SC_WRITE_METHOD | SC_EXTERNALIZABLE)),
    )
    is_enum = bool(shape.flags & SC_ENUM)
    is_endless = shape.flags & (SC_EXTERNALIZABLE | SC_BLOCK_DATA) == SC_EXTERNALIZABLE
    supers = (superclass.name, *superclass.superclasses) if superclass else ()
    parts = (*above, part) if part.runs or part.has_annotation else above
    return ClassDesc(
        name=shape.name,
        superclasses=supers,
        is_enum=is_enum,
        is_endless=is_endless,
        is_plain=not (is_enum or is_endless or shape.name.startswith("[")),
        parts=parts,
        field_count=sum(len(run.names) for part in parts for run in part.runs),
        unwrap=unwraps.get(shape.name),
        box=_box(parts) if shape.name in boxes else None,
        empty=JavaObject(shape.name, supers, {}, {}),
    )


def _runs(shape: Shape, taken: set[str]) -> tuple[Run, ...]:
    if not shape.flags & SC_SERIALIZABLE:
        return ()
    runs: list[Run] = []
    primitives: list[tuple[str, str]] = []
    for code, field_name in shape.fields:
        name = f"{shape.name}.{field_name}" if field_name in taken else field_name
        if code in PRIMITIVES:
            primitives.append((code, name))
            continue
        if primitives:
            runs.append(_primitives(primitives))
            primitives = []
        runs.append(Run(None, (name,), ()))
    if primitives:
        runs.append(_primitives(primitives))
    return tuple(runs)


def _primitives(fields: list[tuple[str, str]]) -> Run:
    return Run(
        struct=struct.Struct(">" + "".join(PRIMITIVES[code] for code, _ in fields)),
        names=tuple(name for _, name in fields),
        chars=tuple(name for code, name in fields if code == "C"),
    )


def _box(parts: tuple[Part, ...]) -> struct.Struct | None:
    runs = [run for part in parts for run in part.runs]
    if len(runs) != 1 or any(part.has_annotation for part in parts):
        return None
    return runs[0].struct if runs[0].names == ("value",) and not runs[0].chars else None
