"""Errors of this library, by whose fault they are.

    JmxError
      RemoteProtocolError   the peer broke the protocol; the connection is dead
      LocalProtocolError    this side broke the protocol: a bug
      RemoteException       the Java side threw; the connection is usable
      ConnectionFailed      there is no connection, or it ended

Every error has an `error_class`: one of a few fixed words, for use as a tag or a field.
"""

from collections.abc import Mapping
from types import MappingProxyType

# `error_class` of Java exceptions; that of all others is "remote".
_ERROR_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "java.lang.SecurityException": "access",
        "javax.management.InstanceNotFoundException": "not_found",
        "java.rmi.NotBoundException": "not_bound",
        "java.rmi.NoSuchObjectException": "gone",
        "java.io.NotSerializableException": "unreadable",
        "java.io.Externalizable": "unreadable",
    }
)


class JmxError(Exception):
    """Base class of every error that this library raises for events on the wire."""

    error_class: str = "jmx"


class RemoteProtocolError(JmxError):
    """The peer violated the protocol; the connection is dead.

    `offset` is the byte of the reply where that was found, None if it was not in a reply.
    """

    error_class = "protocol"

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message if offset is None else f"at byte {offset}: {message}")
        self.offset = offset


class LocalProtocolError(JmxError):
    """A call that the protocol does not allow: a bug of the caller or of this library."""

    error_class = "local"


class RemoteException(JmxError):
    """The Java side threw an exception; the connection is usable.

    Methods that make several calls return it as a value. `java_class` is the class thrown,
    `message` its detail message, `cause` the exception that caused it.
    """

    def __init__(
        self, java_class: str, message: str | None, cause: "RemoteException | None" = None
    ) -> None:
        super().__init__(java_class, message)
        self.java_class = java_class
        self.message = message
        self.cause = cause
        self.error_class = _ERROR_CLASSES.get(java_class, "remote")

    def __str__(self) -> str:
        text = self.java_class if self.message is None else f"{self.java_class}: {self.message}"
        return text if self.cause is None else f"{text} (caused by {self.cause})"


class ConnectionFailed(JmxError):
    """There is no connection, or it ended.

    `error_class` is one of: `resolve` (no such host), `refused`, `unreachable`, `timeout`,
    `closed` (by the peer), `cancelled` (a call was cancelled, so later replies could not be matched
    to calls), `not_rmi` (something else listens there), `not_bound` (an RMI registry without JMX),
    `access` (credentials are missing or wrong), `tls` (one end requires TLS and the other does not
    use it, or a certificate was rejected), `remote` (the target refused for another reason),
    `unreachable_advertised` (the address that the target advertises does not lead to it).
    """

    def __init__(self, message: str, error_class: str) -> None:
        super().__init__(message)
        self.error_class = error_class
