"""Decoder for stubs: references to objects in a server.

A stub is an object of a subclass of `java.rmi.server.RemoteObject`, or a dynamic proxy whose
handler is one. The annotation of RemoteObject holds the UTF name of the reference's type, then for

    UnicastRef   UTF host, i32 port, ObjID (22 bytes), u8
    UnicastRef2  u8 format, UTF host, i32 port, where format is 1 a socket factory (an object),
                 ObjID, u8
"""

import struct
from dataclasses import dataclass

from jmxbridge.jmx import modified_utf8
from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.rmi.jrmp import OBJECT_ID_BYTES, Endpoint
from jmxbridge.jmx.values import JavaObject, Value

_FORMAT_PLAIN = 0
_FORMAT_WITH_FACTORY = 1


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """A remote object: the address its server advertises, and its ObjID there.

    `socket_factory` is the class that a Java client would connect with, None for plain TCP.
    """

    endpoint: Endpoint
    object_id: bytes
    socket_factory: str | None


def remote_ref(stub: Value) -> RemoteRef:
    """Return the reference in `stub`; raise RemoteProtocolError if it is not a stub."""
    written = _written(stub)
    data = _Block(b"".join(item for item in written if isinstance(item, bytes)))
    kind = data.utf()
    form = _FORMAT_PLAIN
    if kind == "UnicastRef2":
        form = data.u8()
    elif kind != "UnicastRef":
        raise RemoteProtocolError(f"a stub with a reference of unknown type {kind!r}")
    if form not in (_FORMAT_PLAIN, _FORMAT_WITH_FACTORY):
        raise RemoteProtocolError(f"a stub of unknown format {form}")
    endpoint = Endpoint(data.utf(), data.port())
    object_id = data.take(OBJECT_ID_BYTES)
    data.take(1)  # whether the stub is the result of a call: for distributed garbage collection
    factory = None
    if form == _FORMAT_WITH_FACTORY:
        factory = next((item for item in written if isinstance(item, JavaObject)), None)
        if factory is None:
            raise RemoteProtocolError("a stub without the socket factory it announces")
    return RemoteRef(endpoint, object_id, factory.class_name if factory else None)


def _written(stub: Value) -> tuple[Value | bytes, ...]:
    if isinstance(stub, JavaObject) and "java.lang.reflect.Proxy" in stub.superclasses:
        stub = stub.fields.get("h")
    if not isinstance(stub, JavaObject) or "java.rmi.server.RemoteObject" not in stub.annotations:
        raise RemoteProtocolError(f"expected a stub, got {stub!r}")
    return stub.annotations["java.rmi.server.RemoteObject"]


class _Block:
    """Cursor over the primitive data of a stub."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0

    def take(self, size: int) -> bytes:
        start = self._pos
        self._pos += size
        if self._pos > len(self._data):
            raise RemoteProtocolError(f"a stub that ends after {len(self._data)} bytes")
        return self._data[start : self._pos]

    def u8(self) -> int:
        return self.take(1)[0]

    def port(self) -> int:
        port: int = struct.unpack(">i", self.take(4))[0]
        if not 0 < port <= 0xFFFF:
            raise RemoteProtocolError(f"a stub that names port {port}")
        return port

    def utf(self) -> str:
        raw = self.take(int.from_bytes(self.take(2)))
        try:
            return modified_utf8.decode(raw)
        except UnicodeDecodeError:
            raise RemoteProtocolError(f"a stub with a name that is not UTF-8: {raw!r}") from None
