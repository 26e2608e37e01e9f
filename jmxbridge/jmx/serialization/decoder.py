"""Objects out of Java's serialization stream.

Section numbers are those of chapter 6 of the Java Object Serialization Specification. Reading is
structural: an object is the description of its class and its fields. As soon as an object of a
class in the closed table of `unwrap` is complete, its value takes its place, also behind its
handle. One that is referred to before that shows there as an empty JavaObject.

Speed: what is met most often is taken by the plain functions of `leaf` when it is there in full;
starting a generator costs about as much as all they do.
"""

import struct
import sys
from array import array
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
    Fields,
    Run,
    Unwrap,
)
from jmxbridge.jmx.serialization.class_reader import read_class_desc, take_class_desc
from jmxbridge.jmx.serialization.primitives import (
    NOT_LEAF,
    NotLeaf,
    class_value,
    referred_value,
    take_leaf,
)
from jmxbridge.jmx.serialization.reader import Reader, Steps
from jmxbridge.jmx.serialization.tracked import Marks
from jmxbridge.jmx.values import JavaObject, Value


class WriteAborted(Exception):
    """The server failed while it wrote the reply; `thrown` is what it threw."""

    def __init__(self, thrown: Value) -> None:
        super().__init__(thrown)
        self.thrown = thrown


class Endless(Exception):
    """An object of a class whose data has no mark at its end: the rest cannot be read."""

    def __init__(self, class_name: str) -> None:
        super().__init__(class_name)
        self.class_name = class_name


def read_content(r: Reader, depth: int) -> Steps[Value]:
    """object: return the steps that read whatever can stand where an object is written."""
    if r.pos >= r.end:
        return _await_content(r, depth)
    read = CONTENT.get(r.buf[r.pos])
    if read is None:
        raise r.bad(f"expected an object, got 0x{r.buf[r.pos]:02x}")
    if depth > r.limits.depth:
        raise r.bad(f"objects nested more than {r.limits.depth} deep")
    r.pos += 1
    return read(r, depth)


def _await_content(r: Reader, depth: int) -> Steps[Value]:
    yield from r.need(1)
    return (yield from read_content(r, depth))


def read_null(r: Reader, depth: int) -> Steps[Value]:
    """nullReference."""
    yield from ()
    return None


def read_reference(r: Reader, depth: int) -> Steps[Value]:
    """prevObject."""
    if r.short(4):
        yield from r.need(4)
    return referred_value(r)


def read_string(r: Reader, depth: int) -> Steps[Value]:
    """newString, short."""
    text = yield from r.read_utf()
    r.keep(text)
    return text


def read_long_string(r: Reader, depth: int) -> Steps[Value]:
    """newString, long."""
    if r.short(8):
        yield from r.need(8)
    size = r.i64()
    if not 0 <= size <= r.limits.string_bytes:
        raise r.bad(f"a string of {size} bytes, limit {r.limits.string_bytes}")
    if r.short(size):
        yield from r.need(size)
    text = r.text(size)
    r.keep(text)
    return text


def read_object(r: Reader, depth: int) -> Steps[Value]:
    """newObject: class, then what each of its ancestors and itself wrote, from the top."""
    desc = take_class_desc(r) or (yield from read_class_desc(r))
    if not desc.is_plain:
        raise Endless(desc.name) if desc.is_endless else r.bad(f"an object of class {desc.name}")
    fields: Fields = {}
    annotations: Annotations = {}
    unwrap = desc.unwrap
    started = desc.empty
    if unwrap is None:
        started = JavaObject(desc.name, desc.superclasses, fields, annotations)
    handle = len(r.handles)
    r.handles.append(started)
    r.count(desc.field_count)
    for part in desc.parts:
        for run in part.runs:
            if run.struct is not None:
                if r.short(run.struct.size):
                    yield from r.need(run.struct.size)
                _take_primitives(r, run, run.struct, fields)
                continue
            value = take_leaf(r)
            if value is NOT_LEAF:
                value = yield from read_content(r, depth + 1)
            fields[run.names[0]] = value
        if part.has_annotation:
            annotations[part.class_name] = yield from read_annotation(r, depth + 1)
    return started if unwrap is None else _finish(r, handle, desc, unwrap, fields, annotations)


