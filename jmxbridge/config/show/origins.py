"""Where each value of a file comes from: a line of it, a variable, a secret's file, a default.

What is recorded goes by the path of keys, as in a message; what has no record is a default. An
origin names variables and files, never what they hold.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from jmxbridge.config.model.location import Path as Keys
from jmxbridge.config.text.interpolation import variables
from jmxbridge.config.text.tree import Mapping as MappingNode
from jmxbridge.config.text.tree import Node, Scalar, Sequence
from jmxbridge.config.text.yaml_parser import compose

Origins = Mapping[Keys, str]

DEFAULT = "default"


def origins(root: Node, *, file: str, environ: Mapping[str, str]) -> Origins:
    """Return the origin of each value of a tree; targets in the order in which they are shown."""
    return dict(_Reading(file, environ).origins(root, ()))


class _Reading:
    """`file` is what spans without a file of their own are of."""

    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ

    def origins(self, node: Node, path: Keys) -> Iterator[tuple[Keys, str]]:
        if isinstance(node, MappingNode):
            for entry in node.entries:
                yield from self.origins(entry.value, (*path, entry.key.text))
        elif path == ("targets",) and isinstance(node, Sequence):
            # Targets that are found stand behind the others.
            for index, item in enumerate(sorted(node.items, key=_is_found)):
                yield from self.origins(item, (*path, index))
        else:
            yield path, self._origin(node, path)

    def _origin(self, node: Node, path: Keys) -> str:
        place = f"{node.span.file or self._file}:{node.span.line + 1}"
        texts = [each.text for each in _scalars(node)]
        said = [f"${{{name}}}" for text in texts for name in self._used(text)]
        if str(path[-1]).endswith("_file") and self._is_credential(texts):
            said.append("a credential of systemd")
        return ", ".join((place, *dict.fromkeys(said)))

    def _used(self, text: str) -> Iterator[str]:
        """Yield the variables of a text; one that is not there, and has a default, says so."""
        for name, has_default in variables(text):
            stands_in = has_default and not self._environ.get(name)
            yield f"{name}:-…" if stands_in else name

    def _is_credential(self, texts: list[str]) -> bool:
        bare = len(texts) == 1 and Path(texts[0]).parent == Path()
        return bare and bool(self._environ.get("CREDENTIALS_DIRECTORY"))


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _scalars(item)


def _is_found(target: Node) -> bool:
    return isinstance(target, MappingNode) and target.get("discover") is not None


def annotated(text: str, found: Origins) -> str:
    """Write behind each value of a YAML text where it comes from, as comments."""
    root = compose(text).root
    lines = text.splitlines()
    if isinstance(root, MappingNode):
        for number, said in _comments(root, (), lines, found):
            lines[number] += f"  # {said}"
    return "".join(f"{line}\n" for line in lines)


def _comments(
    node: Node, path: Keys, lines: list[str], found: Origins
) -> Iterator[tuple[int, str]]:
    if not _is_block(node, lines):
        # Its last line: a comment inside a text that is folded would be a part of it, or end it.
        yield node.span.end_line, _sentence(node, path, found)
    elif isinstance(node, MappingNode):
        for entry in node.entries:
            yield from _comments(entry.value, (*path, entry.key.text), lines, found)
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _comments(item, (*path, index), lines, found)


def _is_block(node: Node, lines: list[str]) -> bool:
    span = node.span
    return not isinstance(node, Scalar) and lines[span.line][span.column] not in "[{"


def _sentence(node: Node, path: Keys, found: Origins) -> str:
    """Say where one line's values come from, key by key where they differ."""
    if not isinstance(node, MappingNode) or not node.entries:
        return found.get(path, DEFAULT)
    said = {
        entry.key.text: _sentence(entry.value, (*path, entry.key.text), found)
        for entry in node.entries
    }
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{key}: {origin}" for key, origin in said.items())
