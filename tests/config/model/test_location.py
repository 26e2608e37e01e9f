"""Paths of keys, in a tree and in a model."""

import pytest

from jmxbridge.config.model.location import head, known_keys, shown, walk
from jmxbridge.config.model.models import Filter, KafkaSettings, TargetSettings
from jmxbridge.config.model.rule_entry import RuleEntry
from jmxbridge.config.text.tree import Node, Scalar
from jmxbridge.config.text.yaml_parser import compose


def parsed(text: str) -> Node:
    """Return the root of a text."""
    root = compose(text).root
    assert root is not None
    return root


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("a",), "a"), (("targets", 0, "jmx"), "targets[0].jmx"), ((0, 1), "[0][1]")],
)
def test_shown(path: tuple[str | int, ...], text: str) -> None:
    """Keys with dots, indexes in brackets."""
    assert shown(path) == text


def test_walk_reaches_the_value() -> None:
    """The last entry is that of the last key; after an index there is none."""
    root = parsed("a: {b: [x, y]}")

    reached, entry, node = walk(root, ("a", "b"))
    assert (reached, entry is not None and entry.key.text) == (("a", "b"), "b")
    reached, entry, node = walk(root, ("a", "b", 1))
    assert (reached, entry) == (("a", "b", 1), None)
    assert isinstance(node, Scalar)
    assert node.text == "y"


@pytest.mark.parametrize("path", [("a", 0), ("a", "x", "y"), ("a", "b")])
def test_walk_stops_where_the_tree_ends(path: tuple[str | int, ...]) -> None:
    """A text may stand for a list or a mapping, so a model's path may lead further."""
    reached, entry, node = walk(parsed("a: text"), path)

    assert reached == ("a",)
    assert entry is not None
    assert entry.value is node


@pytest.mark.parametrize(
    ("text", "path", "start"),
    [("a: {b: c}", ("a",), (0, 0)), ("a: [{b: c}]", ("a", 0), (0, 5)), ("[{}]", (0,), (0, 1))],
)
def test_head_is_the_key_of_a_mapping(
    text: str, path: tuple[str | int, ...], start: tuple[int, int]
) -> None:
    """An item of a list has no key: its first key stands for it, or the item itself."""
    span = head(parsed(text), path).span

    assert (span.line, span.column) == start


@pytest.mark.parametrize(
    ("model", "path", "key"),
    [
        (KafkaSettings, (), "bootstrap"),
        (KafkaSettings, ("sasl",), "mechanism"),
        (KafkaSettings, ("groups",), "deny"),
        (RuleEntry, ("fields", "X"), "else"),
        (TargetSettings, ("tls",), "registry"),
        (Filter, ("nothing",), "allow"),
    ],
)
def test_known_keys(model: type, path: tuple[str | int, ...], key: str) -> None:
    """The keys of the file, of the model that is nested there; unknown steps lead nowhere."""
    assert key in known_keys(model, path)
