"""Reply templates: they read a reply by its likeness to an earlier one, without decoding it.

A call that is repeated at every poll has a `ReplyTemplate`. The template gets each reply first; the
decoder gets those it does not read, and the template may learn from the result. A template never
returns anything else than the decoder would. The family:

    ReplyTemplate          protocol: the template of one call
      AttributeTemplate    for getAttributes                              template_pool.py
      ExactTemplate        for getMBeanInfo, whose replies repeat         exact_template.py
    StructTemplate         reads the replies of one shape                 here
    build_template         makes a StructTemplate of one reply            template_builder.py
    TemplateGroup          StructTemplates for the same attributes        template_pool.py
    TemplatePool           all StructTemplates of one connection          template_pool.py

A reply to getAttributes repeats its class descriptors every time; from poll to poll only the UID of
the reply and a few values differ. A StructTemplate is one `struct.Struct` of alternating constant
bytes and value slots. It reads a reply exactly if *every* constant byte matches. Then the reply is
the one it was built from, except for the values in the slots: it ends at the same place and means
the same. Anything else is decoded: a string of another length, a null in place of a value, two
equal small numbers that Java writes as one object and a reference to it.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from jmxbridge.jmx.modified_utf8 import decode
from jmxbridge.jmx.rmi import jrmp
from jmxbridge.jmx.serialization.tracked import ValueSpan
from jmxbridge.jmx.values import Value

T = TypeVar("T")

MakeValue = Callable[[Sequence[Any]], Value]
"""Makes a value of the contents of all slots."""

# Unpacked come the head, an empty slot in place of the UID, a constant, and then the first slot.
_FIRST_SLOT = 3


class ReplyTemplate(Protocol[T]):
    """Reads the replies to one call that are like earlier ones.

    `size` is that of the last reply in bytes, 0 before the first.
    """

    size: int

    def read(self, buf: bytes, pos: int) -> T | None:
        """Return the outcome of the reply at `pos` and set `size`; None if it must be decoded.

        The outcome is the one that decoding the reply would give.
        """

    def learn(self, raw: bytes, outcome: T) -> None:
        """Learn from a reply that was decoded."""


class Slot:
    """Returns the content of the slot with the given index."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index

    def __call__(self, contents: Sequence[Any]) -> Value:
        """Return the content of this slot."""
        value: Value = contents[self.index]
        return value


class StructTemplate:
    """Reads the replies of one shape.

    `spans` are the slots in the order of their position in `raw`; `texts` are the indexes of those
    that hold a string. `makes` says how each attribute is made of the slots. Templates with the
    same `key` read the same replies.
    """

    __slots__ = ("_constants", "_makes", "_names", "_texts", "_unpack", "key", "size")

    def __init__(
        self, raw: bytes, spans: list[ValueSpan], makes: Mapping[str, MakeValue], texts: list[int]
    ) -> None:
        head = jrmp.RETURN_VALUE_BYTES
        layout = f">{head}s{jrmp.UID_BYTES}x0s"  # the empty slot keeps constants and slots in turn
        pos = head + jrmp.UID_BYTES
        for span in spans:
            layout += f"{span.start - pos}s{span.code}"
            pos = span.start + span.size
        layout += f"{len(raw) - pos}s"
        packed = struct.Struct(layout)
        self._unpack = packed.unpack_from
        self._constants = packed.unpack(raw)[::2]
        self._makes = tuple(makes.items())
        slots = [make.index if isinstance(make, Slot) else None for make in makes.values()]
        # Set if the attributes are the slots, in order, which is true of most MBeans.
        self._names = tuple(makes) if slots == list(range(len(spans))) else None
        self._texts = texts
        self.size = len(raw)
        self.key = (layout, self._constants)

    def read(self, buf: bytes, pos: int) -> dict[str, Value] | None:
        """Return the attributes in the reply at `pos`; None if it is of another shape."""
        try:
            unpacked = self._unpack(buf, pos)
        except struct.error:
            return None  # the reply has not fully arrived
        if unpacked[::2] != self._constants:
            return None
        contents: Sequence[Any] = unpacked[_FIRST_SLOT::2]
        if self._texts:
            contents = list(contents)
            try:
                for index in self._texts:
                    contents[index] = decode(contents[index])
            except UnicodeDecodeError:
                return None  # the decoder raises the error
        if self._names is not None:
            return dict(zip(self._names, contents))  # noqa: B905 - equally long; strict costs 0.1 us
        return {name: make(contents) for name, make in self._makes}
