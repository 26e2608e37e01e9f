"""Origin of each value of a file: a line, the variables in it, a secret's file, or a default.

Origins go by the path of keys that messages use; a path without one has its default. An origin
names variables and files, never what they hold.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from jmxbridge.config.model.location import Path as KeyPath
from jmxbridge.config.text import tree
from jmxbridge.config.text.interpolation import variables
from jmxbridge.config.text.tree import Node, Scalar

Origins = Mapping[KeyPath, str]

DEFAULT = "default"


def origins(root: Node, *, file: str, environ: Mapping[str, str]) -> Origins:
    """Return the origin of each value of a tree; targets in the order in which they are shown.

    `file` is the name of the file whose spans carry none.
    """
    return dict(_OriginReader(file, environ).origins(root, ()))


class _OriginReader:
    """Walks the tree of one file."""

    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ

    def origins(self, node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
        if isinstance(node, tree.Mapping):
            for entry in node.entries:
                yield from self.origins(entry.value, (*path, entry.key.text))
        elif path == ("targets",) and isinstance(node, tree.Sequence):
            # Discovered targets are shown after the others.
            for index, target in enumerate(sorted(node.items, key=_is_discovered)):
                yield from self.origins(target, (*path, index))
        else:
            yield path, self._origin(node, path)

    def _origin(self, node: Node, path: KeyPath) -> str:
        place = f"{node.span.file or self._file}:{node.span.line + 1}"
        texts = [scalar.text for scalar in _scalars(node)]
        sources = [f"${{{name}}}" for text in texts for name in self._variables(text)]
        if str(path[-1]).endswith("_file") and self._is_credential(texts):
            sources.append("a credential of systemd")
        return ", ".join((place, *dict.fromkeys(sources)))

    def _variables(self, text: str) -> Iterator[str]:
        """Yield the variables of a text; a variable whose default holds has `:-…` at its end."""
        for name, has_default in variables(text):
            is_default = has_default and not self._environ.get(name)
            yield f"{name}:-…" if is_default else name

    def _is_credential(self, texts: list[str]) -> bool:
        is_bare_name = len(texts) == 1 and Path(texts[0]).parent == Path()
        return is_bare_name and bool(self._environ.get("CREDENTIALS_DIRECTORY"))


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, tree.Sequence):
        for item in node.items:
            yield from _scalars(item)


def _is_discovered(target: Node) -> bool:
    return isinstance(target, tree.Mapping) and target.get("discover") is not None
