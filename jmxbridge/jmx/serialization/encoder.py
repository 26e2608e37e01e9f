"""Encoder for the Java objects a client sends: strings, string arrays, ObjectNames and null.

Rule: nothing encoded here uses a handle, so parts can be made once, kept, and joined in any order.
A class descriptor carries the null annotation of RMI's marshalling stream; without it the server
answers with `OptionalDataException`.
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
    """Encode `text`, at most 65,535 bytes, as `DataOutput.writeUTF` does."""
    raw = modified_utf8.encode(text)
    return struct.pack(">H", len(raw)) + raw


def string(text: str) -> bytes:
    """Encode a String: newString, section 6.4.2."""
    raw = modified_utf8.encode(text)
    if len(raw) > _U16_MAX:
        return struct.pack(">BQ", TC_LONGSTRING, len(raw)) + raw
    return struct.pack(">BH", TC_STRING, len(raw)) + raw


def class_desc(name: str, serial_version_uid: int, flags: int) -> bytes:
    """Encode a class without fields and without a serializable superclass."""
    head = bytes((TC_CLASSDESC,)) + utf(name)
    return head + struct.pack(">qBH", serial_version_uid, flags, 0) + NULL + _END + NULL


_OBJECT_NAME = bytes((TC_OBJECT,)) + class_desc(
    "javax.management.ObjectName", 1081892073854801359, SC_SERIALIZABLE | SC_WRITE_METHOD
)
_STRING_ARRAY = bytes((TC_ARRAY,)) + class_desc(
    "[Ljava.lang.String;", -5921575005990323385, SC_SERIALIZABLE
)


def object_name(name: ObjectName) -> bytes:
    """Encode a name or pattern: its text, in the annotation of its class."""
    return _OBJECT_NAME + string(name.canonical) + _END


def string_array(texts: Sequence[str]) -> bytes:
    """Encode a String[]."""
    return _STRING_ARRAY + struct.pack(">i", len(texts)) + b"".join(map(string, texts))
