"""Tree of MBean names."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.tree import lines

NAMES = [
    "java.lang:name=Copy,type=GarbageCollector",
    "java.lang:type=GarbageCollector,name=MarkSweep",
    "java.lang:type=Memory",
    "kafka:type=lag,client-id=a",
    "kafka:type=lag,client-id=a,topic=x",
    "kafka:name=odd",
]


def drawn(names: list[str], depth: int) -> list[str]:
    """Return the lines of the tree of names."""
    return list(lines(map(ObjectName.parse, names), depth))


def test_tree_has_domains_then_types() -> None:
    """The type first, wherever a name has it; an MBean may have others below it."""
    assert drawn(NAMES, 9) == [
        "java.lang (3)",
        "  type=GarbageCollector (2)",
        "    name=Copy",
        "    name=MarkSweep",
        "  type=Memory",
        "kafka (3)",
        "  name=odd",
        "  type=lag (2)",
        "    client-id=a (2)",
        "      topic=x",
    ]


def test_tree_counts_what_is_below_its_depth() -> None:
    """Each line has the number of MBeans that are not shown."""
    assert drawn(NAMES, 1) == ["java.lang (3)", "kafka (3)"]


@given(st.permutations(NAMES), st.integers(1, 5))
def test_tree_does_not_depend_on_the_order_of_names(names: list[str], depth: int) -> None:
    """A JVM lists them in any order."""
    assert drawn(names, depth) == drawn(NAMES, depth)


def test_tree_counts_every_mbean(recorded: Callable[[str], list[Any]]) -> None:
    """The numbers of the domains add up to all MBeans of a broker."""
    names = [mbean.name for mbean in recorded("broker-4.1.0")]
    counts = [int(line.rpartition("(")[2].rstrip(")")) for line in lines(names, 1)]
    assert sum(counts) == len(names)
