"""Stubs: where a server says its object is, and everything that is none."""

import struct
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.stub import RemoteRef, remote_ref
from jmxbridge.jmx.values import JavaObject, Value

REMOTE_OBJECT = "java.rmi.server.RemoteObject"
ID = bytes(range(22))
FACTORY = JavaObject("some.Factory", (), {}, {})


def utf(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def stub(*written: Any) -> JavaObject:
    return JavaObject("Some_Stub", (REMOTE_OBJECT,), {}, {REMOTE_OBJECT: written})


def address(port: int = 9999) -> bytes:
    return utf("host") + struct.pack(">i", port)


def test_the_first_form() -> None:
    """UnicastRef: host, port, id."""
    ref = remote_ref(stub(utf("UnicastRef") + address() + ID + b"\x00"))
    assert ref == RemoteRef(Endpoint("host", 9999), ID, None)


def test_the_second_form_without_factory() -> None:
    """UnicastRef2 of format 0 is the same after one byte, also in several blocks."""
    ref = remote_ref(stub(utf("UnicastRef2"), b"\x00" + address(), ID + b"\x00"))
    assert ref == RemoteRef(Endpoint("host", 9999), ID, None)


def test_the_second_form_with_factory() -> None:
    """Format 1 has the object that makes sockets between port and id."""
    ref = remote_ref(stub(utf("UnicastRef2") + b"\x01" + address(), FACTORY, ID + b"\x00"))
    assert ref == RemoteRef(Endpoint("host", 9999), ID, "some.Factory")


def test_a_proxy() -> None:
    """A dynamic proxy refers by its handler."""
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
def test_what_is_no_stub(value: Value, words: str) -> None:
    """Anything else in its place is refused, and said."""
    with pytest.raises(RemoteProtocolError, match=words):
        remote_ref(value)


def test_an_endpoint_is_written_as_people_do() -> None:
    """IPv6 addresses go in brackets."""
    assert str(Endpoint("broker-1", 9999)) == "broker-1:9999"
    assert str(Endpoint("::1", 9999)) == "[::1]:9999"
