"""Replies read without decoding them: by what an earlier one of the same shape was like.

A reply to getAttributes repeats its class descriptors every time; of one poll and the next only the
reply's UID and a few values differ. A template is one `struct.Struct` of constant bytes and value
slots in turn. It reads a reply exactly when *every* constant byte is there; then the reply is, but
for the values in the slots, the one it was learned from, so it ends where that ended and means what
that meant. For anything else there is the decoder: a string of another length, null in place of a
value, two equal small numbers that Java writes as one object and a reference to it.

What a slot may be is learned by decoding a reply whose numbers and strings know where they come
from (`marked`). Those that come out of the decoder as they went in, as a value and not as a name,
wherever the reply names them, are slots; all other bytes are constants, also those of values that
were made of something else.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jmxbridge.jmx.modified_utf8 import decode
from jmxbridge.jmx.rmi import jrmp
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.reader import Limits, Reader
from jmxbridge.jmx.serialization.tracked import Marked, Marks
from jmxbridge.jmx.values import Composite, Value, has_at_most

# Values differ in the lengths of their strings and in what is null or equal: each is a shape.
MAX_SHAPES = 16
# The longest real ones, of MBeans with large tables, are not read often.
MAX_REPLY_BYTES = 16 << 10
# A template costs about three times the reply it was learned from: this bounds them to 24 MB. A
# broker's MBeans need under 100, of 600 bytes.
MAX_LEARNED_BYTES = 8 << 20
# Lessons that are worth it even if nothing came of the last ones; then every one costs a doubling
# of misses, so that replies that are never alike cost no more than their decoding.
FREE_LESSONS = 4 * MAX_SHAPES

Make = Callable[[Sequence[Any]], Value]

# Of what is unpacked: the head, the slot of no bytes where the UID is, a constant, then the first.
_FIRST_SLOT = 3


class Template:
    """Reads replies of one shape."""

    __slots__ = ("_constants", "_makes", "_names", "_texts", "_unpack", "key", "size")

    def __init__(
        self, raw: bytes, marks: list[Marked], makes: Mapping[str, Make], texts: list[int]
    ) -> None:
        head = jrmp.RETURN_VALUE_BYTES
        layout = f">{head}s{jrmp.UID_BYTES}x0s"  # the slot of no bytes keeps them alternating
        pos = head + jrmp.UID_BYTES
        for mark in marks:
            layout += f"{mark.start - pos}s{mark.code}"
            pos = mark.start + mark.size
        layout += f"{len(raw) - pos}s"
        packed = struct.Struct(layout)
        self._unpack = packed.unpack_from
        self._constants = packed.unpack(raw)[::2]
        self._makes = tuple(makes.items())
        taken = [make.index if isinstance(make, Slot) else None for make in makes.values()]
        # Where each value is a slot, in their order, nothing is made: true of most MBeans.
        self._names = tuple(makes) if taken == list(range(len(marks))) else None
        self._texts = texts
        self.size = len(raw)
        self.key = (layout, self._constants)

    def read(self, buf: bytes, pos: int) -> dict[str, Value] | None:
        """Return the attributes in the reply at `pos`; None where it is of another shape."""
        try:
            found = self._unpack(buf, pos)
        except struct.error:
            return None  # it is not there in full
        if found[::2] != self._constants:
            return None
        values: Sequence[Any] = found[_FIRST_SLOT::2]
        if self._texts:
            values = list(values)
            try:
                for index in self._texts:
                    values[index] = decode(values[index])
            except UnicodeDecodeError:
                return None  # the decoder has the words for it
        if self._names is not None:
            return dict(zip(self._names, values))  # noqa: B905 - as many; to count takes 0.1 us
        return {name: make(values) for name, make in self._makes}


class Shapes:
    """The templates for replies with the same attributes; the last one that fitted comes first."""

    __slots__ = ("_misses", "_pool", "_templates")

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._templates: list[Template] = []
        self._misses = 0

    def read(self, buf: bytes, pos: int) -> tuple[dict[str, Value], Template] | None:
        """Return the attributes in the reply at `pos`, and what read them; None where none fits."""
        for index, template in enumerate(self._templates):
            values = template.read(buf, pos)
            if values is not None:
                if index:
                    self._templates.insert(0, self._templates.pop(index))
                return values, template
        return None

    def learn(self, raw: bytes, result: Mapping[str, Value]) -> None:
        """Learn from a reply and what it was decoded to, for those that come after it."""
        self._misses += 1
        is_due = self._misses <= FREE_LESSONS or self._misses.bit_count() == 1
        template = self._pool.learn(raw, result) if is_due else None
        if template is not None:
            del self._templates[MAX_SHAPES - 1 :]
            self._templates.insert(0, template)


class Recent:
    """What the last answer to one call was like: the next one most likely is too.

    `size` is in bytes, 0 before the first answer.
    """

    __slots__ = ("_shapes", "_template", "size")

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._template: Template | None = None
        self.size = 0

    def read(self, buf: bytes, pos: int) -> dict[str, Value] | None:
        """Return the attributes in the reply at `pos`, `size` bytes; None where it is unlike."""
        template = self._template
        if template is not None:
            values = template.read(buf, pos)
            if values is not None:
                self.size = template.size
                return values
        found = self._shapes.read(buf, pos)
        if found is None:
            return None
        values, self._template = found
        self.size = self._template.size
        return values

    def learn(self, raw: bytes, result: Mapping[str, Value]) -> None:
        """Have a reply that was decoded make the next ones like it cheap."""
        self._shapes.learn(raw, result)


class Pool:
    """The templates of one connection, shared by all MBeans whose replies are alike."""

    def __init__(self, classes: KnownClasses) -> None:
        self._classes = classes
        self._shapes: dict[tuple[str, ...], Shapes] = {}
        self._templates: dict[object, Template] = {}
        self._bytes = 0

    def shapes(self, attributes: tuple[str, ...]) -> Shapes:
        """Return the templates for these attributes."""
        found = self._shapes.get(attributes)
        if found is None:
            found = self._shapes[attributes] = Shapes(self)
        return found

    def learn(self, raw: bytes, result: Mapping[str, Value]) -> Template | None:
        """Return a template for replies like this one; None where it would take too much."""
        if len(raw) > MAX_REPLY_BYTES or self._bytes + len(raw) > MAX_LEARNED_BYTES:
            return None
        if not has_at_most(len(raw), result.values()):
            return None
        made = learned(raw, result, self._classes)
        kept = self._templates.setdefault(made.key, made)
        if kept is made:
            self._bytes += len(raw)
        return kept


def learned(raw: bytes, result: Mapping[str, Value], classes: KnownClasses) -> Template:
    """Make a template of a whole reply and what it was decoded to."""
    reader = Reader(classes, Limits())
    reader.marks = marks = Marks()
    reader.feed(raw)
    reader.begin()
    try:
        next(jrmp.read_return(reader, is_void=False))
    except StopIteration as done:
        return _Recipe(marks).template(raw, done.value, result)
    raise ValueError("not a whole reply")


class _Recipe:
    """How the values of a reply are made of what is in its slots."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._used: dict[int, Marked] = {}
        self._hidden: dict[int, int] = {}  # places where it was not yet met, as a value
        self._names: set[int] = set()
        self._walked: set[int] = set()

    def template(self, raw: bytes, marked: Composite, result: Mapping[str, Value]) -> Template:
        self._walk(marked)
        slots = [
            mark
            for start, mark in self._used.items()
            if start not in self._names and not self._hidden[start]
        ]
        used = sorted(slots, key=lambda mark: mark.start)
        index_by_start = {mark.start: index for index, mark in enumerate(used)}
        makes = {
            name: self._make(marked[name], value, index_by_start) for name, value in result.items()
        }
        texts = [index for index, mark in enumerate(used) if mark.is_text]
        return Template(raw, used, makes, texts)

    def _walk(self, value: Value) -> None:
        """Note which marked values come out as values, where, and which as names."""
        mark = self._marks.of(value)
        if mark is not None:
            self._used[mark.start] = mark
            hidden = self._hidden.get(mark.start, self._marks.uses(value))
            self._hidden[mark.start] = hidden - 1
            return
        if id(value) in self._walked:  # named again as a whole
            return
        self._walked.add(id(value))
        if isinstance(value, Composite):
            for name, item in value.items_by_name.items():
                named = self._marks.of(name)
                if named is not None:
                    self._names.add(named.start)
                self._walk(item)
        elif isinstance(value, tuple):
            for item in value:
                self._walk(item)

    def _make(self, marked: Value, value: Value, index_by_start: Mapping[int, int]) -> Make:
        mark = self._marks.of(marked)
        if mark is not None and mark.start in index_by_start:  # else it is more than this value
            return Slot(index_by_start[mark.start])
        if isinstance(marked, Composite) and isinstance(value, Composite):
            return _composite(
                {
                    name: self._make(marked[name], item, index_by_start)
                    for name, item in value.items_by_name.items()
                }
            )
        if isinstance(marked, tuple) and isinstance(value, tuple):
            pairs = zip(marked, value, strict=True)
            return _tuple([self._make(*pair, index_by_start) for pair in pairs])
        return lambda values: value  # all that it was made of is constant


class Slot:
    """A value that is as it stands in the slot of that index."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index

    def __call__(self, values: Sequence[Any]) -> Value:
        """Return the value; how it is made of all slots' values."""
        value: Value = values[self.index]
        return value


def _composite(makes: Mapping[str, Make]) -> Make:
    return lambda values: Composite({name: make(values) for name, make in makes.items()})


def _tuple(makes: list[Make]) -> Make:
    return lambda values: tuple([make(values) for make in makes])
