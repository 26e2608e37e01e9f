"""Java objects that a client sends, byte for byte."""

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.serialization import encoder


def test_a_string_has_two_bytes_of_length() -> None:
    """The length counts bytes of modified UTF-8."""
    assert encoder.string("é") == b"\x74\x00\x02\xc3\xa9"


def test_a_long_string_has_eight_bytes_of_length() -> None:
    """A string of more than 65,535 bytes is a TC_LONGSTRING."""
    assert encoder.string("x" * 65_535)[:3] == b"\x74\xff\xff"
    raw = encoder.string("é" * 40_000)
    assert raw[:9] == b"\x7c\x00\x00\x00\x00\x00\x01\x38\x80"
    assert len(raw) == 9 + 80_000


def test_an_object_name_is_its_canonical_text() -> None:
    """The text stands in the annotation of the class; its descriptor has RMI's null annotation."""
    assert encoder.object_name(ObjectName.parse("d:b=1,a=2")) == (
        b"\x73\x72\x00\x1bjavax.management.ObjectName\x0f\x03\xa7\x1b\xeb\x6d\x15\xcf\x03\x00\x00"
        b"\x70\x78\x70\x74\x00\x09d:a=2,b=1\x78"
    )


def test_a_string_array() -> None:
    """Its descriptor has RMI's null annotation too."""
    assert encoder.string_array(["A", "é"]) == (
        b"\x75\x72\x00\x13[Ljava.lang.String;\xad\xd2\x56\xe7\xe9\x1d\x7b\x47\x02\x00\x00"
        b"\x70\x78\x70\x00\x00\x00\x02\x74\x00\x01A\x74\x00\x02\xc3\xa9"
    )


def test_null() -> None:
    """TC_NULL."""
    assert encoder.NULL == b"\x70"
