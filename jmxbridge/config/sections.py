"""Nodes of the tree to models, and pydantic's errors to problems that point into the file.

Rule: a value with one complaint gets no second one. A scalar whose variable is missing, or that
has no value at all, is reported here and then passed over in silence.
"""

from collections.abc import Mapping as AbcMapping
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from jmxbridge.config.grammar import closest
from jmxbridge.config.interpolation import interpolate
from jmxbridge.config.malformed import Malformed
from jmxbridge.config.models import Section
from jmxbridge.config.problem import Problem
from jmxbridge.config.source import Source
from jmxbridge.config.tree import Entry, Mapping, Node, Scalar, Sequence, Span

S = TypeVar("S", bound=Section)
Path = tuple[str | int, ...]

_WANTS = {
    "model_type": "a mapping (key: value)",
    "mapping_type": "a mapping (key: value)",
    "dict_type": "a mapping (key: value)",
    "tuple_type": "a list",
}


class _Reported:
    """Stands for a value whose problem has been reported."""


class SectionReader:
    """Reads sections of one source; `problems` grows."""

    def __init__(self, source: Source, environ: AbcMapping[str, str]) -> None:
        self.source = source
        self.environ = environ
        self.problems: list[Problem] = []
        self._reported: set[int] = set()
        self._replaced: set[int] = set()

    def read(self, model: type[S], node: Node, path: Path) -> S | None:
        """Make a model of a node; None where that is impossible and `problems` says why."""
        before = len(self.problems)
        try:
            made = model.model_validate(self._plain(node, path), by_alias=True, by_name=False)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False):
                self._translate(model, node, path, each)
            return None
        return made if len(self.problems) == before else None

    def add(
        self,
        node: Node,
        path: Path,
        message: str,
        *,
        position: int | None = None,
        suggestion: str | None = None,
    ) -> None:
        """Report a problem at a node, or at one character of a scalar."""
        span = node.span
        if position is not None and isinstance(node, Scalar):
            span = self._character(node, position)
        self.problems.append(self.source.problem(span, shown(path), message, suggestion))

    def unknown_key(self, key: Scalar, path: Path, known: list[str]) -> None:
        """Report a key that has no meaning where it stands."""
        suggestion = closest(key.text, known)
        message = "unknown key" if suggestion else f"unknown key; known here: {', '.join(known)}"
        self.add(key, path, message, suggestion=suggestion)

    def _plain(self, node: Node, path: Path) -> Any:
        if isinstance(node, Mapping):
            return {
                entry.key.text: self._plain(entry.value, (*path, entry.key.text))
                for entry in node.entries
            }
        if isinstance(node, Sequence):
            return [self._plain(item, (*path, index)) for index, item in enumerate(node.items)]
        return self._text(node, path)

    def _text(self, node: Scalar, path: Path) -> str | _Reported:
        if id(node) in self._reported:
            return _Reported()
        try:
            if node.is_null:
                raise Malformed("has no value: give one, or leave the key out")
            text = interpolate(node.text, self.environ)
        except Malformed as error:
            self.add(node, path, error.message, position=error.position)
            self._reported.add(id(node))
            return _Reported()
        if text != node.text:
            self._replaced.add(id(node))
        return text

    def _translate(self, model: type[Section], root: Node, path: Path, error: Any) -> None:
        location = tuple(step for step in error["loc"] if step != "[key]")
        entry, node = _walk(root, location)
        path = (*path, *location)
        if id(node) in self._reported:
            return
        context = error.get("ctx", {})
        if error["type"] == "extra_forbidden" and entry is not None:
            self.unknown_key(entry.key, path, _known_keys(model, location[:-1]))
        elif error["type"] == "missing":
            self.add(_head(root, location), path[:-1], f'"{location[-1]}" is missing')
        elif error["type"] == "malformed":
            inner, place = self._inner(node, context.get("key"))
            if error["loc"][-1:] == ("[key]",) and entry is not None:
                place = entry.key
            self.add(
                place,
                (*path, *inner),
                context["said"],
                position=context["position"],
                suggestion=context["suggestion"],
            )
        else:
            self.add(node, path, _words(error, node))

    def _inner(self, node: Node, key: str | None) -> tuple[Path, Node]:
        entry = node.get(key) if key is not None and isinstance(node, Mapping) else None
        return ((entry.key.text,), entry.value) if entry is not None else ((), node)

    def _character(self, node: Scalar, position: int) -> Span:
        """Point at a character where the file has the text as it is; else at the whole scalar."""
        span = node.span
        if node.quote is None or id(node) in self._replaced or span.line != span.end_line:
            return span
        start = span.column + node.quote
        if self.source.line(span.line)[start : start + len(node.text)] != node.text:
            return span  # escapes, or lines folded into one
        if position == 0:
            return span
        return Span(span.line, start + position, span.line, start + position + 1)


def shown(path: Path) -> str:
    """Write a path of keys: `targets[0].jmx`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _walk(node: Node, location: Path) -> tuple[Entry | None, Node]:
    """Follow a location as far as the tree goes; the entry is the last step's, if it was a key."""
    entry: Entry | None = None
    for step in location:
        if isinstance(node, Mapping):
            found = node.get(str(step))
            if found is None:
                break
            entry, node = found, found.value
        elif isinstance(node, Sequence) and isinstance(step, int):
            entry, node = None, node.items[step]
    return entry, node


def _head(root: Node, location: Path) -> Node:
    """Where to point when a key is missing: the key above it, or the first key beside it."""
    entry, node = _walk(root, location[:-1])
    if entry is not None:
        return entry.key
    return node.entries[0].key if isinstance(node, Mapping) and node.entries else node


def _words(error: Any, node: Node) -> str:
    if error["type"] == "too_short":
        return "is empty"
    wants = _WANTS.get(error["type"])
    if wants is None:
        return str(error["msg"])
    got = {Scalar: "text", Sequence: "a list", Mapping: "a mapping"}[type(node)]
    return f"wants {wants}, got {got}"


def _known_keys(model: type[Section], location: Path) -> list[str]:
    """Return the keys of the model that stands at a location inside another."""
    for step in location:
        field = _fields(model).get(str(step))
        model = (_section_in(field.annotation) if field else None) or model
    return list(_fields(model))


def _fields(model: type[Section]) -> dict[str, FieldInfo]:
    return {str(f.validation_alias or name): f for name, f in model.model_fields.items()}


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (_section_in(argument) for argument in get_args(annotation))
    return next((section for section in found if section is not None), None)
