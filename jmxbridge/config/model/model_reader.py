"""Reader of models: nodes of the tree in, models out, pydantic's errors as problems of the file.

Rule: one mistake, one problem. A scalar whose variable is missing, or that has no value, is
reported once; later errors about it are dropped. So is a missing key whose misspelling is there.
"""

from collections.abc import Mapping as AbcMapping
from collections.abc import Sequence as AbcSequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from jmxbridge.config.model.examples import example
from jmxbridge.config.model.location import Path, head, known_keys, shown, walk
from jmxbridge.config.model.models import Section
from jmxbridge.config.text.interpolation import interpolate
from jmxbridge.config.text.problem import InvalidValue, Problem
from jmxbridge.config.text.source import Source
from jmxbridge.config.text.tree import Mapping, Node, Scalar, Sequence, Span
from jmxbridge.config.values.grammar import closest
from jmxbridge.config.values.scalars import INVALID_VALUE

S = TypeVar("S", bound=Section)

# The kinds of pydantic's errors that are told apart here, by their `type`.
UNKNOWN_KEY = "extra_forbidden"
MISSING_KEY = "missing"
TOO_SHORT = "too_short"
WANTED = {
    "model_type": "a mapping (key: value)",
    "mapping_type": "a mapping (key: value)",
    "dict_type": "a mapping (key: value)",
    "tuple_type": "a list",
}
# The last step of pydantic's location where the error is in a key, not in its value.
IN_KEY = "[key]"

_GOT: dict[type[Node], str] = {Scalar: "text", Sequence: "a list", Mapping: "a mapping"}


class _Reported:
    """Placeholder of a value whose problem is reported: no model accepts it."""


