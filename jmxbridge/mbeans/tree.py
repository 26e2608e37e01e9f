"""Tree of MBean names: domain, type, then the other key properties in the order of the name.

The type comes first because people search by it; JMX itself has no order of key properties.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jmxbridge.jmx.object_name import ObjectName


@dataclass(slots=True)
class Branch:
    """Names with a common beginning; `count` includes all MBeans below."""

    count: int = 0
    children: "dict[str, Branch]" = field(default_factory=dict)


def lines(names: Iterable[ObjectName], depth: int) -> Iterator[str]:
    """Yield the lines of the tree down to a depth (1: domains), with counts of larger branches."""
    root = Branch()
    for name in names:
        branch = root
        for part in _parts(name):
            branch = branch.children.setdefault(part, Branch())
            branch.count += 1
    yield from _drawn(root, 0, depth)


def _parts(name: ObjectName) -> tuple[str, ...]:
    kinds = [f"{key}={value}" for key, value in name.properties.items() if key == "type"]
    others = [f"{key}={value}" for key, value in name.properties.items() if key != "type"]
    return (name.domain, *kinds, *others)


def _drawn(branch: Branch, level: int, depth: int) -> Iterator[str]:
    if level == depth:
        return
    for part in sorted(branch.children):
        child = branch.children[part]
        count = f" ({child.count})" if child.children else ""
        yield f"{'  ' * level}{part}{count}"
        yield from _drawn(child, level + 1, depth)
