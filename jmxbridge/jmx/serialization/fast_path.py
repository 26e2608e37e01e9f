"""Fast path for the commonest values: null, reference, string, boxed number.

Rule: these functions take a value that is present in full, or nothing. The generators of `decoder`
read everything else, and values that have not fully arrived. Both must decode the same bytes to the
same value.
"""

from enum import Enum
from typing import Final, Literal, TypeAlias

from jmxbridge.jmx.constants import TC_NULL, TC_OBJECT, TC_REFERENCE, TC_STRING
from jmxbridge.jmx.serialization.class_desc import ClassDesc
from jmxbridge.jmx.serialization.class_reader import take_class_desc
from jmxbridge.jmx.serialization.reader import ReplyReader
from jmxbridge.jmx.values import JavaObject, Value


class _Sentinel(Enum):
    NOT_TAKEN = 0


NOT_TAKEN: Final = _Sentinel.NOT_TAKEN
NotTaken: TypeAlias = Literal[_Sentinel.NOT_TAKEN]


def take_common_value(r: ReplyReader) -> Value | NotTaken:
    """Take null, a reference, a string or a boxed number that is present in full.

    Takes nothing and returns NOT_TAKEN for any other value and for one that has not fully arrived.
    (The next object or element checks the limit on handles.)
    """
    buf, pos = r.buf, r.pos
    if pos + 5 > r.end:  # a null or a short string may be here; the generators read those too
        return NOT_TAKEN
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
    return NOT_TAKEN


def _take_string(r: ReplyReader) -> Value | NotTaken:
    buf, pos = r.buf, r.pos
    start = pos + 3
    stop = start + (buf[pos + 1] << 8 | buf[pos + 2])
    if stop > r.end:
        return NOT_TAKEN
    raw = buf[start:stop]
    if raw.isascii():
        text = raw.decode("ascii")
        r.pos = stop
    else:
        r.pos = start
        text = r.text(stop - start)
    if r.tracked is not None:
        text = r.tracked.track_text(text, start, stop - start)
    r.handles.append(text)
    return text


def _take_boxed(r: ReplyReader) -> Value | NotTaken:
    start, handle_count, elements = r.pos, len(r.handles), r.elements
    r.pos = start + 1
    desc = take_class_desc(r)
    if desc is not None and desc.box is not None and r.pos + desc.box.size <= r.end:
        value: Value = desc.box.unpack_from(r.buf, r.pos)[0]
        if r.tracked is not None:
            value = r.tracked.track_number(value, r.pos, desc.box.size, desc.box.format[1:])
        r.pos += desc.box.size
        r.handles.append(value)
        return value
    del r.handles[handle_count:]
    r.elements = elements
    r.pos = start
    return NOT_TAKEN


def referred_value(r: ReplyReader) -> Value:
    """Take a handle that is present; return the value behind it."""
    value = r.handles[r.handle_index()]
    if r.tracked is not None:
        r.tracked.add_reference(value)
    return class_value(value) if isinstance(value, ClassDesc) else value


def class_value(desc: ClassDesc) -> JavaObject:
    """Return the value of a class descriptor that is written as an object."""
    return JavaObject("java.io.ObjectStreamClass", (), {"name": desc.name}, {})
