"""Class descriptors out of the stream (section 6.4.2: classDesc, newClassDesc, classDescInfo).

The descriptor of a class ends with that of its superclass, which ends with that of the next one: a
line of descriptors, closed by null or by a reference to a class written before.
"""

from dataclasses import dataclass, field

from jmxbridge.jmx.constants import (
    SC_EXTERNALIZABLE,
    SC_SERIALIZABLE,
    TC_BLOCKDATA,
    TC_CLASSDESC,
    TC_ENDBLOCKDATA,
    TC_NULL,
    TC_PROXYCLASSDESC,
    TC_REFERENCE,
    TC_STRING,
)
from jmxbridge.jmx.serialization.class_desc import PRIMITIVES, ClassDesc, Shape
from jmxbridge.jmx.serialization.known_classes import Line
from jmxbridge.jmx.serialization.reader import Reader, Steps
from jmxbridge.jmx.values import JavaObject

# Java allows 65,535; real classes have under 100 fields, real proxies under 10 interfaces.
MAX_FIELDS = 1000
# Real lines are under 15 classes long.
MAX_ANCESTORS = 30
# A class takes about as much memory as this many elements; a reply of a broker has under 60.
CLASS_WEIGHT = 256

# A reference; a line is longer, and after a null there are always bytes of an object.
_SHORTEST = 5

# Stands behind the handle of a class that is still being read.
_PENDING = JavaObject("java.io.ObjectStreamClass", (), {}, {})


def take_class_desc(r: Reader) -> ClassDesc | None:
    """Take a class that is known and there in full; None, with nothing taken, otherwise."""
    pos = r.pos
    if pos + _SHORTEST > r.end:
        return None
    tag = r.buf[pos]
    if tag == TC_REFERENCE:
        r.pos = pos + 1
        return _referred_class(r)
    if tag == TC_CLASSDESC:
        return _take_line(r)
    return None


def _referred_class(r: Reader) -> ClassDesc:
    desc = r.handles[r.index()]
    if not isinstance(desc, ClassDesc):
        raise r.bad("a reference to something else where a class must be")
    return desc


def _take_line(r: Reader) -> ClassDesc | None:
    start = r.pos
    line = r.classes.find(r.buf, start, r.handles)
    if line is None:
        return None
    r.pos = start + len(line.raw) + 1
    tag = r.buf[r.pos - 1]
    superclass: ClassDesc | None = None
    if tag == TC_REFERENCE and not r.short(4):
        superclass = _referred_class(r)
    elif tag != TC_NULL:
        r.pos = start
        return None
    return _add(r, line, superclass)


def _add(r: Reader, line: Line, superclass: ClassDesc | None) -> ClassDesc:
    """Give the classes and type names of a line their handles."""
    handles = r.classes.link(line, superclass)
    desc = handles[0]
    if not isinstance(desc, ClassDesc) or len(desc.superclasses) > MAX_ANCESTORS:
        raise r.bad(f"a class with more than {MAX_ANCESTORS} ancestors")
    r.handles += handles
    r.count(CLASS_WEIGHT * line.classes)
    return desc


@dataclass(slots=True)
class _Draft:
    """A line while it is read; `after` is how many handles there were before it."""

    after: int
    added: list[Shape | str] = field(default_factory=list)
    references: list[tuple[int, str]] = field(default_factory=list)
    classes: int = 0

    def line(self, raw: bytes) -> Line:
        refers_to_itself = any(index >= self.after for index, _ in self.references)
        return Line(
            raw=raw,
            classes=self.classes,
            added=tuple(self.added),
            references=tuple(pair for pair in self.references if pair[0] < self.after),
            after=self.after if refers_to_itself else None,
        )


def read_class_desc(r: Reader) -> Steps[ClassDesc]:
    """classDesc, where it cannot be null: a class that `take_class_desc` does not take."""
    start, buf = r.pos, r.buf
    draft = _Draft(len(r.handles))
    tag = yield from _read_line(r, draft)
    stop = r.pos - 1
    superclass: ClassDesc | None = None
    if tag == TC_REFERENCE:
        if r.short(4):
            yield from r.need(4)
        superclass = _referred_class(r)
    if not draft.added:
        if superclass is None:
            raise r.bad("null where a class must be")
        return superclass
    line = draft.line(buf[start:stop])
    if r.buf is buf and buf[start] == TC_CLASSDESC:  # still there as one piece
        r.classes.learn(line)
    del r.handles[draft.after :]
    return _add(r, line, superclass)


