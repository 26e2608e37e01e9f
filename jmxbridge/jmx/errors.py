"""What can go wrong, by whose fault it is.

    JmxError
      RemoteProtocolError   the peer broke the protocol; the connection is dead
      LocalProtocolError    we did: a bug
      RemoteException       the Java side threw; the connection is fine
      ConnectionFailed      no connection, or no longer one

Every error has an `error_class`: one short word for a tag or a field, fixed and few.
"""

from collections.abc import Mapping
from types import MappingProxyType

# Which Java exceptions have a word of their own; all others are "remote".
_WORDS: Mapping[str, str] = MappingProxyType(
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
    """The root of every error this library raises for what happens on the wire."""

    error_class: str = "jmx"


class RemoteProtocolError(JmxError):
    """The peer sent what the protocol does not allow; the connection is dead.

    `offset` is the byte of the reply at which it shows, where there is one.
    """

    error_class = "protocol"

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message if offset is None else f"at byte {offset}: {message}")
        self.offset = offset


class LocalProtocolError(JmxError):
    """We were asked for what the protocol does not allow: a bug of the caller or ours."""

    error_class = "local"


class RemoteException(JmxError):
    """The Java side threw; the connection is fine.

    Returned as a value where several calls are answered together. `java_class` is the class thrown,
    `message` its detail message, `cause` what it was caused by.
    """

    def __init__(
        self, java_class: str, message: str | None, cause: "RemoteException | None" = None
    ) -> None:
        super().__init__(java_class, message)
        self.java_class = java_class
        self.message = message
        self.cause = cause
        self.error_class = _WORDS.get(java_class, "remote")

    def __str__(self) -> str:
        text = self.java_class if self.message is None else f"{self.java_class}: {self.message}"
        return text if self.cause is None else f"{text} (caused by {self.cause})"


class ConnectionFailed(JmxError):
    """There is no connection, or no longer one.

    `error_class` is one of: `resolve` (no such host), `refused`, `unreachable`, `timeout`,
    `closed` (by the peer), `cancelled` (a call was given up, so answers can no longer be told
    apart), `not_rmi` (something else listens there), `not_bound` (an RMI registry without JMX),
    `access` (credentials are missing or wrong), `tls` (one end wants TLS and the other does not, or
    they do not agree on certificates), `remote` (the target refused for another reason),
    `unreachable_advertised` (the address that the target advertises does not lead to it).
    """

    def __init__(self, message: str, error_class: str) -> None:
        super().__init__(message)
        self.error_class = error_class
