"""What a file is about, also where it has mistakes or wants variables that are not set here.

For the shell's completion alone: whoever acts on a file reads it whole.
"""

from dataclasses import dataclass
from pathlib import Path

from jmxbridge.config.model.models import Settings, StoreSettings
from jmxbridge.config.text.tree import Sequence, text_at, value_at
from jmxbridge.config.text.yaml_parser import NotYaml, compose


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
