"""Builders of Java serialization streams, as RMI writes them."""

import struct

NULL = b"\x70"
# Offset of the object in a reply: after the tag, the stream header and 17 bytes of block data.
OBJECT_OFFSET = 22


def utf(text: str) -> bytes:
    """Return a text as `DataOutput.writeUTF` writes it."""
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def string(text: str) -> bytes:
    """Return a String object."""
    return b"\x74" + utf(text)


def ref(index: int) -> bytes:
    """Return a reference to the handle with this index."""
    return b"\x71" + struct.pack(">I", 0x7E0000 + index)


def class_desc(name: str, *fields: bytes, flags: int = 2, superclass: bytes = NULL) -> bytes:
    """Return a class descriptor with the null annotation that RMI writes."""
    head = b"\x72" + utf(name) + bytes(8) + bytes((flags,)) + struct.pack(">H", len(fields))
    return head + b"".join(fields) + b"\x70\x78" + superclass


def field(code: str, name: str, type_name: bytes = b"") -> bytes:
    """Return a field of a class descriptor; the type name of an object is a String object."""
    return code.encode() + utf(name) + type_name


def array(class_name: str, size: int, items: bytes) -> bytes:
    """Return an array of a class that says its size, and the bytes of its items."""
    return b"\x75" + class_desc(class_name) + struct.pack(">i", size) + items
