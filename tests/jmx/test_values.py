"""The Python values that JMX values become."""

from jmxbridge.jmx.values import Composite, JavaObject


def test_a_composite_is_a_mapping() -> None:
    """It is read like any mapping and equal to another with the same items."""
    composite = Composite({"used": 1, "max": -1})
    assert composite["used"] == 1
    assert dict(composite) == {"used": 1, "max": -1}
    assert len(composite) == 2
    assert composite == Composite({"max": -1, "used": 1})
    assert composite != Composite({"used": 1})


def test_a_java_object_knows_its_ancestors() -> None:
    """It is of its own class and of every class above."""
    thrown = JavaObject("a.B", ("java.lang.Exception", "java.lang.Throwable"), {}, {})
    assert thrown.is_a("a.B")
    assert thrown.is_a("java.lang.Throwable")
    assert not thrown.is_a("java.lang.Error")


def test_a_java_object_that_holds_itself_can_be_shown() -> None:
    """Its text names its class and fields, never what is in them."""
    fields: dict[str, JavaObject | None] = {}
    circular = JavaObject("a.B", (), fields, {})
    fields["self"] = circular
    assert repr(circular) == "JavaObject('a.B', fields: self)"
    assert repr(JavaObject("a.B", (), {}, {})) == "JavaObject('a.B', fields: none)"
