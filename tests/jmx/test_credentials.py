"""Credentials: where a password does not show."""

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.rmi.calls import new_client
from jmxbridge.jmx.rmi.stub import RemoteRef


def test_a_password_is_in_no_repr(connection_ref: RemoteRef) -> None:
    """Neither credentials nor the call that carries them show the password."""
    credentials = Credentials("me", "swordfish")
    call = new_client(connection_ref, credentials)
    assert b"swordfish" in call.request
    assert "swordfish" not in repr(credentials) + repr(call)


def test_the_password_of_a_key_is_in_no_repr() -> None:
    """TLS settings do not show it."""
    assert "swordfish" not in repr(Tls(key_password="swordfish"))  # noqa: S106 - of this test
