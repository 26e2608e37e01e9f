"""What the Java side threw, as an exception value."""

from typing import TypeGuard

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.serialization.reader import Reader
from jmxbridge.jmx.values import JavaObject, Value

# Where exceptions keep what they were caused by; the last three are older than Throwable's `cause`.
_CAUSES = ("cause", "detail", "exception", "runtimeException", "error")
# Chains in practice are under 5 long; a peer could make one that goes round.
_MAX_CAUSES = 10


def remote_exception(r: Reader, thrown: Value) -> RemoteException:
    """Return what was thrown; RemoteProtocolError when that is no Throwable."""
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
    """Return the cause; a Throwable without one names itself."""
    for field in _CAUSES:
        cause = thrown.fields.get(field)
        if cause is not thrown and _is_throwable(cause):
            return cause
    return None


def _is_throwable(value: Value) -> TypeGuard[JavaObject]:
    return isinstance(value, JavaObject) and value.is_a("java.lang.Throwable")
