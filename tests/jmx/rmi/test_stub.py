"""Stubs: the reference to a remote object, and malformed ones."""

import struct
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.stub import RemoteRef, remote_ref
from jmxbridge.jmx.values import JavaObject, Value
from tests.jmx.java_bytes import utf

REMOTE_OBJECT = "java.rmi.server.RemoteObject"
ID = bytes(range(22))
FACTORY = JavaObject("some.Factory", (), {}, {})


def stub(*written: Any) -> JavaObject:
    """Return a stub whose RemoteObject wrote these blocks and objects."""
    return JavaObject("Some_Stub", (REMOTE_OBJECT,), {}, {REMOTE_OBJECT: written})


def address(port: int = 9999) -> bytes:
    """Return the host and port of a reference."""
    return utf("host") + struct.pack(">i", port)


def test_unicast_ref() -> None:
    """UnicastRef is host, port and id."""
    ref = remote_ref(stub(utf("UnicastRef") + address() + ID + b"\x00"))
    assert ref == RemoteRef(Endpoint("host", 9999), ID, None)


def test_unicast_ref2_without_a_factory() -> None:
    """Format 0 is a byte and then the same as UnicastRef, also in several blocks."""
    ref = remote_ref(stub(utf("UnicastRef2"), b"\x00" + address(), ID + b"\x00"))
    assert ref == RemoteRef(Endpoint("host", 9999), ID, None)


def test_unicast_ref2_with_a_factory() -> None:
    """Format 1 has a socket factory, an object, between port and id."""
    ref = remote_ref(stub(utf("UnicastRef2") + b"\x01" + address(), FACTORY, ID + b"\x00"))
    assert ref == RemoteRef(Endpoint("host", 9999), ID, "some.Factory")


def test_a_proxy_refers_by_its_handler() -> None:
    """The handler of a dynamic proxy is a stub."""
    handler = stub(utf("UnicastRef") + address() + ID + b"\x00")
    proxy = JavaObject("$Proxy(A)", ("java.lang.reflect.Proxy",), {"h": handler}, {})
    assert remote_ref(proxy).endpoint == Endpoint("host", 9999)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "expected a stub"),
        ("text", "expected a stub"),
        (JavaObject("a.B", (), {}, {}), "expected a stub"),
        (JavaObject("$Proxy()", ("java.lang.reflect.Proxy",), {}, {}), "expected a stub"),
        (stub(), "ends after 0 bytes"),
        (stub(utf("UnicastRef")), "ends after 12 bytes"),
        (stub(utf("UnicastRef") + address() + ID), "ends after"),
        (stub(utf("ActivatableRef") + address() + ID), "'ActivatableRef'"),
        (stub(utf("UnicastRef2") + b"\x02" + address() + ID + b"\x00"), "format 2"),
        (stub(utf("UnicastRef2") + b"\x01" + address() + ID + b"\x00"), "socket factory"),
        (stub(utf("UnicastRef") + address(0) + ID + b"\x00"), "port 0"),
        (stub(utf("UnicastRef") + address(65536) + ID + b"\x00"), "port 65536"),
        (stub(utf("UnicastRef") + b"\x00\x01\xff" + bytes(27)), "not UTF-8"),
    ],
)
def test_a_malformed_stub_is_rejected(value: Value, words: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(RemoteProtocolError, match=words):
        remote_ref(value)
