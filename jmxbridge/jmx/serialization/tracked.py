"""Numbers and strings that record where in a reply they were, used to build templates.

They are subclasses of int, float and str, so everything made from them is made as usual; identity
tells them apart. A Boolean is tracked as the int it equals.
"""

from dataclasses import dataclass

from jmxbridge.jmx.values import Value


class TrackedInt(int):
    """An int with an identity of its own."""


class TrackedFloat(float):
    """A float with an identity of its own."""


class TrackedText(str):
    """A str with an identity of its own."""


@dataclass(frozen=True, slots=True)
class ValueSpan:
    """Position of a value: `start` and `size` in bytes of the reply, and its `struct` format."""

    start: int
    size: int
    code: str

    @property
    def is_text(self) -> bool:
        """Whether the value is a string, not a number."""
        return self.code.endswith("s")


class TrackedValues:
    """The tracked values of one reply."""

    def __init__(self) -> None:
        self._values: list[object] = []  # keeps them alive, so that no id is reused
        self._span_by_id: dict[int, ValueSpan] = {}
        self._references: dict[int, int] = {}

    def span_of(self, value: object) -> ValueSpan | None:
        """Return the position of `value`, or None if it is not tracked."""
        return self._span_by_id.get(id(value))

    def add_reference(self, value: object) -> None:
        """Count a reference of the reply to an earlier value."""
        self._references[id(value)] = self._references.get(id(value), 0) + 1

    def occurrences(self, value: object) -> int:
        """Return in how many places of the reply a tracked value occurs."""
        return 1 + self._references.get(id(value), 0)

    def track_text(self, text: str, start: int, size: int) -> str:
        """Return a tracked copy of a string of `size` bytes at `start`."""
        tracked = TrackedText(text)
        self._add(tracked, ValueSpan(start, size, f"{size}s"))
        return tracked

    def track_number(self, number: Value, start: int, size: int, code: str) -> Value:
        """Return a tracked copy of a number of `size` bytes at `start`, in `struct` format `code`.

        Any other value is returned unchanged.
        """
        tracked: Value
        if isinstance(number, float):
            tracked = TrackedFloat(number)
        elif isinstance(number, int):
            tracked = TrackedInt(number)
        else:
            return number
        self._add(tracked, ValueSpan(start, size, code))
        return tracked

    def _add(self, value: object, span: ValueSpan) -> None:
        self._values.append(value)
        self._span_by_id[id(value)] = span
