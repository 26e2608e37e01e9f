"""Tree of a file: mappings, sequences and scalars, each with its place.

Rule: a scalar is text. Its type is decided by the key it stands under (`config.values`), never by
how it looks: `no` is not a boolean, `22:30` not a number, `1.10` stays `1.10`. That is stricter
than YAML 1.2's core schema and has the same booleans: true and false.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Span:
    """Lines and columns from 0, end exclusive, as PyYAML counts them.

    `file` is the name of an included file; empty in the file that was asked for.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    file: str = ""

    def seen_from(self, other: "Span") -> str:
        """Return this place, for a message about another one."""
        line = f"line {self.line + 1}"
        if self.file == other.file:
            return line
        return f"{line} of {self.file or 'the file that includes this one'}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; `quote` is the width of its opening quote, None for a block (`|`, `>`).

    As in every node, `size` counts nodes and `height` levels, both with aliases expanded.
    """

    span: Span
    text: str
    plain: bool
    quote: int | None
    size: int = 1
    height: int = 1

    @property
    def is_null(self) -> bool:
        """Return whether no value is given: `key:` alone, `~` or null."""
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

    `unread` are entries that a problem was reported for: a duplicate key, a merge key.
    """

    span: Span
    entries: tuple[Entry, ...]
    unread: tuple[Entry, ...] = ()
    size: int = field(init=False)
    height: int = field(init=False)

    def __post_init__(self) -> None:
        entries = (*self.entries, *self.unread)
        _measure(self, [node for entry in entries for node in (entry.key, entry.value)])

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key."""
        return next((entry for entry in self.entries if entry.key.text == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


def _measure(node: Sequence | Mapping, children: Iterable[Node]) -> None:
    """Set `size` and `height`, once: a walk would visit a node for every alias of it."""
    size, height = 1, 1
    for child in children:
        size += child.size
        height = max(height, 1 + child.height)
    object.__setattr__(node, "size", size)  # the nodes are frozen
    object.__setattr__(node, "height", height)


def value_at(node: Node | None, key: str) -> Node | None:
    """Return the value under a key; None without the key, or with nothing but comments under it."""
    entry = node.get(key) if isinstance(node, Mapping) else None
    if entry is None or (isinstance(entry.value, Scalar) and entry.value.is_null):
        return None
    return entry.value


def text_at(node: Node | None, key: str) -> str:
    """Return the text under a key; empty where there is none."""
    value = value_at(node, key)
    return value.text if isinstance(value, Scalar) else ""


def entries_at(node: Mapping, key: str) -> tuple[Entry, ...]:
    """Return the entries of the mapping under a key; none where there is no mapping."""
    entry = node.get(key)
    return entry.value.entries if entry and isinstance(entry.value, Mapping) else ()
