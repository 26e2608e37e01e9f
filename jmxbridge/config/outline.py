"""What a file is about, also where it has mistakes or wants variables that are not set here.

For the shell's completion alone: whoever acts on a file reads it whole.
"""

from dataclasses import dataclass
from pathlib import Path

from jmxbridge.config.composer import NotYaml, compose
from jmxbridge.config.models import Settings, StoreSettings
from jmxbridge.config.tree import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class Outline:
    """The targets a file names, and what says where its store is."""

    targets: tuple[str, ...] = ()
    settings: Settings | None = None


def outline(text: str, path: Path) -> Outline:
    """Read as much as can be read; nothing of a text that is no YAML."""
    try:
        root = compose(text).root
    except NotYaml:
        return Outline()
    targets = _value(root, "targets")
    items = targets.items if isinstance(targets, Sequence) else ()
    names = [_text(item, "name") for item in items]
    store = _text(_value(root, "store"), "path")
    settings = Settings(
        path=path,
        cluster=_text(root, "cluster") or "local",
        store=StoreSettings(path=path.parent / store if store else None),
    )
    return Outline(tuple(name for name in names if name), settings)


def _value(node: Node | None, key: str) -> Node | None:
    entry = node.get(key) if isinstance(node, Mapping) else None
    return None if entry is None else entry.value


def _text(node: Node | None, key: str) -> str:
    value = _value(node, key)
    return value.text if isinstance(value, Scalar) and not value.is_null else ""
