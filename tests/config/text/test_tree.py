"""Nodes of a file: sizes, lookups, places."""

import pytest

from jmxbridge.config.text.tree import (
    Mapping,
    Scalar,
    Sequence,
    Span,
    entries_at,
    text_at,
    value_at,
)
from jmxbridge.config.text.yaml_parser import compose


def mapping(text: str) -> Mapping:
    """Parse a text that is a mapping."""
    root = compose(text).root
    assert isinstance(root, Mapping)
    return root


@pytest.mark.parametrize(
    ("text", "size", "height"),
    [("{}", 1, 1), ("a: b", 3, 2), ("a: [b, [c]]", 6, 4), ("a: 1\na: [2]", 6, 3)],
)
def test_nodes_know_their_size(text: str, size: int, height: int) -> None:
    """Size counts keys and values, also those of entries with a problem; height counts levels."""
    root = mapping(text)

    assert (root.size, root.height) == (size, height)


def test_alias_counts_as_what_it_stands_for() -> None:
    """A mapping with two aliases of a list has the list's size twice."""
    root = mapping("a: &a [1, 2]\nb: *a\nc: *a\n")

    assert root.size == 1 + 3 * (1 + 3)


def test_empty_sequence_has_size_one() -> None:
    """A list without items is a node itself."""
    node = Sequence(Span(0, 0, 0, 2), ())

    assert (node.size, node.height) == (1, 1)


@pytest.mark.parametrize(
    ("file", "other_file", "text"),
    [
        ("", "", "line 3"),
        ("a.yaml", "a.yaml", "line 3"),
        ("a.yaml", "", "line 3 of a.yaml"),
        ("", "a.yaml", "line 3 of the file that includes this one"),
    ],
)
def test_span_seen_from_another_file_names_its_own(file: str, other_file: str, text: str) -> None:
    """Inside one file the line is enough."""
    assert Span(2, 0, 2, 1, file).seen_from(Span(9, 0, 9, 1, other_file)) == text


def test_value_at_knows_values_and_nothing_else() -> None:
    """No key, a key over comments, and a node that is no mapping have no value."""
    root = mapping("a: 1\nb:\n")

    assert isinstance(value_at(root, "a"), Scalar)
    assert value_at(root, "b") is None
    assert value_at(root, "c") is None
    assert value_at(value_at(root, "a"), "x") is None
    assert value_at(None, "a") is None


def test_text_at_is_empty_without_a_text() -> None:
    """A list under the key is no text."""
    root = mapping("a: 1\nb: [1]\n")

    assert [text_at(root, key) for key in ("a", "b", "c")] == ["1", "", ""]


def test_entries_at_are_those_of_a_mapping() -> None:
    """A text under the key has no entries, nor has a key that is not there."""
    root = mapping("a: {x: 1, y: 2}\nb: text\n")

    assert [entry.key.text for entry in entries_at(root, "a")] == ["x", "y"]
    assert entries_at(root, "b") == entries_at(root, "c") == ()
