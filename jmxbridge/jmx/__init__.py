"""JMX client over RMI in pure Python; needs the standard library only."""

from jmxbridge.jmx.connection import Connection, connect
from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import (
    ConnectionFailed,
    JmxError,
    LocalProtocolError,
    RemoteException,
    RemoteProtocolError,
)
from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName, quote, unquote
from jmxbridge.jmx.values import AttributeInfo, Composite, JavaObject, MBeanInfo, Value

__all__ = [
    "AttributeInfo",
    "Composite",
    "Connection",
    "ConnectionFailed",
    "Credentials",
    "JavaObject",
    "JmxError",
    "LocalProtocolError",
    "MBeanInfo",
    "MalformedObjectName",
    "ObjectName",
    "RemoteException",
    "RemoteProtocolError",
    "Tls",
    "Value",
    "connect",
    "quote",
    "unquote",
]
