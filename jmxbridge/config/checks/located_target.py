"""A target as the file has it, for checks that need more of it than one key."""

from collections.abc import Iterator
from dataclasses import dataclass

from jmxbridge.config.model.location import Path
from jmxbridge.config.model.model_reader import SectionReader
from jmxbridge.config.text.tree import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class LocatedTarget:
    """A target as it is written, whether all of it is right or not."""

    node: Mapping
    path: Path

    def texts(self, reader: SectionReader, key: str) -> Iterator[tuple[Scalar, str]]:
        """Yield what stands under a key, one text or a list of them, as far as it can be told."""
        entry = self.node.get(key)
        nodes = _items(entry.value) if entry else ()
        for node in nodes:
            text = reader.text(node)
            if text is not None and isinstance(node, Scalar):
                yield node, text


def _items(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Scalar):
        return (node,)
    return node.items if isinstance(node, Sequence) else ()
