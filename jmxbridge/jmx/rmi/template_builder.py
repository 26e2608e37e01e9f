"""Builder of StructTemplates: learns from one reply which of its bytes are value slots.

The reply is decoded again, with numbers and strings that record where they come from (`tracked`).
A number or string is a slot if it leaves the decoder unchanged, as a value and not as a name,
wherever the reply refers to it. All other bytes are constants, including those of values that are
made of something else.
"""

from collections.abc import Mapping

from jmxbridge.jmx.rmi import jrmp
from jmxbridge.jmx.rmi.template import MakeValue, Slot, StructTemplate
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.reader import Limits, ReplyReader
from jmxbridge.jmx.serialization.tracked import TrackedValues, ValueSpan
from jmxbridge.jmx.values import Composite, Value


def build_template(
    raw: bytes, attributes: Mapping[str, Value], classes: KnownClasses
) -> StructTemplate:
    """Return a template of `raw`, a complete reply that was decoded to `attributes`.

    Raises ValueError if the reply is not complete.
    """
    reader = ReplyReader(classes, Limits())
    reader.tracked = tracked = TrackedValues()
    reader.feed(raw)
    reader.begin()
    try:
        next(jrmp.read_return(reader, is_void=False))
    except StopIteration as done:
        return _TemplateBuilder(tracked, done.value).build(raw, attributes)
    raise ValueError("not a complete reply")


class _TemplateBuilder:
    """Finds the slots of a reply, and how the attributes are made of them."""

    def __init__(self, tracked: TrackedValues, reply: Composite) -> None:
        self._tracked = tracked
        self._reply = reply
        self._spans: dict[int, ValueSpan] = {}  # of values, by start
        self._occurrences_left: dict[int, int] = {}  # not yet seen as values, by start
        self._names: set[int] = set()  # starts of strings that are names
        self._walked: set[int] = set()

    def build(self, raw: bytes, attributes: Mapping[str, Value]) -> StructTemplate:
        self._walk(self._reply)
        slots = [
            span
            for start, span in self._spans.items()
            if start not in self._names and not self._occurrences_left[start]
        ]
        slots.sort(key=lambda span: span.start)
        index_by_start = {span.start: index for index, span in enumerate(slots)}
        makes = {
            name: self._make(self._reply[name], value, index_by_start)
            for name, value in attributes.items()
        }
        texts = [index for index, span in enumerate(slots) if span.is_text]
        return StructTemplate(raw, slots, makes, texts)

    def _walk(self, value: Value) -> None:
        """Note which tracked values occur as values, how often, and which occur as names."""
        span = self._tracked.span_of(value)
        if span is not None:
            self._spans[span.start] = span
            left = self._occurrences_left.get(span.start, self._tracked.occurrences(value))
            self._occurrences_left[span.start] = left - 1
            return
        if id(value) in self._walked:  # a reference to an earlier composite or tuple
            return
        self._walked.add(id(value))
        if isinstance(value, Composite):
            for name, item in value.items_by_name.items():
                name_span = self._tracked.span_of(name)
                if name_span is not None:
                    self._names.add(name_span.start)
                self._walk(item)
        elif isinstance(value, tuple):
            for item in value:
                self._walk(item)

    def _make(self, tracked: Value, value: Value, index_by_start: Mapping[int, int]) -> MakeValue:
        """Return how `value` is made; `tracked` is the same value, decoded with tracking."""
        span = self._tracked.span_of(tracked)
        if span is not None and span.start in index_by_start:
            return Slot(index_by_start[span.start])
        if isinstance(tracked, Composite) and isinstance(value, Composite):
            return _make_composite(
                {
                    name: self._make(tracked[name], item, index_by_start)
                    for name, item in value.items_by_name.items()
                }
            )
        if isinstance(tracked, tuple) and isinstance(value, tuple):
            return _make_tuple(
                [
                    self._make(tracked_item, item, index_by_start)
                    for tracked_item, item in zip(tracked, value, strict=True)
                ]
            )
        return lambda contents: value  # made of constant bytes only


def _make_composite(makes: Mapping[str, MakeValue]) -> MakeValue:
    return lambda contents: Composite({name: make(contents) for name, make in makes.items()})


def _make_tuple(makes: list[MakeValue]) -> MakeValue:
    return lambda contents: tuple([make(contents) for make in makes])
