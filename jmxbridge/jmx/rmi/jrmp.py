"""JRMP frames of calls and replies: Java RMI Wire Protocol, section 10.2.

    client  "JRMI" 2 StreamProtocol     server  ProtocolAck, the client's address as seen there
    client  its own address (empty)
    client  Call, object stream         server  Return, object stream; in the order of the calls

No frame has a length: a reply ends where its object ends.
"""

import struct
from dataclasses import dataclass

from jmxbridge.jmx.constants import (
    CALL,
    EXCEPTIONAL_RETURN,
    JRMI_HEADER,
    NORMAL_RETURN,
    PROTOCOL_ACK,
    PROTOCOL_NOT_SUPPORTED,
    RETURN,
    STREAM_HEADER,
    STREAM_PROTOCOL,
    TC_BLOCKDATA,
    TC_RESET,
)
from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.serialization.decoder import WriteAborted, read_content
from jmxbridge.jmx.serialization.reader import ReplyReader, Steps
from jmxbridge.jmx.serialization.throwables import remote_exception
from jmxbridge.jmx.values import Value

HELLO = JRMI_HEADER + bytes((STREAM_PROTOCOL,))
# The client's own address, an empty host and port 0: a server never calls this client back.
CLIENT_ENDPOINT = bytes(6)

OBJECT_ID_BYTES = 22
UID_BYTES = 14
REGISTRY_ID = bytes(OBJECT_ID_BYTES)
METHOD_BY_HASH = -1

_CALL_HEAD = struct.Struct(f">B4sBB{OBJECT_ID_BYTES}siq")
_CALL_BLOCK_BYTES = OBJECT_ID_BYTES + 4 + 8
_RETURN_BLOCK_BYTES = 1 + UID_BYTES
_RETURN_HEAD = bytes((RETURN,)) + STREAM_HEADER + bytes((TC_BLOCKDATA, _RETURN_BLOCK_BYTES))
# Size of a reply up to and including the byte that tells a value from an exception; then the UID.
RETURN_VALUE_BYTES = len(_RETURN_HEAD) + 1
_RETURN_BYTES = len(_RETURN_HEAD) + _RETURN_BLOCK_BYTES

# A TLS record of type alert, any version: the answer of a TLS server to a plain greeting.
TLS_ALERT = b"\x15\x03"
# First bytes of other servers, to recognise a wrong port.
_OTHER_SERVERS = (
    (b"HTTP/", "an HTTP server"),
    (b"SSH-", "an SSH server"),
    (TLS_ALERT, "a TLS server"),
)
_SHOWN_BYTES = 16


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def call(object_id: bytes, operation: int, method_hash: int, *arguments: bytes) -> bytes:
    """Return a call's bytes; `operation` is a number of the interface, or METHOD_BY_HASH.

    `arguments` are encoded objects.
    """
    head = _CALL_HEAD.pack(
        CALL, STREAM_HEADER, TC_BLOCKDATA, _CALL_BLOCK_BYTES, object_id, operation, method_hash
    )
    return head + b"".join(arguments)


def read_ack(r: ReplyReader) -> Steps[Endpoint]:
    """ProtocolAck: return the address of this client as the server sees it."""
    if r.short(1):
        yield from r.need(1)
    tag = r.buf[r.pos]
    if tag == PROTOCOL_NOT_SUPPORTED:
        raise r.bad("the server does not speak RMI's stream protocol")
    if tag != PROTOCOL_ACK:
        raise r.bad(f"expected RMI's ProtocolAck (0x4e), got {_describe_bytes(r)}")
    r.pos += 1
    host = yield from r.read_utf()
    if r.short(4):
        yield from r.need(4)
    return Endpoint(host, r.i32())


def read_return(r: ReplyReader, is_void: bool) -> Steps[Value | RemoteException]:
    """Return, of which the first byte is present: the value or the exception.

    None for a void method.
    """
    if r.buf[r.pos] != RETURN:
        raise r.bad(f"expected a reply (0x51), got {_describe_bytes(r)}")
    if r.short(_RETURN_BYTES):
        yield from r.need(_RETURN_BYTES)
    if not r.buf.startswith(_RETURN_HEAD, r.pos):
        raise r.bad(f"expected a reply without a primitive value, got {_describe_bytes(r)}")
    kind = r.buf[r.pos + len(_RETURN_HEAD)]
    r.pos += _RETURN_BYTES
    if kind not in (NORMAL_RETURN, EXCEPTIONAL_RETURN):
        raise r.bad(f"a reply of unknown kind 0x{kind:02x}")
    if kind == NORMAL_RETURN and is_void:
        return None
    try:
        value = yield from _read_result(r)
    except WriteAborted as aborted:
        return remote_exception(r, aborted.thrown)
    r.check_size()
    return value if kind == NORMAL_RETURN else remote_exception(r, value)


def _read_result(r: ReplyReader) -> Steps[Value]:
    while True:
        if r.short(1):
            yield from r.need(1)
        if r.buf[r.pos] != TC_RESET:
            return (yield from read_content(r, 0))
        r.pos += 1
        r.handles.clear()


def _describe_bytes(r: ReplyReader) -> str:
    shown = r.buf[r.pos : r.pos + _SHOWN_BYTES]
    server = next((name for start, name in _OTHER_SERVERS if shown.startswith(start)), None)
    return f"{shown!r}" if server is None else f"{shown!r} (of {server}?)"
