"""A file as a tree in which every key and every value knows its place.

Rule: a scalar is text. What type it has is decided by the key it stands under (`config.scalars`),
never by how it looks: `no` is not a boolean, `22:30` not a number, `1.10` stays `1.10`. That is
stricter than YAML 1.2's core schema and has the same booleans: true and false.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Span:
    """Lines and columns from 0, end exclusive, as PyYAML counts them.

    `file` is the one that is included; empty for the file that is read itself.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    file: str = ""

    def seen_from(self, other: "Span") -> str:
        """Name this place in a message about another one."""
        line = f"line {self.line + 1}"
        if self.file == other.file:
            return line
        return f"{line} of {self.file or 'the file that includes this one'}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; `quote` is the width of its opening quote, None for a block (`|`, `>`).

    Of every node: `size` counts the nodes in it, `height` its levels, both with aliases expanded.
    """

    span: Span
    text: str
    plain: bool
    quote: int | None
    size: int = 1
    height: int = 1

    @property
    def is_null(self) -> bool:
        """Nothing was given: `key:` alone, `~` or null."""
        return self.plain and self.text in NULLS


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    span: Span
    items: tuple["Node", ...]
    size: int = field(init=False)
    height: int = field(init=False)

    def __post_init__(self) -> None:
        _measure(self, self.items)


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value`."""

    key: Scalar
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Entries in the order of the file; keys are unique.

    `unread` are those that are left out with a complaint: a key that was there already, a merge.
    """

    span: Span
    entries: tuple[Entry, ...]
    unread: tuple[Entry, ...] = ()
    size: int = field(init=False)
    height: int = field(init=False)

    def __post_init__(self) -> None:
        nodes = [(entry.key, entry.value) for entry in (*self.entries, *self.unread)]
        _measure(self, [node for pair in nodes for node in pair])

    def get(self, key: str) -> Entry | None:
        """Return the entry of that key."""
        return next((entry for entry in self.entries if entry.key.text == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


def _measure(node: Sequence | Mapping, children: Iterable[Node]) -> None:
    """Set `size` and `height`, once: with aliases a tree has far more paths than nodes."""
    children = list(children)
    object.__setattr__(node, "size", 1 + sum(child.size for child in children))
    height = 1 + max((child.height for child in children), default=0)
    object.__setattr__(node, "height", height)


def value_at(node: Node | None, key: str) -> Node | None:
    """Return what stands under a key; None where nothing does, or nothing but comments."""
    entry = node.get(key) if isinstance(node, Mapping) else None
    if entry is None or (isinstance(entry.value, Scalar) and entry.value.is_null):
        return None
    return entry.value


def text_at(node: Node | None, key: str) -> str:
    """Return the text under a key; empty where there is none."""
    value = value_at(node, key)
    return value.text if isinstance(value, Scalar) else ""


def entries_at(node: Mapping, key: str) -> tuple[Entry, ...]:
    """Return the entries of the mapping under a key; none where no mapping stands there."""
    entry = node.get(key)
    return entry.value.entries if entry and isinstance(entry.value, Mapping) else ()