class ModelReader:
    """Reads the nodes of one source; `problems` and `warnings` grow."""

    def __init__(self, source: Source, environ: AbcMapping[str, str]) -> None:
        self.source = source
        self.environ = environ
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._reported: set[int] = set()  # by identity: an aliased node is one node
        self._interpolated: set[int] = set()

    def read(self, model: type[S], node: Node, path: Path) -> S | None:
        """Return a node's model; None where anything in the node is wrong."""
        before = len(self.problems)
        section = self.read_partly(model, node, path)
        return section if len(self.problems) == before else None

    def read_partly(self, model: type[S], node: Node, path: Path) -> S | None:
        """Return a model of the valid parts of a node, so that checks can judge them.

        The problems of the other parts are reported; None where too little is valid.
        """
        plain = self._plain(node, path)
        try:
            return model.model_validate(plain, by_alias=True, by_name=False)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
        self._report(model, node, path, errors)
        for details in errors:
            location = details["loc"]
            _prune(plain, location if details["type"] == UNKNOWN_KEY else location[:2])
        try:
            return model.model_validate(plain, by_alias=True, by_name=False)
        except ValidationError:
            return None

    def items(self, node: Node | None, path: Path) -> tuple[Node, ...]:
        """Return the items of a list; report a node that is none."""
        if isinstance(node, Sequence):
            return node.items
        if node is not None:
            self.add(node, path, "wants a list (lines that begin with -)")
        return ()

    def text(self, node: Node) -> str | None:
        """Return a scalar's text with variables replaced; None where that is reported already.

        Raises InvalidValue for a scalar that was never read.
        """
        if not isinstance(node, Scalar) or id(node) in self._reported:
            return None
        return interpolate(node.text, self.environ)

    def add(
        self,
        node: Node,
        path: Path,
        message: str,
        *,
        position: int = 0,
        suggestion: str | None = None,
    ) -> None:
        """Report a problem of a node, or of the character of its text at `position`."""
        span = node.span
        if position and isinstance(node, Scalar):
            span = self._character(node, position)
        self.problems.append(self.source.problem(span, shown(path), message, suggestion))

    def warn(self, node: Node, path: Path, message: str) -> None:
        """Report what works but is probably a mistake."""
        problem = self.source.problem(node.span, shown(path), message)
        self.warnings.append(replace(problem, severity="warning"))

    def add_unknown_key(self, key: Scalar, path: Path, known: list[str]) -> str | None:
        """Report a key that has no meaning here; return the known key that was probably meant."""
        suggestion = closest(key.text, known)
        message = "unknown key" if suggestion else f"unknown key; known here: {', '.join(known)}"
        self.add(key, path, message, suggestion=suggestion)
        return suggestion

    def _plain(self, node: Node, path: Path) -> Any:
        """Return a node as dicts, lists and texts for pydantic."""
        if isinstance(node, Mapping):
            return {
                entry.key.text: self._plain(entry.value, (*path, entry.key.text))
                for entry in node.entries
            }
        if isinstance(node, Sequence):
            return [self._plain(item, (*path, index)) for index, item in enumerate(node.items)]
        return self._plain_text(node, path)

    def _plain_text(self, node: Scalar, path: Path) -> str | _Reported:
        if id(node) in self._reported:
            return _Reported()
        try:
            if node.is_null:
                raise InvalidValue("has no value: give one, or leave it out")
            text = interpolate(node.text, self.environ)
        except InvalidValue as error:
            self.add(node, path, error.message, position=error.position)
            self._reported.add(id(node))
            return _Reported()
        if text != node.text:
            self._interpolated.add(id(node))
        return text

    def _report(
        self, model: type[Section], root: Node, path: Path, errors: AbcSequence[Any]
    ) -> None:
        """Report pydantic's errors about a node that stands at `path`."""
        meant = self._report_unknown_keys(model, root, path, errors)
        for details in errors:
            location = details["loc"]
            if details["type"] == MISSING_KEY:
                if location not in meant:
                    section, key = location[:-1], location[-1]
                    self.add(head(root, section), (*path, *section), f'"{key}" is missing')
            elif details["type"] != UNKNOWN_KEY:
                self._report_value(root, path, details)

    def _report_unknown_keys(
        self, model: type[Section], root: Node, path: Path, errors: AbcSequence[Any]
    ) -> set[Path]:
        """Report keys that have no meaning; return where the keys are that were meant by them."""
        meant: set[Path] = set()
        for details in errors:
            if details["type"] != UNKNOWN_KEY:
                continue
            section = details["loc"][:-1]
            reached, entry, _ = walk(root, details["loc"])
            assert entry is not None  # noqa: S101  the key that pydantic refused
            known = known_keys(model, section)
            suggestion = self.add_unknown_key(entry.key, (*path, *reached), known)
            meant.add((*section, suggestion or ""))
        return meant

    def _report_value(self, root: Node, path: Path, details: Any) -> None:
        """Report a value that its key cannot take, or a key that its mapping cannot have."""
        kind, location = details["type"], details["loc"]
        is_in_key = location[-1:] == (IN_KEY,)
        if is_in_key:
            location = location[:-1]
        invalid = details["ctx"] if kind == INVALID_VALUE else None
        if invalid and invalid["key"]:
            location = (*location, invalid["key"])
        reached, entry, node = walk(root, location)
        if id(node) in self._reported or (kind == TOO_SHORT and node.size > 1):
            return  # pydantic counts valid items only: "too few" where every item is reported
        if is_in_key and entry is not None:
            node = entry.key
        path = (*path, *reached)
        if invalid:
            position, suggestion = invalid["position"], invalid["suggestion"]
            self.add(node, path, invalid["message"], position=position, suggestion=suggestion)
        else:
            self.add(node, path, _message(details, node, path))

    def _character(self, node: Scalar, position: int) -> Span:
        """Return one character's span; the scalar's where the file has its text in another form.

        That is a block, a text with escapes, folded lines or replaced variables.
        """
        span = node.span
        if node.quote is None or id(node) in self._interpolated or span.line != span.end_line:
            return span
        start = span.column + node.quote
        if self.source.of(span).line(span.line)[start : start + len(node.text)] != node.text:
            return span
        return replace(span, column=start + position, end_column=start + position + 1)


def _prune(plain: Any, path: Path) -> None:
    """Remove the value at a path, or the innermost mapping's entry on the way to it."""
    if not path or not isinstance(plain, dict):
        return
    key = path[0]
    for step in path[1:]:
        inside = plain.get(key)
        if not isinstance(inside, dict):
            break
        plain, key = inside, step
    plain.pop(key, None)


def _message(details: Any, node: Node, path: Path) -> str:
    """Return what pydantic's error says, in the words of this file."""
    kind = details["type"]
    if kind == TOO_SHORT:
        return "is empty"
    if kind not in WANTED:
        return str(details["msg"])
    wanted = WANTED[kind]
    line = None if wanted == "a list" else example(path)
    return f"wants {wanted}, got {_GOT[type(node)]}" + (f": write {line}" if line else "")
