"""Patterns of jmx_exporter, read as an ObjectName and an attribute, or refused."""

import pytest

from jmxbridge.config.migration.draft import NotMigratable
from jmxbridge.config.migration.exporter_pattern import (
    ExporterPattern,
    Wildcard,
    groups,
    parse_pattern,
)


def test_parse_pattern_splits_all_parts() -> None:
    """Domain, key properties, the way into a composite, attribute and value."""
    pattern = parse_pattern(r"^java\.lang<type=(\w+), name=Old.*><Usage, x>used: (\d+)$")

    assert pattern == ExporterPattern(
        domain=tuple("java.lang"),
        properties={"type": (Wildcard(1),), "name": (*"Old", Wildcard(None))},
        open_ended=False,
        items=("Usage", "x"),
        attribute=tuple("used"),
        value_group=2,
    )


def test_parse_pattern_with_a_wildcard_for_keys_is_open_ended() -> None:
    """`.*` where a key property would be means any number of others."""
    pattern = parse_pattern("a<type=T, .*><>Value")

    assert pattern.open_ended
    assert list(pattern.properties) == ["type"]
    assert pattern.value_group is None


def test_groups_leaves_out_wildcards_without_a_group() -> None:
    """Only a group in parentheses has a number."""
    assert groups(["a", Wildcard(None), Wildcard(3), Wildcard(1)]) == [3, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a<type=T>Value", "is not of the form"),
        ("a", 'has no "<"'),
        ("a<type=T><>", "names no attribute"),
        ("a<type=T><(.+)>used", "names no attribute"),
        ("a<(.+)=T><>Value", "its keys are a pattern"),
        ("a<=T><>Value", "its keys are a pattern"),
        ("a<type><>Value", 'has no "="'),
        ("(a|b)<type=T><>Value", "more than an ObjectName pattern can say"),
        ("a<type=(.+)+><>Value", "more than an ObjectName pattern can say"),
    ],
)
def test_parse_pattern_refuses(text: str, message: str) -> None:
    """A pattern of another form, and one that matches more than an ObjectName pattern can."""
    with pytest.raises(NotMigratable) as caught:
        parse_pattern(text)

    assert message in str(caught.value)
