"""Two ways to say one thing, of which a section may have one."""

from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import SectionReader
from jmxbridge.config.text.tree import Mapping


def check_pair(reader: SectionReader, node: Mapping, path: Path, pair: tuple[str, str]) -> bool:
    """Report two keys that exclude each other; tell whether both are there."""
    keys = [entry.key for entry in map(node.get, pair) if entry]
    if len(keys) < 2:
        return False
    later = max(keys, key=lambda key: (key.span.line, key.span.column))
    said = f"{pair[0]} and {pair[1]} exclude each other: keep one"
    reader.add(later, (*path, later.text), said)
    return True
