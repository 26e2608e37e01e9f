"""Errors: classes, words, messages."""

import pytest

from jmxbridge.jmx.errors import (
    ConnectionFailed,
    JmxError,
    LocalProtocolError,
    RemoteException,
    RemoteProtocolError,
)


@pytest.mark.parametrize(
    ("error", "word", "text"),
    [
        (RemoteProtocolError("odd", 7), "protocol", "at byte 7: odd"),
        (RemoteProtocolError("odd"), "protocol", "odd"),
        (LocalProtocolError("ours"), "local", "ours"),
        (ConnectionFailed("no", "refused"), "refused", "no"),
        (RemoteException("a.B", "c"), "remote", "a.B: c"),
        (RemoteException("a.B", None), "remote", "a.B"),
        (
            RemoteException("a.B", "c", RemoteException("d.E", None)),
            "remote",
            "a.B: c (caused by d.E)",
        ),
        (RemoteException("java.lang.SecurityException", "x"), "access", None),
        (RemoteException("javax.management.InstanceNotFoundException", "x"), "not_found", None),
    ],
)
def test_each_error_has_an_error_class_and_a_message(
    error: JmxError, word: str, text: str | None
) -> None:
    """All have one base class."""
    assert isinstance(error, JmxError)
    assert error.error_class == word
    if text is not None:
        assert str(error) == text
