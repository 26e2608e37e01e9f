"""Unwrap functions: objects that are not of the form their class writes stay JavaObjects."""

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
def test_an_object_its_class_cannot_have_written_has_no_value(
    class_name: str, fields: Mapping[str, Value], notes: Mapping[str, tuple[Any, ...]]
) -> None:
    """None as its value makes it stay a JavaObject."""
    assert UNWRAPS[class_name](dict(fields), dict(notes)) is None


@pytest.mark.parametrize("class_name", sorted(UNWRAPS))
def test_an_object_without_parts_does_no_harm(class_name: str) -> None:
    """A hostile class with a known name and none of its fields raises nothing."""
    UNWRAPS[class_name]({}, {})


def test_every_boxed_type_has_an_unwrap_function() -> None:
    """The fast path reads it if it is complete, this function if it arrives in pieces."""
    assert set(UNWRAPS) >= BOXES
    assert all(UNWRAPS[name]({"value": 1}, {}) == 1 for name in BOXES)


def test_a_map_is_a_composite_only_if_all_keys_are_strings() -> None:
    """One other key makes it a tuple of pairs."""
    unwrap = UNWRAPS["java.util.HashMap"]
    assert unwrap({}, {"java.util.HashMap": (b"", "a", 1)}) == Composite({"a": 1})
    assert unwrap({}, {"java.util.HashMap": (b"", "a", 1, None, 2)}) == (("a", 1), (None, 2))
