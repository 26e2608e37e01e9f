"""Decoder for objects in Java's serialization stream.

Docstrings name the grammar rules of section 6.4.2 of the Java Object Serialization Specification.
Decoding is structural: an object is its class descriptor and its fields. When an object of a class
in the closed table of `unwrap` is complete, its value replaces it, also behind its handle. A
reference to such an object before it is complete gives an empty JavaObject.

Speed: the plain functions of `fast_path` take the commonest values when they are present in full.
Starting a generator costs about as much as all of their work.
"""

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

from jmxbridge.jmx.constants import (
    TC_ARRAY,
    TC_BLOCKDATA,
    TC_BLOCKDATALONG,
    TC_CLASS,
    TC_CLASSDESC,
    TC_ENDBLOCKDATA,
    TC_ENUM,
    TC_EXCEPTION,
    TC_LONGSTRING,
    TC_NULL,
    TC_OBJECT,
    TC_PROXYCLASSDESC,
    TC_REFERENCE,
    TC_STRING,
)
from jmxbridge.jmx.serialization.class_desc import (
    PRIMITIVES,
    Annotations,
    ClassDesc,
    FieldRun,
    FieldValues,
    Unwrap,
)
from jmxbridge.jmx.serialization.class_reader import read_class_desc, take_class_desc
from jmxbridge.jmx.serialization.fast_path import (
    NOT_TAKEN,
    NotTaken,
    class_value,
    referred_value,
    take_common_value,
)
from jmxbridge.jmx.serialization.reader import ReplyReader, Steps
from jmxbridge.jmx.serialization.tracked import TrackedValues
from jmxbridge.jmx.values import JavaObject, Value


class WriteAborted(Exception):
    """The server failed while it wrote the reply; `thrown` is the Throwable it sent."""

    def __init__(self, thrown: Value) -> None:
        super().__init__(thrown)
        self.thrown = thrown


class UndelimitedObject(Exception):
    """An object whose data has no end mark, so nothing after it can be read."""

    def __init__(self, class_name: str) -> None:
        super().__init__(class_name)
        self.class_name = class_name


def read_content(r: ReplyReader, depth: int) -> Steps[Value]:
    """object: return a decoder for the object at the current position."""
    if r.pos >= r.end:
        return _await_content(r, depth)
    read = CONTENT.get(r.buf[r.pos])
    if read is None:
        raise r.bad(f"expected an object, got 0x{r.buf[r.pos]:02x}")
    if depth > r.limits.depth:
        raise r.bad(f"objects nested more than {r.limits.depth} deep")
    r.pos += 1
    return read(r, depth)


def _await_content(r: ReplyReader, depth: int) -> Steps[Value]:
    yield from r.need(1)
    return (yield from read_content(r, depth))


def read_null(r: ReplyReader, depth: int) -> Steps[Value]:
    """nullReference."""
    yield from ()
    return None


def read_reference(r: ReplyReader, depth: int) -> Steps[Value]:
    """prevObject."""
    if r.short(4):
        yield from r.need(4)
    return referred_value(r)


def read_string(r: ReplyReader, depth: int) -> Steps[Value]:
    """newString, short."""
    text = yield from r.read_utf()
    r.add_handle(text)
    return text


def read_long_string(r: ReplyReader, depth: int) -> Steps[Value]:
    """newString, long."""
    if r.short(8):
        yield from r.need(8)
    size = r.i64()
    if not 0 <= size <= r.limits.string_bytes:
        raise r.bad(f"a string of {size} bytes, limit {r.limits.string_bytes}")
    if r.short(size):
        yield from r.need(size)
    text = r.text(size)
    r.add_handle(text)
    return text


def read_object(r: ReplyReader, depth: int) -> Steps[Value]:
    """newObject: its class, then the data of each class of its hierarchy, topmost first."""
    desc = take_class_desc(r) or (yield from read_class_desc(r))
    if not desc.is_plain:
        raise _not_plain(r, desc)
    fields: FieldValues = {}
    annotations: Annotations = {}
    unwrap = desc.unwrap
    result = desc.empty
    if unwrap is None:
        result = JavaObject(desc.name, desc.superclasses, fields, annotations)
    handle = len(r.handles)
    r.handles.append(result)
    r.count(desc.field_count)
    for layout in desc.layouts:
        for run in layout.runs:
            if run.struct is not None:
                if r.short(run.struct.size):
                    yield from r.need(run.struct.size)
                _take_primitives(r, run, run.struct, fields)
                continue
            value = take_common_value(r)
            if value is NOT_TAKEN:
                value = yield from read_content(r, depth + 1)
            fields[run.names[0]] = value
        if layout.has_annotation:
            annotations[layout.class_name] = yield from read_annotation(r, depth + 1)
    if unwrap is None:
        return result
    r.handles[handle] = value = _unwrapped(desc, unwrap, fields, annotations)
    return value


def _not_plain(r: ReplyReader, desc: ClassDesc) -> Exception:
    """Return the error for an object of a class that is not plain."""
    if desc.is_undelimited:
        return UndelimitedObject(desc.name)
    return r.bad(f"an object of class {desc.name}")


def _unwrapped(
    desc: ClassDesc, unwrap: Unwrap, fields: FieldValues, annotations: Annotations
) -> Value:
    value = unwrap(fields, annotations)
    if value is None:
        return JavaObject(desc.name, desc.superclasses, fields, annotations)
    return value


