"""Nodes of the tree to models, and pydantic's errors to problems that point into the file.

Rule: one mistake, one problem. A scalar whose variable is missing, or that has no value at all, is
reported here and then passed over in silence, and so is a key missing only because it is misspelt.
"""

from collections.abc import Mapping as AbcMapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from jmxbridge.config.model.examples import example
from jmxbridge.config.model.location import Path, head, known_keys, shown, walk
from jmxbridge.config.model.models import Section
from jmxbridge.config.text.interpolation import interpolate
from jmxbridge.config.text.malformed import Malformed
from jmxbridge.config.text.problem import Problem
from jmxbridge.config.text.source import Source
from jmxbridge.config.text.tree import Mapping, Node, Scalar, Sequence, Span
from jmxbridge.config.values.grammar import closest

S = TypeVar("S", bound=Section)

_MAPPING = "a mapping (key: value)"
_WANTS = {
    "model_type": _MAPPING,
    "mapping_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": "a list",
}


class _Reported:
    """Stands for a value whose problem has been reported."""


class SectionReader:
    """Reads sections of one source; `problems` and `warnings` grow."""

    def __init__(self, source: Source, environ: AbcMapping[str, str]) -> None:
        self.source = source
        self.environ = environ
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._reported: set[int] = set()  # by identity: an aliased node is one node
        self._replaced: set[int] = set()

    def read(self, model: type[S], node: Node, path: Path) -> S | None:
        """Make a model of a node; None where that is impossible and `problems` says why."""
        before = len(self.problems)
        made = self.read_partly(model, node, path)
        return made if len(self.problems) == before else None

    def read_partly(self, model: type[S], node: Node, path: Path) -> S | None:
        """Make a model of what is right in a node, so that checks can judge the rest of it.

        `problems` has what is wrong; None where too little is left.
        """
        plain = self._plain(node, path)
        try:
            return model.model_validate(plain, by_alias=True, by_name=False)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
        self._report(model, node, path, errors)
        for each in errors:
            exact = each["type"] == "extra_forbidden"
            _prune(plain, each["loc"] if exact else each["loc"][:2])
        try:
            return model.model_validate(plain, by_alias=True, by_name=False)
        except ValidationError:
            return None

    def add(
        self,
        node: Node,
        path: Path,
        message: str,
        *,
        position: int = 0,
        suggestion: str | None = None,
    ) -> None:
        """Report a problem at a node; `position` is the character of a scalar that is to blame."""
        span = node.span
        if position and isinstance(node, Scalar):
            span = self._character(node, position)
        self.problems.append(self.source.problem(span, shown(path), message, suggestion))

    def warn(self, node: Node, path: Path, message: str) -> None:
        """Report what works and is probably not meant."""
        said = self.source.problem(node.span, shown(path), message)
        self.warnings.append(replace(said, severity="warning"))

    def text(self, node: Node) -> str | None:
        """Return a scalar's text with variables replaced; None for what has been reported."""
        if not isinstance(node, Scalar) or id(node) in self._reported:
            return None
        return interpolate(node.text, self.environ)

    def unknown_key(self, key: Scalar, path: Path, known: list[str]) -> str | None:
        """Report a key that has no meaning where it stands; return what was meant perhaps."""
        suggestion = closest(key.text, known)
        message = "unknown key" if suggestion else f"unknown key; known here: {', '.join(known)}"
        self.add(key, path, message, suggestion=suggestion)
        return suggestion

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
                raise Malformed("has no value: give one, or leave it out")
            text = interpolate(node.text, self.environ)
        except Malformed as error:
            self.add(node, path, error.message, position=error.position)
            self._reported.add(id(node))
            return _Reported()
        if text != node.text:
            self._replaced.add(id(node))
        return text

    def _report(self, model: type[Section], root: Node, path: Path, errors: list[Any]) -> None:
        meant: set[Path] = set()
        for error in errors:
            location = error["loc"]
            if error["type"] == "extra_forbidden":
                reached, entry, _ = walk(root, location)
                if entry is not None:
                    known = known_keys(model, location[:-1])
                    suggestion = self.unknown_key(entry.key, (*path, *reached), known)
                    meant.add((*location[:-1], suggestion or ""))
        for error in errors:
            if error["type"] == "missing" and error["loc"] not in meant:
                above = error["loc"][:-1]
                said = f'"{error["loc"][-1]}" is missing'
                self.add(head(root, above), (*path, *above), said)
            elif error["type"] not in ("missing", "extra_forbidden"):
                self._report_value(root, path, error)

    def _report_value(self, root: Node, path: Path, error: Any) -> None:
        context = error.get("ctx", {})
        location = error["loc"]
        at_key = location[-1:] == ("[key]",)
        location = location[:-1] if at_key else location
        if error["type"] == "malformed" and context["key"]:
            location = (*location, context["key"])
        reached, entry, node = walk(root, location)
        if id(node) in self._reported or (error["type"] == "too_short" and node.size > 1):
            return  # pydantic counts the right ones only, and says too few where all are wrong
        if at_key and entry is not None:
            node = entry.key
        path = (*path, *reached)
        if error["type"] != "malformed":
            self.add(node, path, _words(error, node, path))
            return
        position, suggestion = context["position"], context["suggestion"]
        self.add(node, path, context["said"], position=position, suggestion=suggestion)

    def _character(self, node: Scalar, position: int) -> Span:
        """Point at a character where the file has the text as it is; else at the whole scalar."""
        span = node.span
        if node.quote is None or id(node) in self._replaced or span.line != span.end_line:
            return span
        start = span.column + node.quote
        if self.source.of(span).line(span.line)[start : start + len(node.text)] != node.text:
            return span  # escapes, or lines folded into one
        return replace(span, column=start + position, end_column=start + position + 1)


def _prune(plain: Any, path: Path) -> None:
    """Take out what stands at a path, or the innermost mapping's entry on the way to it."""
    if not path or not isinstance(plain, dict):
        return
    key = path[0]
    for step in path[1:]:
        inside = plain.get(key)
        if not isinstance(inside, dict):
            break
        plain, key = inside, step
    plain.pop(key, None)


def _words(error: Any, node: Node, path: Path) -> str:
    if error["type"] == "too_short":
        return "is empty"
    wants = _WANTS.get(error["type"])
    if wants is None:
        return str(error["msg"])
    got = {Scalar: "text", Sequence: "a list", Mapping: "a mapping"}[type(node)]
    written = example(path) if wants == _MAPPING else None
    return f"wants {wants}, got {got}" + (f": write {written}" if written else "")
