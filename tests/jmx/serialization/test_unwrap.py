"""Known classes: what is not made as they make it stays a JavaObject."""

from collections.abc import Mapping
from typing import Any

import pytest

from jmxbridge.jmx.serialization.unwrap import BOXES, UNWRAPS
from jmxbridge.jmx.values import Composite, Value

ROW = Composite({"x": 1})

# Class, fields, annotations of an object that this class would not write.
MISFITS: list[tuple[str, Mapping[str, Value], Mapping[str, tuple[Any, ...]]]] = [
    ("java.lang.Character", {"value": 7}, {}),
    ("java.math.BigInteger", {"signum": 1, "magnitude": None}, {}),
    ("java.math.BigInteger", {"signum": None, "magnitude": (1,)}, {}),
    ("java.math.BigInteger", {"signum": 1, "magnitude": (1, "a")}, {}),
    ("java.util.Date", {}, {}),
    ("java.util.Date", {}, {"java.util.Date": (b"short",)}),
    ("java.util.Date", {}, {"java.util.Date": ("text",)}),
    ("java.util.Date", {}, {"java.util.Date": (b"\x7f" * 8,)}),
    ("java.util.Vector", {"elementData": None, "elementCount": 0}, {}),
    ("java.util.Vector", {"elementData": (1,), "elementCount": 2}, {}),
    ("java.util.Vector", {"elementData": (1,), "elementCount": -1}, {}),
    ("java.util.HashMap", {}, {"java.util.HashMap": (b"12345678", "key without value")}),
    ("java.util.CollSer", {"tag": None}, {}),
    ("javax.management.ObjectName", {}, {}),
    ("javax.management.ObjectName", {}, {"javax.management.ObjectName": (7,)}),
    ("javax.management.ObjectName", {}, {"javax.management.ObjectName": ("not a name",)}),
    ("javax.management.Attribute", {"name": None, "value": 1}, {}),
    ("javax.management.AttributeList", {}, {"java.util.ArrayList": (b"1234", "text")}),
    ("javax.management.openmbean.CompositeDataSupport", {"contents": (1,)}, {}),
    ("javax.management.openmbean.TabularDataSupport", {"dataMap": None}, {}),
    ("javax.management.openmbean.TabularDataSupport", {"dataMap": ROW}, {}),
    ("javax.management.openmbean.TabularDataSupport", {"dataMap": (1,)}, {}),
    ("javax.management.openmbean.TabularDataSupport", {"dataMap": (((1,), 2),)}, {}),
    ("javax.management.openmbean.TabularDataSupport", {"dataMap": ((ROW,),)}, {}),
]


@pytest.mark.parametrize(("class_name", "fields", "notes"), MISFITS)
def test_misfits_are_left_alone(
    class_name: str, fields: Mapping[str, Value], notes: Mapping[str, tuple[Any, ...]]
) -> None:
    """An object that its class cannot have written has no value; it is shown as it came."""
    assert UNWRAPS[class_name](dict(fields), dict(notes)) is None


@pytest.mark.parametrize("class_name", sorted(UNWRAPS))
def test_no_parts_at_all_never_raise(class_name: str) -> None:
    """A hostile class of a known name, without any of its fields, does no harm."""
    UNWRAPS[class_name]({}, {})


def test_every_box_has_a_value() -> None:
    """Whatever is read fast when it is there in full can be read in pieces too."""
    assert set(UNWRAPS) >= BOXES
    assert all(UNWRAPS[name]({"value": 1}, {}) == 1 for name in BOXES)


def test_a_map_is_a_composite_only_with_names_for_keys() -> None:
    """One other key makes all of it pairs."""
    unwrap = UNWRAPS["java.util.HashMap"]
    assert unwrap({}, {"java.util.HashMap": (b"", "a", 1)}) == Composite({"a": 1})
    assert unwrap({}, {"java.util.HashMap": (b"", "a", 1, None, 2)}) == (("a", 1), (None, 2))
