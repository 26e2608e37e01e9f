"""Converts Java Throwables to RemoteException values."""

from typing import TypeGuard

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.serialization.reader import ReplyReader
from jmxbridge.jmx.values import JavaObject, Value

# Fields that hold the cause of an exception; the last three predate Throwable's `cause`.
_CAUSE_FIELDS = ("cause", "detail", "exception", "runtimeException", "error")
# Real chains are less than 5 long; a peer could send a circular one.
_MAX_CAUSES = 10


def remote_exception(r: ReplyReader, thrown: Value) -> RemoteException:
    """Return the exception for `thrown`; raise RemoteProtocolError if it is not a Throwable."""
    if not _is_throwable(thrown):
        raise r.bad("an exceptional reply without an exception")
    return _exception(thrown, _MAX_CAUSES)


def _exception(thrown: JavaObject, causes_left: int) -> RemoteException:
    message = thrown.fields.get("detailMessage")
    cause = None if causes_left == 0 else _cause(thrown)
    return RemoteException(
        thrown.class_name,
        message if isinstance(message, str) else None,
        None if cause is None else _exception(cause, causes_left - 1),
    )


def _cause(thrown: JavaObject) -> JavaObject | None:
    """Return the cause, or None; a Throwable without a cause refers to itself."""
    for field in _CAUSE_FIELDS:
        cause = thrown.fields.get(field)
        if cause is not thrown and _is_throwable(cause):
            return cause
    return None


def _is_throwable(value: Value) -> TypeGuard[JavaObject]:
    return isinstance(value, JavaObject) and value.is_a("java.lang.Throwable")
