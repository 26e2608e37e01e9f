"""Converts the reply to `getMBeanInfo` to an MBeanInfo."""

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.values import AttributeInfo, JavaObject, MBeanInfo, Value

_MBEAN_INFO = "javax.management.MBeanInfo"
_ATTRIBUTE_INFO = "javax.management.MBeanAttributeInfo"


def mbean_info(value: Value) -> MBeanInfo:
    """Return the MBeanInfo; raise RemoteProtocolError if `value` is none.

    Operations, constructors, notifications and descriptors are ignored.
    """
    info = _of_class(value, _MBEAN_INFO)
    attributes = info.fields.get("attributes")
    if attributes is None:
        attributes = ()
    if not isinstance(attributes, tuple):
        raise RemoteProtocolError(f"attributes of an MBeanInfo that are {attributes!r}")
    return MBeanInfo(
        class_name=_text(info, "className") or "",
        description=_text(info, "description"),
        attributes=tuple(_attribute_info(item) for item in attributes),
    )


def _attribute_info(value: Value) -> AttributeInfo:
    info = _of_class(value, _ATTRIBUTE_INFO)
    name = _text(info, "name")
    if name is None:
        raise RemoteProtocolError("an attribute without a name in an MBeanInfo")
    return AttributeInfo(
        name=name,
        type=_text(info, "attributeType") or "",
        description=_text(info, "description"),
        readable=info.fields.get("isRead") is True,
        writable=info.fields.get("isWrite") is True,
    )


def _of_class(value: Value, class_name: str) -> JavaObject:
    if not isinstance(value, JavaObject) or not value.is_a(class_name):
        raise RemoteProtocolError(f"expected a {class_name}, got {value!r}")
    return value


def _text(info: JavaObject, field: str) -> str | None:
    text = info.fields.get(field)
    return text if isinstance(text, str) else None