def _take_primitives(
    r: ReplyReader, run: FieldRun, packed: struct.Struct, fields: FieldValues
) -> None:
    fields.update(zip(run.names, packed.unpack_from(r.buf, r.pos), strict=True))
    if r.tracked is not None:
        _track(r.pos, r.tracked, run, packed, fields)
    r.pos += packed.size
    for name in run.chars:
        fields[name] = chr(cast(int, fields[name]))


def _track(
    pos: int, tracked: TrackedValues, run: FieldRun, packed: struct.Struct, fields: FieldValues
) -> None:
    """Replace the values of a run that starts at `pos` by tracked ones."""
    for name, code in zip(run.names, packed.format[1:], strict=True):
        size = struct.calcsize(">" + code)
        fields[name] = tracked.track_number(fields[name], pos, size, code)
        pos += size


def read_annotation(r: ReplyReader, depth: int) -> Steps[tuple[Value | bytes, ...]]:
    """objectAnnotation: objects and blocks of primitive data, up to the end mark."""
    items: list[Value | bytes] = []
    while True:
        item: Value | bytes | NotTaken = take_common_value(r)
        if item is NOT_TAKEN:
            if r.short(1):
                yield from r.need(1)
            tag = r.buf[r.pos]
            if tag == TC_ENDBLOCKDATA:
                r.pos += 1
                return tuple(items)
            if tag in (TC_BLOCKDATA, TC_BLOCKDATALONG):
                item = yield from read_block(r)
            else:
                item = yield from read_content(r, depth)
        r.count(1)
        items.append(item)


def read_block(r: ReplyReader) -> Steps[bytes]:
    """blockdata, short or long."""
    head = 2 if r.buf[r.pos] == TC_BLOCKDATA else 5
    if r.short(head):
        yield from r.need(head)
    size = r.u16() & 0xFF if head == 2 else _long_size(r)
    if not 0 <= size <= r.limits.string_bytes:
        raise r.bad(f"a block of {size} bytes, limit {r.limits.string_bytes}")
    if r.short(size):
        yield from r.need(size)
    return r.raw(size)


def _long_size(r: ReplyReader) -> int:
    r.pos += 1
    return r.i32()


def read_array(r: ReplyReader, depth: int) -> Steps[Value]:
    """newArray."""
    desc = take_class_desc(r) or (yield from read_class_desc(r))
    if not desc.name.startswith("["):
        raise r.bad(f"an array of class {desc.name}")
    handle = r.add_handle(desc.empty)
    if r.short(4):
        yield from r.need(4)
    size = r.i32()
    if size < 0:
        raise r.bad(f"an array of {size} elements")
    r.count(size)
    code = desc.name[1:2]
    if code in PRIMITIVES:
        value = yield from _read_primitive_items(r, code, size)
    else:
        value = yield from _read_items(r, size, depth + 1)
    r.handles[handle] = value
    return value


def _read_items(r: ReplyReader, size: int, depth: int) -> Steps[tuple[Value, ...]]:
    items: list[Value] = []
    for _ in range(size):
        item = take_common_value(r)
        if item is NOT_TAKEN:
            item = yield from read_content(r, depth)
        r.count(0)  # checks the handles: elements are counted, the objects among them are not
        items.append(item)
    return tuple(items)


def _read_primitive_items(r: ReplyReader, code: str, size: int) -> Steps[tuple[Value, ...]]:
    item_format = PRIMITIVES[code]
    item_size = struct.calcsize(">" + item_format)
    items: list[Value] = []
    while len(items) < size:
        if r.short(item_size):
            yield from r.need(item_size)
        present = min(size - len(items), (r.end - r.pos) // item_size)
        chunk = struct.unpack_from(f">{present}{item_format}", r.buf, r.pos)
        r.pos += present * item_size
        items += map(chr, chunk) if code == "C" else chunk
    return tuple(items)


def read_enum(r: ReplyReader, depth: int) -> Steps[Value]:
    """newEnum: the value is the name of the constant."""
    desc = take_class_desc(r) or (yield from read_class_desc(r))
    if not desc.is_enum:
        raise r.bad(f"an enum constant of class {desc.name}")
    handle = r.add_handle(desc.empty)
    name = take_common_value(r)
    if name is NOT_TAKEN:
        name = yield from read_content(r, depth + 1)
    if not isinstance(name, str):
        raise r.bad("an enum constant without a name")
    r.handles[handle] = name
    return name


def read_class(r: ReplyReader, depth: int) -> Steps[Value]:
    """newClass: a Class object."""
    desc = take_class_desc(r) or (yield from read_class_desc(r))
    value = JavaObject("java.lang.Class", (), {"name": desc.name}, {})
    r.add_handle(value)
    return value


def read_class_as_value(r: ReplyReader, depth: int) -> Steps[Value]:
    """newClassDesc written as an object."""
    r.pos -= 1
    return class_value((yield from read_class_desc(r)))


def read_exception(r: ReplyReader, depth: int) -> Steps[Value]:
    """exception: the server threw while it wrote the reply, which ends here."""
    r.handles.clear()
    raise WriteAborted((yield from read_content(r, depth + 1)))


CONTENT: Mapping[int, Callable[[ReplyReader, int], Steps[Value]]] = MappingProxyType(
    {
        TC_NULL: read_null,
        TC_REFERENCE: read_reference,
        TC_STRING: read_string,
        TC_LONGSTRING: read_long_string,
        TC_OBJECT: read_object,
        TC_ARRAY: read_array,
        TC_ENUM: read_enum,
        TC_CLASS: read_class,
        TC_CLASSDESC: read_class_as_value,
        TC_PROXYCLASSDESC: read_class_as_value,
        TC_EXCEPTION: read_exception,
    }
)
