"""Decoder for class descriptors (section 6.4.2: classDesc, newClassDesc, classDescInfo).

The descriptor of a class ends with that of its superclass, which ends with that of the next
superclass: a chain of descriptors, ended by null or by a reference to a class written earlier.
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
from jmxbridge.jmx.serialization.class_desc import PRIMITIVES, ClassDesc, ClassDescInfo
from jmxbridge.jmx.serialization.known_classes import ClassChain
from jmxbridge.jmx.serialization.reader import ReplyReader, Steps
from jmxbridge.jmx.values import JavaObject

# Java allows 65,535; real classes have less than 100 fields, real proxies less than 10 interfaces.
MAX_FIELDS = 1000
# Real chains are less than 15 classes long.
MAX_ANCESTORS = 30
# A class takes about as much memory as this many elements; a broker's reply has less than 60.
CLASS_WEIGHT = 256

# A reference is 5 bytes; a chain is longer, and a null is always followed by bytes of an object.
_SHORTEST = 5

# Placeholder behind the handle of a class that is still being read.
_PENDING = JavaObject("java.io.ObjectStreamClass", (), {}, {})


def take_class_desc(r: ReplyReader) -> ClassDesc | None:
    """Take a class that is known and present in full; otherwise take nothing and return None."""
    pos = r.pos
    if pos + _SHORTEST > r.end:
        return None
    tag = r.buf[pos]
    if tag == TC_REFERENCE:
        r.pos = pos + 1
        return _referred_class(r)
    if tag == TC_CLASSDESC:
        return _take_chain(r)
    return None


def _referred_class(r: ReplyReader) -> ClassDesc:
    desc = r.handles[r.handle_index()]
    if not isinstance(desc, ClassDesc):
        raise r.bad("a reference to something else where a class must be")
    return desc


def _take_chain(r: ReplyReader) -> ClassDesc | None:
    start = r.pos
    chain = r.classes.find(r.buf, start, r.handles)
    if chain is None:
        return None
    r.pos = start + len(chain.raw) + 1
    tag = r.buf[r.pos - 1]
    superclass: ClassDesc | None = None
    if tag == TC_REFERENCE and not r.short(4):
        superclass = _referred_class(r)
    elif tag != TC_NULL:
        r.pos = start
        return None
    return _add_handles(r, chain, superclass)


def _add_handles(r: ReplyReader, chain: ClassChain, superclass: ClassDesc | None) -> ClassDesc:
    """Give the classes and type names of a chain their handles; return its first class."""
    handles = r.classes.link(chain, superclass)
    desc = handles[0]
    if not isinstance(desc, ClassDesc) or len(desc.superclasses) > MAX_ANCESTORS:
        raise r.bad(f"a class with more than {MAX_ANCESTORS} ancestors")
    r.handles += handles
    r.count(CLASS_WEIGHT * chain.classes)
    return desc


@dataclass(slots=True)
class _ChainBuilder:
    """A chain while it is read; `first_handle` is the number of handles before it."""

    first_handle: int
    added: list[ClassDescInfo | str] = field(default_factory=list)
    references: list[tuple[int, str]] = field(default_factory=list)
    classes: int = 0

    def build(self, raw: bytes) -> ClassChain:
        refers_to_itself = any(index >= self.first_handle for index, _ in self.references)
        return ClassChain(
            raw=raw,
            classes=self.classes,
            added=tuple(self.added),
            references=tuple(pair for pair in self.references if pair[0] < self.first_handle),
            first_handle=self.first_handle if refers_to_itself else None,
        )


def read_class_desc(r: ReplyReader) -> Steps[ClassDesc]:
    """classDesc that must not be null, for a class that `take_class_desc` does not take."""
    start, buf = r.pos, r.buf
    builder = _ChainBuilder(len(r.handles))
    tag = yield from _read_chain(r, builder)
    stop = r.pos - 1
    superclass: ClassDesc | None = None
    if tag == TC_REFERENCE:
        if r.short(4):
            yield from r.need(4)
        superclass = _referred_class(r)
    if not builder.added:
        if superclass is None:
            raise r.bad("null where a class must be")
        return superclass
    chain = builder.build(buf[start:stop])
    if r.buf is buf and buf[start] == TC_CLASSDESC:  # `buf` still holds all of the chain
        r.classes.learn(chain)
    del r.handles[builder.first_handle :]
    return _add_handles(r, chain, superclass)


def _read_chain(r: ReplyReader, builder: _ChainBuilder) -> Steps[int]:
    """Read descriptors up to the tag that ends the chain; return it: TC_NULL or TC_REFERENCE."""
    while True:
        if r.short(1):
            yield from r.need(1)
        tag = r.u8()
        if tag in (TC_NULL, TC_REFERENCE):
            return tag
        builder.classes += 1
        if builder.classes > MAX_ANCESTORS:
            raise r.bad(f"a class with more than {MAX_ANCESTORS} ancestors")
        index = len(builder.added)
        builder.added.append("")
        r.add_handle(_PENDING)
        if tag == TC_CLASSDESC:
            builder.added[index] = yield from _read_class(r, builder)
        elif tag == TC_PROXYCLASSDESC:
            builder.added[index] = yield from _read_proxy_class(r)
        else:
            raise r.bad(f"expected a class descriptor, got 0x{tag:02x}")
        yield from _read_class_annotation(r, builder)


def _read_class(r: ReplyReader, builder: _ChainBuilder) -> Steps[ClassDescInfo]:
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
        fields.append((yield from _read_field(r, builder)))
    return ClassDescInfo(name, flags, tuple(fields))


def _read_field(r: ReplyReader, builder: _ChainBuilder) -> Steps[tuple[str, str]]:
    """fieldDesc: type code and name; the type name of an object field is read and dropped."""
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
    yield from _read_text(r, r.u8(), builder)
    return code, name


def _read_text(r: ReplyReader, tag: int, builder: _ChainBuilder) -> Steps[None]:
    """A string, or a reference to one, inside a descriptor."""
    if tag == TC_STRING:
        text = yield from r.read_utf()
        r.add_handle(text)
        builder.added.append(text)
    elif tag == TC_REFERENCE:
        if r.short(4):
            yield from r.need(4)
        index = r.handle_index()
        referred = r.handles[index]
        if not isinstance(referred, str):
            raise r.bad("a reference to something else where a string must be")
        builder.references.append((index, referred))
    else:
        raise r.bad(f"expected a string, got 0x{tag:02x}")


def _read_class_annotation(r: ReplyReader, builder: _ChainBuilder) -> Steps[None]:
    """classAnnotation: what the server's `annotateClass` wrote.

    RMI writes a codebase, from where the class can be loaded, or null. It is never used.
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
            yield from _read_text(r, tag, builder)


def _skip_block(r: ReplyReader) -> Steps[None]:
    if r.short(1):
        yield from r.need(1)
    size = r.u8()
    if r.short(size):
        yield from r.need(size)
    r.raw(size)


def _read_proxy_class(r: ReplyReader) -> Steps[ClassDescInfo]:
    """proxyClassDescInfo before its annotation: the interfaces of a dynamic proxy."""
    if r.short(4):
        yield from r.need(4)
    count = r.i32()
    if not 0 <= count <= MAX_FIELDS:
        raise r.bad(f"a proxy of {count} interfaces, limit {MAX_FIELDS}")
    names = []
    for _ in range(count):
        names.append((yield from r.read_utf()))
    return ClassDescInfo(f"$Proxy({', '.join(names)})", SC_SERIALIZABLE, ())
