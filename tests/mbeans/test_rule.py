"""Units of a rule's fields."""

import pytest

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.mbeans.rule import KEY_IN_TEMPLATE, Field, Rule


@pytest.mark.parametrize(
    ("field", "unit"),
    [
        (Field("A", (), "size_bytes", unit="KiB"), "KiB"),
        (Field("A", (), "size_bytes"), "B"),
        (Field("A", (), "size"), "ms"),
    ],
    ids=["of the field", "in its name", "of the rule"],
)
def test_unit_of_a_field(field: Field, unit: str) -> None:
    """The field's own unit comes first, then the end of its name, then the rule's."""
    rule = Rule("s", (ObjectName.parse("a:type=T"),), "m", {}, (field,), unit="ms")
    assert rule.unit_of(field) == unit


def test_a_field_may_have_no_unit() -> None:
    """If neither field, name nor rule has a unit, none is guessed."""
    field = Field("A", (), "size")
    rule = Rule("s", (ObjectName.parse("a:type=T"),), "m", {}, (field,))
    assert rule.unit_of(field) is None


@pytest.mark.parametrize(
    ("template", "keys"),
    [
        ("{name}_total", [("", "name")]),
        ("{=topic}.{partition}", [("=", "topic"), ("", "partition")]),
        ("plain", []),
        ("{}", [("", "")]),
    ],
)
def test_key_properties_in_a_template(template: str, keys: list[tuple[str, str]]) -> None:
    """Braces hold a key property; an equals sign in front keeps its value verbatim."""
    assert [match.group("verbatim", "key") for match in KEY_IN_TEMPLATE.finditer(template)] == keys
