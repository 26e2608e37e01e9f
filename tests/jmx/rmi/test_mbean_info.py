"""MBeanInfo values of replies to getMBeanInfo."""

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.mbean_info import mbean_info
from jmxbridge.jmx.values import AttributeInfo, Composite, JavaObject, Value

INFO = "javax.management.MBeanInfo"


ATTRIBUTE = "javax.management.MBeanAttributeInfo"


@pytest.mark.parametrize(
    "value",
    [
        None,
        Composite({}),
        JavaObject("a.B", (), {}, {}),
        JavaObject(INFO, (), {"attributes": 1}, {}),
        JavaObject(INFO, (), {"attributes": (None,)}, {}),
        JavaObject(INFO, (), {"attributes": (JavaObject(ATTRIBUTE, (), {}, {}),)}, {}),
    ],
)
def test_anything_but_an_mbean_info_is_rejected(value: Value) -> None:
    """The value must be an MBeanInfo whose attributes have names."""
    with pytest.raises(RemoteProtocolError):
        mbean_info(value)


def test_null_parts_are_accepted() -> None:
    """Class name, description and attributes may be null in Java."""
    info = mbean_info(JavaObject("a.B", (INFO,), {"attributes": None, "className": None}, {}))
    assert (info.class_name, info.description, info.attributes) == ("", None, ())


def test_attributes_have_types_and_flags() -> None:
    """A flag that is missing counts as false."""
    fields: dict[str, Value] = {"name": "A", "attributeType": "int", "isRead": True}
    info = mbean_info(
        JavaObject(INFO, (), {"attributes": (JavaObject(ATTRIBUTE, (), fields, {}),)}, {})
    )
    assert info.attributes == (AttributeInfo("A", "int", None, readable=True, writable=False),)
