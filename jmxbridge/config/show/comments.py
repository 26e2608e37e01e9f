"""Comments that write the origin of each value into a YAML text."""

from collections.abc import Iterator

from jmxbridge.config.model.location import Path as KeyPath
from jmxbridge.config.show.origins import DEFAULT, Origins
from jmxbridge.config.text.tree import Mapping, Node, Scalar, Sequence
from jmxbridge.config.text.yaml_parser import compose


def annotated(text: str, origins: Origins) -> str:
    """Return a YAML text with the origin of each value as a comment at the end of its line."""
    root = compose(text).root
    lines = text.splitlines()
    if root is not None:
        for number, comment in _comments(root, (), lines, origins):
            lines[number] += f"  # {comment}"
    return "".join(f"{line}\n" for line in lines)


def _comments(
    node: Node, path: KeyPath, lines: list[str], origins: Origins
) -> Iterator[tuple[int, str]]:
    """Yield the number of a line, from 0, and its comment."""
    if isinstance(node, Scalar) or _is_flow(node, lines):
        # The last line of the value: a comment inside a folded text would be part of it, or end it.
        yield node.span.end_line, _origin(node, path, origins)
        return
    for key, child in _children(node):
        yield from _comments(child, (*path, key), lines, origins)


def _children(node: Mapping | Sequence) -> list[tuple[str | int, Node]]:
    if isinstance(node, Mapping):
        return [(entry.key.text, entry.value) for entry in node.entries]
    return list(enumerate(node.items))


def _is_flow(node: Mapping | Sequence, lines: list[str]) -> bool:
    """Return whether a node is written with braces or brackets, in one piece."""
    return lines[node.span.line][node.span.column] in "[{"


def _origin(node: Node, path: KeyPath, origins: Origins) -> str:
    """Return where one line's values come from, key by key where they differ."""
    if not isinstance(node, Mapping) or not node.entries:
        return origins.get(path, DEFAULT)
    by_key = {
        entry.key.text: _origin(entry.value, (*path, entry.key.text), origins)
        for entry in node.entries
    }
    if len(set(by_key.values())) == 1:
        return next(iter(by_key.values()))
    return "; ".join(f"{key}: {origin}" for key, origin in by_key.items())
