"""Cache of class descriptors, looked up by their bytes.

Nine tenths of a reply are class descriptors. Those of a class and its superclasses (a `ClassChain`)
are the same bytes in every reply, except for the handles they refer to. One comparison of bytes
replaces decoding them. The strings behind the handles are compared as well, so a cached chain is
used only where decoding would give the same result.

The peer decides what is cached, so the cache is bounded: when it is full it is emptied and filled
again. That costs the connection to a hostile peer time, and nothing else.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from jmxbridge.jmx.constants import TC_CLASSDESC
from jmxbridge.jmx.serialization.class_desc import ClassDesc, ClassDescInfo, Unwrap, link
from jmxbridge.jmx.values import Value

# A broker's replies have about 60 classes.
MAX_CLASSES = 512
# Variants of a chain differ in the handles they refer to; the latest are kept.
MAX_VARIANTS = 16
# The longest chain seen is 1,100 bytes.
MAX_CHAIN_BYTES = 8192


@dataclass(frozen=True, slots=True, eq=False)
class ClassChain:
    """Adjacent descriptors of a class and of those superclasses that were not written earlier.

    `raw` is their bytes, `classes` their number. `added` are the class descriptors and the type
    names that got a handle from the chain, in order. `references` are type names written before
    the chain, each with the index of its handle. If the chain refers to itself, its meaning depends
    on `first_handle`, the number of handles before it; otherwise that is None. `linked` caches the
    handles that the chain adds, by the superclass that follows it.
    """

    raw: bytes
    classes: int
    added: tuple[ClassDescInfo | str, ...]
    references: tuple[tuple[int, str], ...]
    first_handle: int | None
    linked: dict[ClassDesc | None, tuple[Value | ClassDesc, ...]] = field(default_factory=dict)

    def fits(self, handles: Sequence[object]) -> bool:
        """Return whether the chain refers to the same strings as when it was decoded."""
        if self.first_handle is not None and self.first_handle != len(handles):
            return False
        return not self.references or all(
            index < len(handles) and handles[index] == name for index, name in self.references
        )


class KnownClasses:
    """The class chains of one connection, by the encoded name of their first class."""

    __slots__ = ("_by_name", "_unwraps", "boxes")

    def __init__(self, unwraps: Mapping[str, Unwrap], boxes: Container[str]) -> None:
        self._unwraps = unwraps
        self.boxes = boxes
        self._by_name: dict[bytes, list[ClassChain]] = {}

    def find(self, buf: bytes, pos: int, handles: Sequence[object]) -> ClassChain | None:
        """Return the known chain at `pos` of `buf`, with at least one byte after it, or None."""
        if pos + 3 > len(buf):
            return None
        name_end = pos + 3 + (buf[pos + 1] << 8 | buf[pos + 2])
        for chain in self._by_name.get(buf[pos + 3 : name_end], ()):
            stop = pos + len(chain.raw)
            if (
                stop < len(buf)
                and buf[stop] != TC_CLASSDESC  # the chain at `pos` would be longer
                and buf.startswith(chain.raw, pos)
                and chain.fits(handles)
            ):
                return chain
        return None

    def learn(self, chain: ClassChain) -> None:
        """Add a decoded chain to the cache."""
        if len(chain.raw) > MAX_CHAIN_BYTES:
            return
        name = chain.raw[3 : 3 + (chain.raw[1] << 8 | chain.raw[2])]
        variants = self._by_name.get(name)
        if variants is None:
            if len(self._by_name) >= MAX_CLASSES:
                self._by_name.clear()
            variants = self._by_name[name] = []
        variants.insert(0, chain)
        del variants[MAX_VARIANTS:]

    def link(
        self, chain: ClassChain, superclass: ClassDesc | None
    ) -> tuple[Value | ClassDesc, ...]:
        """Return the handles that `chain` adds below `superclass`; the first is its class."""
        linked = chain.linked.get(superclass)
        if linked is None:
            if len(chain.linked) >= MAX_VARIANTS:
                chain.linked.clear()
            linked = chain.linked[superclass] = self._link(chain.added, superclass)
        return linked

    def _link(
        self, added: Sequence[ClassDescInfo | str], superclass: ClassDesc | None
    ) -> tuple[Value | ClassDesc, ...]:
        handles: list[Value | ClassDesc] = []
        for item in reversed(added):
            if isinstance(item, ClassDescInfo):
                superclass = link(item, superclass, self._unwraps, self.boxes)
                handles.append(superclass)
            else:
                handles.append(item)
        return tuple(reversed(handles))
