"""Paths of keys: into a tree, into a model, and in messages."""

from typing import Any, TypeAlias, get_args

from pydantic.fields import FieldInfo

from jmxbridge.config.model.models import Section
from jmxbridge.config.text.tree import Entry, Mapping, Node, Sequence

Path: TypeAlias = tuple[str | int, ...]


def shown(path: Path) -> str:
    """Return a path of keys as messages write it: `targets[0].jmx`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def walk(node: Node, path: Path) -> tuple[Path, Entry | None, Node]:
    """Follow a path as far as the tree goes; return how far, the last entry, and the node there.

    The entry is None where the last step is an index. A path may lead further than the tree,
    because one text may stand for a list or a mapping.
    """
    entry: Entry | None = None
    for count, step in enumerate(path):
        if isinstance(node, Mapping) and (child := node.get(str(step))) is not None:
            entry, node = child, child.value
        elif isinstance(node, Sequence) and isinstance(step, int):
            entry, node = None, node.items[step]
        else:
            return path[:count], entry, node
    return path, entry, node


def head(root: Node, path: Path) -> Node:
    """Return the node to point at when a mapping lacks a key: its own key, else its first one."""
    _, entry, node = walk(root, path)
    if entry is not None:
        return entry.key
    return node.entries[0].key if isinstance(node, Mapping) and node.entries else node


def known_keys(model: type[Section], path: Path) -> list[str]:
    """Return the keys that a model takes at a path inside it."""
    for step in path:
        field = _fields(model).get(str(step))
        model = (_section_in(field.annotation) if field else None) or model
    return list(_fields(model))


def _fields(model: type[Section]) -> dict[str, FieldInfo]:
    return {str(f.validation_alias or name): f for name, f in model.model_fields.items()}


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    sections = (_section_in(argument) for argument in get_args(annotation))
    return next((section for section in sections if section is not None), None)
