"""Java exceptions as RemoteException values."""

from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.serialization.reader import Limits, ReplyReader
from jmxbridge.jmx.serialization.throwables import remote_exception
from jmxbridge.jmx.values import JavaObject, Value


@pytest.fixture
def reader() -> ReplyReader:
    """A reader, which errors take the offset from."""
    return ReplyReader(KnownClasses({}, ()), Limits())


def throwable(class_name: str, **fields: Value) -> JavaObject:
    """Return a Throwable with these fields."""
    return JavaObject(class_name, ("java.lang.Throwable",), fields, {})


def test_class_message_and_cause_are_kept(reader: ReplyReader) -> None:
    """A message may be null."""
    thrown = throwable("a.B", detailMessage="text", cause=throwable("c.D", detailMessage=None))
    exception = remote_exception(reader, thrown)
    assert (exception.java_class, exception.message) == ("a.B", "text")
    assert exception.cause is not None
    assert (exception.cause.java_class, exception.cause.message) == ("c.D", None)
    assert exception.cause.cause is None


@pytest.mark.parametrize("field", ["cause", "detail", "exception", "runtimeException", "error"])
def test_a_cause_may_be_in_an_older_field(field: str, reader: ReplyReader) -> None:
    """RemoteException, NamingException and others predate Throwable's `cause`."""
    exception = remote_exception(reader, throwable("a.B", **{field: throwable("c.D")}))
    assert exception.cause is not None
    assert exception.cause.java_class == "c.D"


def test_a_throwable_that_is_its_own_cause_has_none(reader: ReplyReader) -> None:
    """Java writes it that way if no cause was set."""
    fields: dict[str, Any] = {}
    thrown = JavaObject("a.B", ("java.lang.Throwable",), fields, {})
    fields["cause"] = thrown
    assert remote_exception(reader, thrown).cause is None


def test_circular_causes_are_cut(reader: ReplyReader) -> None:
    """Two exceptions that cause each other become a chain that ends."""
    fields: dict[str, Any] = {}
    thrown = JavaObject("a.B", ("java.lang.Throwable",), fields, {})
    fields["cause"] = throwable("c.D", cause=thrown)
    length = 0
    exception = remote_exception(reader, thrown)
    while exception.cause is not None:
        exception, length = exception.cause, length + 1
    assert length == 10


@pytest.mark.parametrize("value", [None, "text", JavaObject("a.B", (), {}, {})])
def test_anything_but_a_throwable_is_rejected(value: Value, reader: ReplyReader) -> None:
    """An exceptional reply must hold an exception."""
    with pytest.raises(RemoteProtocolError, match="without an exception"):
        remote_exception(reader, value)
