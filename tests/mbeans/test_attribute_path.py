"""Attribute paths of a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.mbeans.attribute_path import BadPath, parse_path


@pytest.mark.parametrize(
    ("text", "attribute", "inner"),
    [
        ("Value", "Value", ()),
        ("HeapMemoryUsage.used", "HeapMemoryUsage", ("used",)),
        ("a.b.c", "a", ("b", "c")),
        (r"queue\.size", "queue.size", ()),
        (r"queue\.size.now\.mean", "queue.size", ("now.mean",)),
        (r"\{x\}\\", "{x}\\", ()),
        ("99thPercentile", "99thPercentile", ()),
    ],
)
def test_path_splits_at_dots_without_a_backslash(
    text: str, attribute: str, inner: tuple[str, ...]
) -> None:
    """Every attribute can be named, whatever its characters."""
    path = parse_path(text)
    assert (path.attribute, path.inner, path.pattern) == (attribute, inner, None)


@given(st.text(min_size=1))
def test_every_name_can_be_escaped(name: str) -> None:
    """A name with each special character escaped parses to itself."""
    written = "".join(f"\\{char}" if char in "\\.{}" else char for char in name)
    assert parse_path(written).attribute == name


def test_a_pattern_separates_topic_and_partition_at_the_last_dash() -> None:
    """Kafka's consumers before 2.0 name attributes like this; topics contain dots and dashes."""
    path = parse_path(r"{topic}-{partition}\.records-lag")
    assert path.pattern is not None
    match = path.pattern.fullmatch("web-shop.orders-12.records-lag")
    assert match is not None
    assert dict(zip(path.keys, match.groups(), strict=True)) == {
        "topic": "web-shop.orders",
        "partition": "12",
    }
    assert path.pattern.fullmatch("web-shop.orders-12.records-lag-max") is None


@pytest.mark.parametrize(
    ("text", "position", "word"),
    [
        ("a..b", 0, "missing next to the dot"),
        (".a", 0, "missing next to the dot"),
        (r"a\b", 1, "backslash"),
        ("a{b", 1, "partner"),
        ("a}", 1, "partner"),
        ("a{}", 1, "name of a key"),
        ("{a}{b}", 3, "between"),
        ("{a}-{a}", 4, "twice"),
        ("Usage.{a}", 6, "own name"),
    ],
)
def test_path_errors_have_the_character_at_fault(text: str, position: int, word: str) -> None:
    """With its position and the reason."""
    with pytest.raises(BadPath, match=word) as caught:
        parse_path(text)
    assert caught.value.position == position
