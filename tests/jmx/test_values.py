"""Python values of MBean attributes."""

from jmxbridge.jmx.values import MAX_DEPTH, Composite, JavaObject, Value, has_at_most


def test_a_composite_is_a_mapping() -> None:
    """A composite is read like any mapping, and equals another with the same items."""
    composite = Composite({"used": 1, "max": -1})
    assert composite["used"] == 1
    assert dict(composite) == {"used": 1, "max": -1}
    assert len(composite) == 2
    assert composite == Composite({"max": -1, "used": 1})
    assert composite != Composite({"used": 1})


def test_a_java_object_is_of_its_class_and_superclasses() -> None:
    """`is_a` knows both."""
    thrown = JavaObject("a.B", ("java.lang.Exception", "java.lang.Throwable"), {}, {})
    assert thrown.is_a("a.B")
    assert thrown.is_a("java.lang.Throwable")
    assert not thrown.is_a("java.lang.Error")


def test_the_repr_of_a_java_object_shows_no_values() -> None:
    """The repr names class and fields, so an object that contains itself can be shown."""
    fields: dict[str, JavaObject | None] = {}
    circular = JavaObject("a.B", (), fields, {})
    fields["self"] = circular
    assert repr(circular) == "JavaObject('a.B', fields: self)"
    assert repr(JavaObject("a.B", (), {}, {})) == "JavaObject('a.B', fields: none)"


def test_parts_are_counted() -> None:
    """Items of tuples and composites count, at every level."""
    value = (1, (2, 3), Composite({"a": 4}))
    assert has_at_most(7, [value])
    assert not has_at_most(6, [value])
    assert has_at_most(0, [])


def test_a_shared_part_counts_at_every_reference() -> None:
    """Forty levels of two references are 2^40 parts, and the count stops early."""
    value: Value = 1
    for _ in range(40):
        value = (value, value)
    assert not has_at_most(1 << 20, [value])


def test_the_nesting_is_bounded() -> None:
    """A value at the limit is allowed."""
    value: Value = 1
    for _ in range(MAX_DEPTH - 1):
        value = (value,)
    assert has_at_most(1000, [value])
    assert not has_at_most(1000, [(value,)])
