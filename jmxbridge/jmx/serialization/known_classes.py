"""Class descriptors that were seen before, recognised by their bytes.

Nine tenths of a reply are class descriptors, and those of a class and its ancestors (a `Line`) are
the same bytes in every reply, apart from what they refer to by handle. One comparison then replaces
reading them; what they refer to is compared too, so that what is recognised is what would have been
read.

Bounded, because the peer decides what is remembered: when full, everything is forgotten and learned
again, which costs a bad peer's own connection time and nothing else.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from jmxbridge.jmx.constants import TC_CLASSDESC
from jmxbridge.jmx.serialization.class_desc import ClassDesc, Shape, Unwrap, link
from jmxbridge.jmx.values import Value

# A broker's replies have about 60 classes.
MAX_CLASSES = 512
# Variants of one line differ in the handles they refer to; the latest ones are kept.
MAX_VARIANTS = 16
# The longest seen is 1,100 bytes.
MAX_LINE_BYTES = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Descriptors written one after the other: of a class, and of ancestors not written before.

    There are `classes` of them. `added` are the classes and the type names that got a handle by it,
    in order. `references` are type names written before it, with the index of their handle. Where
    it refers to itself its meaning depends on how many handles there were before: `after`, None
    otherwise. `linked` are the handles it adds, by the superclass that follows.
    """

    raw: bytes
    classes: int
    added: tuple[Shape | str, ...]
    references: tuple[tuple[int, str], ...]
    after: int | None
    linked: dict[ClassDesc | None, tuple[Value | ClassDesc, ...]] = field(default_factory=dict)

    def fits(self, handles: Sequence[object]) -> bool:
        """Tell whether what it refers to is what it was when it was read."""
        if self.after is not None and self.after != len(handles):
            return False
        return not self.references or all(
            index < len(handles) and handles[index] == name for index, name in self.references
        )


class KnownClasses:
    """The lines of one connection, by the bytes of the name of their class."""

    __slots__ = ("_by_name", "_unwraps", "boxes")

    def __init__(self, unwraps: Mapping[str, Unwrap], boxes: Container[str]) -> None:
        self._unwraps = unwraps
        self.boxes = boxes
        self._by_name: dict[bytes, list[Line]] = {}

    def find(self, buf: bytes, pos: int, handles: Sequence[object]) -> Line | None:
        """Return the known line that stands at `pos`, with at least one byte after it."""
        if pos + 3 > len(buf):
            return None
        name_end = pos + 3 + (buf[pos + 1] << 8 | buf[pos + 2])
        for line in self._by_name.get(buf[pos + 3 : name_end], ()):
            stop = pos + len(line.raw)
            if (
                stop < len(buf)
                and buf[stop] != TC_CLASSDESC  # else the line is longer
                and buf.startswith(line.raw, pos)
                and line.fits(handles)
            ):
                return line
        return None

    def learn(self, line: Line) -> None:
        """Remember a line that was read."""
        if len(line.raw) > MAX_LINE_BYTES:
            return
        name = line.raw[3 : 3 + (line.raw[1] << 8 | line.raw[2])]
        variants = self._by_name.get(name)
        if variants is None:
            if len(self._by_name) >= MAX_CLASSES:
                self._by_name.clear()
            variants = self._by_name[name] = []
        variants.insert(0, line)
        del variants[MAX_VARIANTS:]

    def link(self, line: Line, superclass: ClassDesc | None) -> tuple[Value | ClassDesc, ...]:
        """Return the handles that `line` adds above `superclass`; the first is its class."""
        linked = line.linked.get(superclass)
        if linked is None:
            if len(line.linked) >= MAX_VARIANTS:
                line.linked.clear()
            linked = line.linked[superclass] = self._link(line.added, superclass)
        return linked

    def _link(
        self, added: Sequence[Shape | str], superclass: ClassDesc | None
    ) -> tuple[Value | ClassDesc, ...]:
        handles: list[Value | ClassDesc] = []
        for item in reversed(added):
            if isinstance(item, Shape):
                superclass = link(item, superclass, self._unwraps, self.boxes)
                handles.append(superclass)
            else:
                handles.append(item)
        return tuple(reversed(handles))
