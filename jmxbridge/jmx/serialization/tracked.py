"""Numbers and strings that know where in a reply they were, for `template` to learn from.

They are the values they stand for, so that whatever is made of them is made as ever; being told
apart by identity is all that is added. A Boolean is marked as the int it is equal to.
"""

from dataclasses import dataclass

from jmxbridge.jmx.values import Value


class MarkedInt(int):
    """A whole number of its own."""


class MarkedFloat(float):
    """A floating-point number of its own."""


class MarkedText(str):
    """A string of its own."""


@dataclass(frozen=True, slots=True)
class Marked:
    """Where a value is: `start` and `size` in bytes of the reply, `code` in `struct`'s language."""

    start: int
    size: int
    code: str

    @property
    def is_text(self) -> bool:
        """Whether it is a string, not a number."""
        return self.code.endswith("s")


class Marks:
    """The marked values of one reply."""

    def __init__(self) -> None:
        self._values: list[object] = []  # so that no identity is used again
        self._by_id: dict[int, Marked] = {}
        self._references: dict[int, int] = {}

    def of(self, value: object) -> Marked | None:
        """Return where `value` comes from, if it is a marked one."""
        return self._by_id.get(id(value))

    def refer(self, value: object) -> None:
        """Note that the reply names a value again."""
        self._references[id(value)] = self._references.get(id(value), 0) + 1

    def uses(self, value: object) -> int:
        """Return in how many places of the reply a marked value stands."""
        return 1 + self._references.get(id(value), 0)

    def text(self, text: str, start: int, size: int) -> str:
        """Mark a string of `size` bytes."""
        marked = MarkedText(text)
        self._add(marked, Marked(start, size, f"{size}s"))
        return marked

    def number(self, number: Value, start: int, size: int, code: str) -> Value:
        """Mark a number."""
        marked: Value
        if isinstance(number, float):
            marked = MarkedFloat(number)
        elif isinstance(number, int):
            marked = MarkedInt(number)
        else:
            return number
        self._add(marked, Marked(start, size, code))
        return marked

    def _add(self, value: object, mark: Marked) -> None:
        self._values.append(value)
        self._by_id[id(value)] = mark
