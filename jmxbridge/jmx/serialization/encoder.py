"""What a client writes of Java's object stream: strings, string arrays, ObjectNames and null.

Rule: nothing written here uses a handle, so parts can be made once, kept, and put together in any
order. A class descriptor carries the null annotation of RMI's marshalling stream; without it the
server answers `OptionalDataException`.
"""

import struct
from collections.abc import Sequence

from jmxbridge.jmx import modified_utf8
from jmxbridge.jmx.constants import (
    SC_SERIALIZABLE,
    SC_WRITE_METHOD,
    TC_ARRAY,
    TC_CLASSDESC,
    TC_ENDBLOCKDATA,
    TC_LONGSTRING,
    TC_NULL,
    TC_OBJECT,
    TC_STRING,
)
from jmxbridge.jmx.object_name import ObjectName

_U16_MAX = 0xFFFF
_END = bytes((TC_ENDBLOCKDATA,))
NULL = bytes((TC_NULL,))


def utf(text: str) -> bytes:
    """Write `text`, of at most 65,535 bytes, as `DataOutput.writeUTF`."""
    raw = modified_utf8.encode(text)
    return struct.pack(">H", len(raw)) + raw


def string(text: str) -> bytes:
    """Write a String object: newString, section 6.4.2."""
    raw = modified_utf8.encode(text)
    if len(raw) > _U16_MAX:
        return struct.pack(">BQ", TC_LONGSTRING, len(raw)) + raw
    return struct.pack(">BH", TC_STRING, len(raw)) + raw


def class_desc(name: str, serial_version_uid: int, flags: int) -> bytes:
    """Write a class without fields and without a serializable superclass."""
    head = bytes((TC_CLASSDESC,)) + utf(name)
    return head + struct.pack(">qBH", serial_version_uid, flags, 0) + NULL + _END + NULL


_OBJECT_NAME = bytes((TC_OBJECT,)) + class_desc(
    "javax.management.ObjectName", 1081892073854801359, SC_SERIALIZABLE | SC_WRITE_METHOD
)
_STRING_ARRAY = bytes((TC_ARRAY,)) + class_desc(
    "[Ljava.lang.String;", -5921575005990323385, SC_SERIALIZABLE
)


def object_name(name: ObjectName) -> bytes:
    """Write a name or pattern; its serialized form is its text, in its class's annotation."""
    return _OBJECT_NAME + string(name.canonical) + _END


def string_array(texts: Sequence[str]) -> bytes:
    """Write a String[]."""
    return _STRING_ARRAY + struct.pack(">i", len(texts)) + b"".join(map(string, texts))
