"""Outline of a file for shell completion: names of targets, and where the store is.

It is read also from a file with mistakes or with variables that are not set here. Everything else
loads the whole file.
"""

from dataclasses import dataclass
from pathlib import Path

from jmxbridge.config.model.models import Settings, StoreSettings
from jmxbridge.config.text.tree import Sequence, text_at, value_at
from jmxbridge.config.text.yaml_parser import NotYaml, compose


@dataclass(frozen=True, slots=True)
class Outline:
    """Names of a file's targets, and settings that are enough to find its store."""

    targets: tuple[str, ...] = ()
    settings: Settings | None = None


def outline(text: str, path: Path) -> Outline:
    """Return the outline of a file's text; an empty one where that is not YAML."""
    try:
        root = compose(text).root
    except NotYaml:
        return Outline()
    targets = value_at(root, "targets")
    items = targets.items if isinstance(targets, Sequence) else ()
    names = [text_at(item, "name") for item in items]
    store = text_at(value_at(root, "store"), "path")
    settings = Settings(
        path=path,
        cluster=text_at(root, "cluster") or "local",
        store=StoreSettings(path=path.parent / store if store else None),
    )
    return Outline(tuple(name for name in names if name), settings)
