"""What each call sends, and what it takes for an answer."""

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import calls
from jmxbridge.jmx.rmi.calls import AttributeCalls
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.values import Composite, JavaObject, Value

NAME = ObjectName.parse("d:b=1,a=2")

# The numbers that the JDK's own stubs use (javap -c of RMIServerImpl_Stub, RMIConnectionImpl_Stub).
JDK_HASHES = [
    (calls.NEW_CLIENT, -1089742558549201240),
    (calls.QUERY_NAMES, 9152567528369059802),
    (calls.GET_MBEAN_INFO, -7404813916326233354),
    (calls.GET_ATTRIBUTES, 6285293806596348999),
    (calls.GET_DEFAULT_DOMAIN, 6047668923998658472),
    (calls.GET_MBEAN_COUNT, -2042362057335820635),
    (calls.CLOSE, -4742752445160157748),
]


@pytest.mark.parametrize(("ours", "jdk"), JDK_HASHES)
def test_method_hashes(ours: int, jdk: int) -> None:
    """The hash computed from a signature is the one the JDK calls that method by."""
    assert ours == jdk


def test_lookup_is_byte_for_byte(connection_ref: RemoteRef) -> None:
    """A call is its frame, object id, operation, hash, and then the arguments as objects."""
    assert calls.lookup("jmxrmi").request == (
        b"\x50\xac\xed\x00\x05\x77\x22"
        + bytes(22)
        + b"\x00\x00\x00\x02"
        + b"\x44\x15\x4d\xc9\xd4\xe6\x3b\xdf"
        + b"\x74\x00\x06jmxrmi"
    )


def test_a_request_for_attributes_is_byte_for_byte(connection_ref: RemoteRef) -> None:
    """The name goes in canonical form; class descriptors carry RMI's null annotation."""
    request = calls.get_attributes(connection_ref, NAME, ["A", "é"]).request
    assert request == (
        b"\x50\xac\xed\x00\x05\x77\x22"
        + b"\x07" * 22
        + b"\xff\xff\xff\xff"
        + calls.GET_ATTRIBUTES.to_bytes(8, "big", signed=True)
        + b"\x73\x72\x00\x1bjavax.management.ObjectName\x0f\x03\xa7\x1b\xeb\x6d\x15\xcf\x03\x00\x00"
        + b"\x70\x78\x70\x74\x00\x09d:a=2,b=1\x78"
        + b"\x75\x72\x00\x13[Ljava.lang.String;\xad\xd2\x56\xe7\xe9\x1d\x7b\x47\x02\x00\x00"
        + b"\x70\x78\x70\x00\x00\x00\x02\x74\x00\x01A\x74\x00\x02\xc3\xa9"
        + b"\x70"
    )


def test_all_names_are_asked_for_with_null(connection_ref: RemoteRef) -> None:
    """No pattern, no query, no subject: three nulls."""
    assert calls.query_names(connection_ref, None).request.endswith(b"\x70\x70\x70")


def test_long_strings_have_a_long_length(connection_ref: RemoteRef) -> None:
    """Above 65,535 bytes a string is written with eight bytes of length."""
    request = calls.get_attributes(connection_ref, NAME, ["é" * 40_000]).request
    assert b"\x7c\x00\x00\x00\x00\x00\x01\x38\x80\xc3\xa9" in request


def test_requests_are_made_once(connection_ref: RemoteRef, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same question is the same bytes; what is kept is bounded by its size."""
    attribute_calls = AttributeCalls(connection_ref)
    first = attribute_calls.call(NAME, ["A", "B"])
    assert attribute_calls.call(ObjectName.parse("d:a=2,b=1"), ("A", "B")) is first
    assert attribute_calls.call(NAME, ["A"]) is not first
    monkeypatch.setattr(calls, "MAX_CACHED_BYTES", 100)
    attribute_calls.call(NAME, ["C"])
    again = attribute_calls.call(NAME, ["A", "B"])
    assert again is not first
    assert again.request == first.request


@pytest.mark.parametrize("value", ["text", (1,), (ObjectName.parse("d:a=b"), None)])
def test_names_must_be_names(value: Value, connection_ref: RemoteRef) -> None:
    """Anything but a collection of ObjectNames is no answer to queryNames."""
    with pytest.raises(RemoteProtocolError, match="queryNames"):
        calls.query_names(connection_ref, None).read(value)


@pytest.mark.parametrize("value", [None, (), JavaObject("a.B", (), {}, {})])
def test_attributes_must_be_a_list_of_attributes(value: Value, connection_ref: RemoteRef) -> None:
    """Anything but an AttributeList is no answer to getAttributes."""
    with pytest.raises(RemoteProtocolError, match="getAttributes"):
        calls.get_attributes(connection_ref, NAME, []).read(value)


@pytest.mark.parametrize("value", [None, True, 1.0, "1"])
def test_a_count_is_a_whole_number(value: Value, connection_ref: RemoteRef) -> None:
    """Anything but an integer is no answer to getMBeanCount."""
    assert calls.get_mbean_count(connection_ref).read(7) == 7
    with pytest.raises(RemoteProtocolError, match="getMBeanCount"):
        calls.get_mbean_count(connection_ref).read(value)


def test_a_default_domain_is_text(connection_ref: RemoteRef) -> None:
    """Anything but a string is no answer to getDefaultDomain."""
    with pytest.raises(RemoteProtocolError, match="getDefaultDomain"):
        calls.get_default_domain(connection_ref).read(1)


INFO = "javax.management.MBeanInfo"
ATTRIBUTE = "javax.management.MBeanAttributeInfo"


@pytest.mark.parametrize(
    "value",
    [
        None,
        Composite({}),
        JavaObject("a.B", (), {}, {}),
        JavaObject(INFO, (), {"attributes": 1}, {}),
        JavaObject(INFO, (), {"attributes": (None,)}, {}),
        JavaObject(INFO, (), {"attributes": (JavaObject(ATTRIBUTE, (), {}, {}),)}, {}),
    ],
)
def test_an_info_must_be_one(value: Value, connection_ref: RemoteRef) -> None:
    """Anything but an MBeanInfo with named attributes is no answer to getMBeanInfo."""
    with pytest.raises(RemoteProtocolError):
        calls.get_mbean_info(connection_ref, NAME).read(value)


def test_an_info_may_say_little(connection_ref: RemoteRef) -> None:
    """Descriptions and attributes may be null in Java."""
    read = calls.get_mbean_info(connection_ref, NAME).read
    info = read(JavaObject("a.B", (INFO,), {"attributes": None, "className": None}, {}))
    assert (info.class_name, info.description, info.attributes) == ("", None, ())