def _finish(
    r: Reader, handle: int, desc: ClassDesc, unwrap: Unwrap, fields: Fields, notes: Annotations
) -> Value:
    value = unwrap(fields, notes)
    if value is None:
        value = JavaObject(desc.name, desc.superclasses, fields, notes)
    r.handles[handle] = value
    return value


def _take_primitives(r: Reader, run: Run, packed: struct.Struct, fields: Fields) -> None:
    fields.update(zip(run.names, packed.unpack_from(r.buf, r.pos), strict=True))
    if r.marks is not None:
        _mark(r, r.marks, run, packed, fields)
    r.pos += packed.size
    for name in run.chars:
        fields[name] = chr(cast(int, fields[name]))


def _mark(r: Reader, marks: Marks, run: Run, packed: struct.Struct, fields: Fields) -> None:
    pos = r.pos
    for name, code in zip(run.names, packed.format[1:], strict=True):
        size = struct.calcsize(">" + code)
        fields[name] = marks.number(fields[name], pos, size, code)
        pos += size


def read_annotation(r: Reader, depth: int) -> Steps[tuple[Value | bytes, ...]]:
    """objectAnnotation: objects and blocks of primitive data, to the end mark."""
    items: list[Value | bytes] = []
    while True:
        item: Value | bytes | NotLeaf = take_leaf(r)
        if item is NOT_LEAF:
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


def read_block(r: Reader) -> Steps[bytes]:
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


def _long_size(r: Reader) -> int:
    r.pos += 1
    return r.i32()


def read_array(r: Reader, depth: int) -> Steps[Value]:
    """newArray."""
    desc = take_class_desc(r) or (yield from read_class_desc(r))
    if not desc.name.startswith("["):
        raise r.bad(f"an array of class {desc.name}")
    handle = r.keep(desc.empty)
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


def _read_items(r: Reader, size: int, depth: int) -> Steps[tuple[Value, ...]]:
    items: list[Value] = []
    for _ in range(size):
        item = take_leaf(r)
        if item is NOT_LEAF:
            item = yield from read_content(r, depth)
        r.count(0)  # the elements were counted; the objects among them are not
        items.append(item)
    return tuple(items)


def _read_primitive_items(r: Reader, code: str, size: int) -> Steps[tuple[Value, ...]]:
    packed = array(PRIMITIVES[code] if code != "Z" else "b")
    items: list[Value] = []
    while len(items) < size:
        if r.short(packed.itemsize):
            yield from r.need(packed.itemsize)
        there = min(size - len(items), (r.end - r.pos) // packed.itemsize)
        chunk = array(packed.typecode, r.raw(there * packed.itemsize))
        if sys.byteorder == "little":
            chunk.byteswap()
        items.extend(map(chr, chunk) if code == "C" else map(bool, chunk) if code == "Z" else chunk)
    return tuple(items)


def read_enum(r: Reader, depth: int) -> Steps[Value]:
    """newEnum: the name of the constant stands for it."""
    desc = take_class_desc(r) or (yield from read_class_desc(r))
    if not desc.is_enum:
        raise r.bad(f"an enum constant of class {desc.name}")
    handle = r.keep(desc.empty)
    name = take_leaf(r)
    if name is NOT_LEAF:
        name = yield from read_content(r, depth + 1)
    if not isinstance(name, str):
        raise r.bad("an enum constant without a name")
    r.handles[handle] = name
    return name


def read_class(r: Reader, depth: int) -> Steps[Value]:
    """newClass: a class as a value."""
    desc = take_class_desc(r) or (yield from read_class_desc(r))
    value = JavaObject("java.lang.Class", (), {"name": desc.name}, {})
    r.keep(value)
    return value


def read_class_as_value(r: Reader, depth: int) -> Steps[Value]:
    """newClassDesc where an object can stand."""
    r.pos -= 1
    return class_value((yield from read_class_desc(r)))


def read_exception(r: Reader, depth: int) -> Steps[Value]:
    """exception: what the server threw while it wrote; nothing more of the reply comes."""
    r.handles.clear()
    raise WriteAborted((yield from read_content(r, depth + 1)))


CONTENT: Mapping[int, Callable[[Reader, int], Steps[Value]]] = MappingProxyType(
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
