"""Names of MBeans as a tree: domain, type, then the other key properties as each name has them.

The type comes first wherever a name has it, for that is what people look for; JMX itself knows no
order of key properties.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jmxbridge.jmx.object_name import ObjectName


@dataclass(slots=True)
class Branch:
    """What begins alike; `count` has the MBeans here and below."""

    count: int = 0
    below: "dict[str, Branch]" = field(default_factory=dict)


def lines(names: Iterable[ObjectName], depth: int) -> Iterator[str]:
    """Draw the tree down to a depth, 1 being domains; what has more below it says how many."""
    root = Branch()
    for name in names:
        branch = root
        for part in _parts(name):
            branch = branch.below.setdefault(part, Branch())
            branch.count += 1
    yield from _drawn(root, 0, depth)


def _parts(name: ObjectName) -> tuple[str, ...]:
    kinds = [f"{key}={value}" for key, value in name.properties.items() if key == "type"]
    others = [f"{key}={value}" for key, value in name.properties.items() if key != "type"]
    return (name.domain, *kinds, *others)


def _drawn(branch: Branch, level: int, depth: int) -> Iterator[str]:
    if level == depth:
        return
    for part in sorted(branch.below):
        each = branch.below[part]
        count = f" ({each.count})" if each.below else ""
        yield f"{'  ' * level}{part}{count}"
        yield from _drawn(each, level + 1, depth)
