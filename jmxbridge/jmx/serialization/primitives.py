"""What is met most often in a stream, taken at once: null, reference, string, boxed number.

Rule: these functions only ever take something that is there in full, or nothing; what is still
coming, and whatever else can stand there, is for the generators of `decoder`. Both must read the
same bytes as the same value.
"""

from enum import Enum
from typing import Final, Literal, TypeAlias

from jmxbridge.jmx.constants import TC_NULL, TC_OBJECT, TC_REFERENCE, TC_STRING
from jmxbridge.jmx.serialization.class_desc import ClassDesc
from jmxbridge.jmx.serialization.class_reader import take_class_desc
from jmxbridge.jmx.serialization.reader import Reader
from jmxbridge.jmx.values import JavaObject, Value


class _Nothing(Enum):
    NOT_LEAF = 0


NOT_LEAF: Final = _Nothing.NOT_LEAF
NotLeaf: TypeAlias = Literal[_Nothing.NOT_LEAF]


def take_leaf(r: Reader) -> Value | NotLeaf:
    """Take null, a reference, a string or a boxed number that is there in full.

    NOT_LEAF, with nothing taken, for anything else and for what is still coming. (The limit of
    handles is checked a little later, by the next object or element.)
    """
    buf, pos = r.buf, r.pos
    if pos + 5 > r.end:  # one of these may be there, but the generators read them as well
        return NOT_LEAF
    tag = buf[pos]
    if tag == TC_STRING:
        return _take_string(r)
    if tag == TC_OBJECT:
        return _take_boxed(r)
    if tag == TC_REFERENCE:
        r.pos = pos + 1
        return referred_value(r)
    if tag == TC_NULL:
        r.pos = pos + 1
        return None
    return NOT_LEAF


def _take_string(r: Reader) -> Value | NotLeaf:
    buf, pos = r.buf, r.pos
    start = pos + 3
    stop = start + (buf[pos + 1] << 8 | buf[pos + 2])
    if stop > r.end:
        return NOT_LEAF
    raw = buf[start:stop]
    if raw.isascii():
        text = raw.decode("ascii")
        r.pos = stop
    else:
        r.pos = start
        text = r.text(stop - start)
    if r.marks is not None:
        text = r.marks.text(text, start, stop - start)
    r.handles.append(text)
    return text


def _take_boxed(r: Reader) -> Value | NotLeaf:
    start, mark, elements = r.pos, len(r.handles), r.elements
    r.pos = start + 1
    desc = take_class_desc(r)
    if desc is not None and desc.box is not None and r.pos + desc.box.size <= r.end:
        value: Value = desc.box.unpack_from(r.buf, r.pos)[0]
        if r.marks is not None:
            value = r.marks.number(value, r.pos, desc.box.size, desc.box.format[1:])
        r.pos += desc.box.size
        r.handles.append(value)
        return value
    del r.handles[mark:]
    r.elements = elements
    r.pos = start
    return NOT_LEAF


def referred_value(r: Reader) -> Value:
    """Take a handle that is there; return the value it was given to."""
    value = r.handles[r.index()]
    if r.marks is not None:
        r.marks.refer(value)
    return class_value(value) if isinstance(value, ClassDesc) else value


def class_value(desc: ClassDesc) -> JavaObject:
    """Return what stands for a class descriptor where an object can stand."""
    return JavaObject("java.io.ObjectStreamClass", (), {"name": desc.name}, {})