def _read_line(r: Reader, draft: _Draft) -> Steps[int]:
    """Read descriptors up to what closes the line; return that: TC_NULL or TC_REFERENCE."""
    while True:
        if r.short(1):
            yield from r.need(1)
        tag = r.u8()
        if tag in (TC_NULL, TC_REFERENCE):
            return tag
        draft.classes += 1
        if draft.classes > MAX_ANCESTORS:
            raise r.bad(f"a class with more than {MAX_ANCESTORS} ancestors")
        at = len(draft.added)
        draft.added.append("")
        r.keep(_PENDING)
        if tag == TC_CLASSDESC:
            draft.added[at] = yield from _read_class(r, draft)
        elif tag == TC_PROXYCLASSDESC:
            draft.added[at] = yield from _read_proxy_class(r)
        else:
            raise r.bad(f"expected a class descriptor, got 0x{tag:02x}")
        yield from _read_class_annotation(r, draft)


def _read_class(r: Reader, draft: _Draft) -> Steps[Shape]:
    """newClassDesc, between its tag and its annotation."""
    name = yield from r.read_utf()
    if r.short(11):
        yield from r.need(11)
    r.raw(8)  # serialVersionUID: nothing is ever instantiated, so nothing can be incompatible
    flags = r.u8()
    if flags & SC_SERIALIZABLE and flags & SC_EXTERNALIZABLE:
        raise r.bad(f"a class that is both serializable and externalizable: {name}")
    count = r.u16()
    if count > MAX_FIELDS:
        raise r.bad(f"a class of {count} fields, limit {MAX_FIELDS}: {name}")
    fields = []
    for _ in range(count):
        fields.append((yield from _read_field(r, draft)))
    return Shape(name, flags, tuple(fields))


def _read_field(r: Reader, draft: _Draft) -> Steps[tuple[str, str]]:
    """fieldDesc: type code, name and, for an object, the name of its type (which is not kept)."""
    if r.short(1):
        yield from r.need(1)
    code = chr(r.u8())
    name = yield from r.read_utf()
    r.count(1)
    if code in PRIMITIVES:
        return code, name
    if code not in "L[":
        raise r.bad(f"a field of unknown type {code!r}: {name}")
    if r.short(1):
        yield from r.need(1)
    yield from _read_text(r, r.u8(), draft)
    return code, name


def _read_text(r: Reader, tag: int, draft: _Draft) -> Steps[None]:
    """A string, or a reference to one, inside a descriptor."""
    if tag == TC_STRING:
        text = yield from r.read_utf()
        r.keep(text)
        draft.added.append(text)
    elif tag == TC_REFERENCE:
        if r.short(4):
            yield from r.need(4)
        index = r.index()
        referred = r.handles[index]
        if not isinstance(referred, str):
            raise r.bad("a reference to something else where a string must be")
        draft.references.append((index, referred))
    else:
        raise r.bad(f"expected a string, got 0x{tag:02x}")


def _read_class_annotation(r: Reader, draft: _Draft) -> Steps[None]:
    """What the server's `annotateClass` wrote: where the class can be loaded from, or null.

    That is never followed.
    """
    while True:
        if r.short(1):
            yield from r.need(1)
        tag = r.u8()
        if tag == TC_ENDBLOCKDATA:
            return
        if tag == TC_BLOCKDATA:
            yield from _skip_block(r)
        elif tag != TC_NULL:
            yield from _read_text(r, tag, draft)


def _skip_block(r: Reader) -> Steps[None]:
    if r.short(1):
        yield from r.need(1)
    size = r.u8()
    if r.short(size):
        yield from r.need(size)
    r.raw(size)


def _read_proxy_class(r: Reader) -> Steps[Shape]:
    """proxyClassDescInfo, before its annotation: the interfaces of a dynamic proxy."""
    if r.short(4):
        yield from r.need(4)
    count = r.i32()
    if not 0 <= count <= MAX_FIELDS:
        raise r.bad(f"a proxy of {count} interfaces, limit {MAX_FIELDS}")
    names = []
    for _ in range(count):
        names.append((yield from r.read_utf()))
    return Shape(f"$Proxy({', '.join(names)})", SC_SERIALIZABLE, ())
