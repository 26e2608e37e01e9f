"""Reader of kio entities that checks every announced array length first.

Rule: no array length reaches kio before it has been compared with the bytes that are left.

kio's readers (0.6.5) allocate as many elements as an array announces, before reading one. A length
of 2**31 asks for 16 GiB, and if the system refuses, the whole process is aborted: no exception,
nothing to catch. So this module walks arrays itself, by the schema in kio's dataclasses, and leaves
to kio what has been checked: whole arrays of elements that hold no array themselves, which is where
nearly all rows are, single fields, and entities without arrays. Strings and bytes need no check:
kio compares their lengths with the buffer.

Tagged fields (KIP-482) of entities walked here are skipped, since none is used; in entities that
kio reads, a tag unknown to kio fails the reply.
"""

import dataclasses
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any

FieldReader = Callable[[bytes, int], tuple[Any, int]]
"""buffer, offset → value, number of bytes read"""


class BadReply(ValueError):
    """The bytes do not follow the schema."""


def read(entity: type, buffer: bytes, offset: int) -> tuple[Any, int]:
    """Read a kio entity; return it and the number of bytes read. Raises BadReply."""
    try:
        return reader(entity)(buffer, offset)
    except (_serial_error(), ValueError, KeyError, TypeError, OverflowError) as exc:
        raise BadReply(str(exc) or type(exc).__name__) from exc


def reader(entity: type) -> FieldReader:
    """Return the reader of a kio entity; it is compiled once.

    It raises BadReply, or what kio raises: a subclass of kio's SerialError, ValueError,
    KeyError, TypeError or OverflowError.
    """
    return _compiled(entity)


@cache
def _compiled(entity: type) -> FieldReader:
    if not _holds_array(entity):
        return _native(entity)
    steps = [(f.name, _field_reader(entity, f)) for f in _plain_fields(entity)]
    flexible = bool(vars(entity)["__flexible__"])

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        position = offset
        values: dict[str, Any] = {}
        for name, step in steps:
            values[name], size = step(buffer, position)
            position += size
        if flexible:
            position = skip_tags(buffer, position)
        return entity(**values), position - offset

    return read


def skip_tags(buffer: bytes, offset: int) -> int:
    """Return the offset after a section of tagged fields, KIP-482."""
    count, offset = _varint(buffer, offset)
    if count > len(buffer) - offset:
        raise BadReply(f"at byte {offset}: {count} tagged fields announced")
    for _ in range(count):
        _, offset = _varint(buffer, offset)
        size, offset = _varint(buffer, offset)
        offset += size
        if offset > len(buffer):
            raise BadReply(f"at byte {offset - size}: a tagged field of {size} bytes announced")
    return offset


def _field_reader(entity: type, field: "dataclasses.Field[Any]") -> FieldReader:
    element, optional = _array_element(field.type)
    flexible = bool(vars(entity)["__flexible__"])
    if element is None:
        inner = _without_none(field.type)
        if not _is_entity(inner):
            return _native_field(entity, field)
        return _nullable(field.name, reader(inner)) if optional else reader(inner)
    if _is_entity(element) and _holds_array(element):
        return _entity_array(field.name, reader(element), flexible, optional)
    return _native_array(field.name, _native_field(entity, field), flexible, optional)


def _nullable(name: str, read_entity: FieldReader) -> FieldReader:
    """Return the reader of an entity that may be null (KIP-893): a first byte of -1 means null."""

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        if offset >= len(buffer):
            raise BadReply(f"at byte {offset}: ends before {name!r}")
        if buffer[offset] >= 0x80:
            return None, 1
        entity, size = read_entity(buffer, offset + 1)
        return entity, size + 1

    return read


def _native_array(
    name: str, read_array: FieldReader, flexible: bool, optional: bool
) -> FieldReader:
    """Return the reader of an array whose elements hold no arrays: kio reads it once checked."""

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        _checked_length(name, buffer, offset, flexible, optional)
        return read_array(buffer, offset)

    return read


def _entity_array(
    name: str, read_element: FieldReader, flexible: bool, optional: bool
) -> FieldReader:
    """Return the reader of an array whose elements hold arrays: element by element."""

    def read(buffer: bytes, offset: int) -> tuple[Any, int]:
        count, position = _checked_length(name, buffer, offset, flexible, optional)
        if count is None:
            return None, position - offset
        elements = []
        for _ in range(count):
            element, size = read_element(buffer, position)
            elements.append(element)
            position += size
        return tuple(elements), position - offset

    return read


def _checked_length(
    name: str, buffer: bytes, offset: int, flexible: bool, optional: bool
) -> tuple[int | None, int]:
    """Return an array's length, None for null, and the offset of its first element."""
    if flexible:
        count, start = _varint(buffer, offset)
        count -= 1
    else:
        start = offset + 4
        if start > len(buffer):
            raise BadReply(f"at byte {offset}: ends within the length of {name!r}")
        count = int.from_bytes(buffer[offset:start], signed=True)
    if count == -1:
        if not optional:
            raise BadReply(f"at byte {offset}: {name!r} is null")
        return None, start
    # Every element takes at least one byte.
    if not 0 <= count <= len(buffer) - start:
        left = len(buffer) - start
        raise BadReply(f"at byte {offset}: {name!r} of {count} elements in {left} bytes")
    return count, start


def _varint(buffer: bytes, offset: int) -> tuple[int, int]:
    """Return an unsigned varint of at most five bytes and the offset after it."""
    value = 0
    for index in range(5):
        if offset + index >= len(buffer):
            raise BadReply(f"at byte {offset}: ends within a number")
        byte = buffer[offset + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, offset + index + 1
    raise BadReply(f"at byte {offset}: a number of more than five bytes")


def _plain_fields(entity: type) -> "list[dataclasses.Field[Any]]":
    """Return the fields that are always on the wire, in its order."""
    return [f for f in dataclasses.fields(entity) if "tag" not in f.metadata]


@cache
def _holds_array(entity: type) -> bool:
    for field in dataclasses.fields(entity):
        element, _ = _array_element(field.type)
        inner = _without_none(field.type)
        if element is not None or (_is_entity(inner) and _holds_array(inner)):
            return True
    return False


def _array_element(declared: Any) -> tuple[Any, bool]:
    """Return the element type of `tuple[X, ...]`, None for other types; whether null is allowed."""
    inner = _without_none(declared)
    if typing.get_origin(inner) is tuple:
        return typing.get_args(inner)[0], inner is not declared
    return None, inner is not declared


def _without_none(declared: Any) -> Any:
    if isinstance(declared, types.UnionType) or typing.get_origin(declared) is typing.Union:
        return next(arg for arg in typing.get_args(declared) if arg is not types.NoneType)
    return declared


def _is_entity(declared: Any) -> bool:
    return dataclasses.is_dataclass(declared)


@cache
def _serial_error() -> type[Exception]:
    from kio.serial.errors import SerialError

    return SerialError


def _native(entity: type) -> FieldReader:
    from kio.serial import entity_reader

    return typing.cast(FieldReader, entity_reader(typing.cast(Any, entity)))


def _native_field(entity: type, field: "dataclasses.Field[Any]") -> FieldReader:
    from kio._kio_native import get_field_reader

    return typing.cast(
        FieldReader,
        get_field_reader(
            typing.cast(Any, entity), field, is_request_header=False, is_tagged_field=False
        ),
    )
