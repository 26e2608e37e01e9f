"""Remote calls: requests byte for byte, and the values that are accepted as replies."""

import pytest

from jmxbridge.jmx.errors import RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import calls
from jmxbridge.jmx.rmi.calls import AttributeCalls
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.values import JavaObject, Value

NAME = ObjectName.parse("d:b=1,a=2")

# Hashes in the JDK's own stubs (javap -c of RMIServerImpl_Stub, RMIConnectionImpl_Stub).


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
def test_method_hashes_are_those_of_the_jdk(ours: int, jdk: int) -> None:
    """The hash computed from a signature is the one in the JDK's stubs."""
    assert ours == jdk


def test_lookup_is_byte_for_byte(connection_ref: RemoteRef) -> None:
    """lookup is operation 2 of the registry."""
    assert calls.lookup("jmxrmi").request == (
        b"\x50\xac\xed\x00\x05\x77\x22"
        + bytes(22)
        + b"\x00\x00\x00\x02"
        + b"\x44\x15\x4d\xc9\xd4\xe6\x3b\xdf"
        + b"\x74\x00\x06jmxrmi"
    )


def test_get_attributes_is_byte_for_byte(connection_ref: RemoteRef) -> None:
    """The name is canonical; class descriptors carry the null annotation of RMI."""
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


def test_query_names_without_a_pattern_sends_nulls(connection_ref: RemoteRef) -> None:
    """No pattern, no query, no subject: three nulls."""
    assert calls.query_names(connection_ref, None).request.endswith(b"\x70\x70\x70")


def test_attribute_calls_are_cached(
    connection_ref: RemoteRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal names and attributes give the same call; the cache is bounded by bytes."""
    attribute_calls = AttributeCalls(connection_ref)
    first = attribute_calls.call(NAME, ["A", "B"])
    assert attribute_calls.call(ObjectName.parse("d:a=2,b=1"), ("A", "B")) is first
    assert attribute_calls.call(NAME, ["A"]) is not first
    monkeypatch.setattr(calls, "MAX_CACHED_BYTES", 100)
    attribute_calls.call(NAME, ["C"])
    again = attribute_calls.call(NAME, ["A", "B"])
    assert again is not first
    assert again.request == first.request


def test_attribute_calls_cache_the_last_tuple(connection_ref: RemoteRef) -> None:
    """The same tuple gives the same calls at once; a list may change and is read again."""
    attribute_calls = AttributeCalls(connection_ref)
    requests = ((NAME, ("A",)), (NAME, ("B",)))
    assert attribute_calls.all(requests) is attribute_calls.all(requests)
    listed = [(NAME, ("A",))]
    assert len(attribute_calls.all(listed)) == 1
    listed.append((NAME, ("B",)))
    assert len(attribute_calls.all(listed)) == 2


@pytest.mark.parametrize("value", ["text", (1,), (ObjectName.parse("d:a=b"), None)])
def test_query_names_accepts_names_only(value: Value, connection_ref: RemoteRef) -> None:
    """Anything but a collection of ObjectNames is rejected."""
    with pytest.raises(RemoteProtocolError, match="queryNames"):
        calls.query_names(connection_ref, None).read(value)


@pytest.mark.parametrize("value", [None, (), JavaObject("a.B", (), {}, {})])
def test_get_attributes_accepts_an_attribute_list_only(
    value: Value, connection_ref: RemoteRef
) -> None:
    """Anything but an AttributeList is rejected."""
    with pytest.raises(RemoteProtocolError, match="getAttributes"):
        calls.get_attributes(connection_ref, NAME, []).read(value)


@pytest.mark.parametrize("value", [None, True, 1.0, "1"])
def test_get_mbean_count_accepts_an_integer_only(value: Value, connection_ref: RemoteRef) -> None:
    """Anything but an integer is rejected, also a Boolean."""
    assert calls.get_mbean_count(connection_ref).read(7) == 7
    with pytest.raises(RemoteProtocolError, match="getMBeanCount"):
        calls.get_mbean_count(connection_ref).read(value)


def test_get_default_domain_accepts_a_string_only(connection_ref: RemoteRef) -> None:
    """Anything but a string is rejected."""
    with pytest.raises(RemoteProtocolError, match="getDefaultDomain"):
        calls.get_default_domain(connection_ref).read(1)
