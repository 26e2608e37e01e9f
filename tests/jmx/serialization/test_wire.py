"""Captured replies of real JVMs: whole, in pieces, and followed by other bytes."""

from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteException, RemoteProtocolError
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import calls
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Protocol
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.values import AttributeInfo, MBeanInfo

REFERENCE = RemoteRef(Endpoint("127.0.0.1", 1), bytes(22), None)
NAME = ObjectName.parse("odd:type=Any")
ATTRIBUTES = calls.get_attributes(REFERENCE, NAME, ["Any"])
LOOKUP = calls.lookup("jmxrmi")
NEW_CLIENT = calls.new_client(REFERENCE)


def java(class_name: str, *fields: str) -> tuple[str, str, tuple[str, ...]]:
    return ("java", class_name, fields)


THROWABLE = ("cause", "detailMessage", "stackTrace", "suppressedExceptions")

NUMBERS = {
    "Zero": "0.0",
    "NegativeZero": "-0.0",
    "NaN": "nan",
    "Infinity": "inf",
    "NegativeInfinity": "-inf",
    "MaxDouble": "1.7976931348623157e+308",
    "MinDouble": "5e-324",
    "FloatTenth": "0.10000000149011612",
    "FloatNaN": "nan",
    "FloatMax": "3.4028234663852886e+38",
    "Above2To53": 9007199254740993,
    "MaxLong": 2**63 - 1,
    "MinLong": -(2**63),
    "MaxInt": 2**31 - 1,
    "MinInt": -(2**31),
    "Short": -2,
    "Byte": -1,
    "Small": 7,
    "SmallAgain": 7,
    "SmallLong": 7,
    "SmallLongAgain": 7,
    "True": True,
    "False": False,
    "TrueAgain": True,
    "Huge": -123456789012345678901234567890,
    "NoughtBig": 0,
    "Decimal": java("java.math.BigDecimal", "intVal", "scale"),
    "Atomic": 1 << 40,
    "AtomicInt": -3,
}
TEXTS = {
    "Empty": "",
    "Ascii": "plain",
    "Umlaut": "üß",
    "Euro": "€",
    "Emoji": "😀 and 😁",
    "Nul": "a\0b",
    "LoneSurrogate": "x\ud83dy",
    "Newline": "a\nb\r\tc",
    "Null": None,
    "NullAgain": None,
    "Char": "c",
    "WideChar": "€",
    "SurrogateChar": "\ud83d",
    "Enum": "ON",
    "EnumWithBody": "ONE",
    "TimeUnit": "SECONDS",
    "Class": java("java.lang.Class", "name"),
    "PrimitiveClass": java("java.lang.Class", "name"),
}
ARRAYS = {
    "Booleans": (True, False),
    "Bytes": (-128, 0, 127),
    "Chars": ("a", "€", "\ud83d"),
    "Shorts": (-1, 1),
    "Ints": (-(2**31), 0),
    "Longs": (1 << 62, -1),
    "Floats": ("0.10000000149011612", "nan"),
    "Doubles": ("0.1", "-0.0"),
    "Strings": ("a", None, "a"),
    "Empty": (),
    "Nested": ((1, 2), (), None),
    "Mixed": (1, "a", "2.5", None),
    "Names": (("name", "d:a=2,b=1"),),
    "Enums": ("ON", "OFF"),
    "Itself": (1, java("[Ljava.lang.Object;")),
}
DEEP: tuple[Any, ...] = ()
for _ in range(30):
    DEEP = (DEEP,)
COLLECTIONS = {
    "ArrayList": (1, None, "x"),
    "EmptyList": (),
    "LinkedList": (1, 2),
    "Deque": (1, 2),
    "Vector": (1, 2),
    "AsList": ("a", "b"),
    "ListOf": (1, 2, 3),
    "ListOfOne": ("only",),
    "SetOf": ("one",),
    "MapOf": {"k": "1.5"},
    "HashSet": (1, 2, 3),
    "LinkedSet": (3, 1, 2),
    "TreeSet": (1, 2, 3),
    "HashMap": {"a": 1},
    "MixedMap": ((1, "one"), ("two", 2)),
    "Caseless": {"a": 2, "B": 1},
    "Hashtable": {"a": 1},
    "Concurrent": {"a": 1},
    "NoneList": (),
    "NoneSet": (),
    "NoneMap": {},
    "OneList": (1,),
    "OneSet": (1,),
    "OneMap": {"a": 1},
    "FixedList": (1,),
    "FixedLinked": (1,),
    "FixedSet": (1,),
    "FixedMap": {"a": 1},
    "FixedTree": {"a": 1},
    "SharedList": (1,),
    "SharedMap": {"a": 1},
    "Deep": DEEP,
    "EnumMap": java("java.util.EnumMap", "keyType"),
    "EnumSet": java("java.util.EnumSet$SerializationProxy", "elementType", "elements"),
}
OBJECTS = {
    "Epoch": "1970-01-01T00:00:00+00:00",
    "Millis": "2023-11-14T22:13:20.123000+00:00",
    "Before": "1969-12-31T23:59:59.999000+00:00",
    "Never": java("java.util.Date"),
    "Name": ("name", 'odd:name="a,b=c\\*",type=x'),
    "Pattern": ("name", '*:type="a*",*'),
    "Derived": java(
        "Values$Derived",
        *("Values$Derived.shadowed", "letter", "nothing", "numbers", "self", "shadowed", "text"),
    ),
    "Thrown": java("java.lang.IllegalStateException", *THROWABLE),
    "UUID": java("java.util.UUID", "leastSigBits", "mostSigBits"),
    "Locale": java(
        "java.util.Locale",
        *("country", "extensions", "hashcode", "language", "script", "variant"),
    ),
    "Attribute": {"a": 1},
}
INNER = {"x": 1 << 60, "y": "é"}
NULLS = {"x": None, "y": None}
OPEN = {
    "Inner": INNER,
    "Nulls": NULLS,
    "Outer": {"in": INNER, "list": (INNER, NULLS), "nan": "nan"},
    "Table": (INNER, {"x": 2, "y": "second"}),
    "EmptyTable": (),
}
NAMES = {
    ("name", f"odd:type={kind}")
    for kind in (
        *("Numbers", "Texts", "Faulty", "Unserializable", "Externalizable", "Arrays"),
        *("Collections", "Objects", "Open"),
    )
} | {
    (
        "name",
        r'odd:name="comma, equals= colon: star\* ask\? quote\" back\\slash\nnewline ü😀"'
        ",type=Quoted",
    ),
    ("name", 'odd:name="",type=Quoted'),
    ("name", 'odd:a"b=c\\d,type=QuoteInKey'),
    ("name", r'odd:name="a\*b",type=Quoted'),
    ("name", r'odd:name="a\\b",type=Quoted'),
    ("name", "odd: key = value ,type=Spaces"),
    ("name", "odd:name=,type=Empty"),
    ("name", "odd:x=3,y=2,z=1"),
    ("name", "odd:näme=€😀,type=Umlaut"),
}

VALUES: list[tuple[str, Call[Any], Any]] = [
    ("numbers", ATTRIBUTES, NUMBERS),
    ("texts", ATTRIBUTES, TEXTS),
    ("arrays", ATTRIBUTES, ARRAYS),
    ("collections", ATTRIBUTES, COLLECTIONS),
    ("objects", ATTRIBUTES, OBJECTS),
    ("open", ATTRIBUTES, OPEN),
    ("faulty", ATTRIBUTES, {"Fine": 1}),
    ("default_domain", calls.get_default_domain(REFERENCE), "DefaultDomain"),
    ("no_names", calls.query_names(REFERENCE, None), ()),
    ("close", calls.close(REFERENCE), None),
]
THROWN: list[tuple[str, Call[Any], str, str | None, str]] = [
    (
        "missing",
        ATTRIBUTES,
        "javax.management.InstanceNotFoundException",
        "odd:type=Missing",
        "not_found",
    ),
    ("not_bound", LOOKUP, "java.rmi.NotBoundException", "jmxrmi", "not_bound"),
    (
        "no_password",
        NEW_CLIENT,
        "java.lang.SecurityException",
        "Authentication failed! Credentials required",
        "access",
    ),
    (
        "no_such_object",
        calls.get_default_domain(REFERENCE),
        "java.rmi.NoSuchObjectException",
        "no such object in table",
        "gone",
    ),
    (
        "unserializable",
        ATTRIBUTES,
        "java.io.NotSerializableException",
        "java.io.PrintStream",
        "unreadable",
    ),
]
CALLS: list[tuple[str, Call[Any]]] = [
    ("lookup", LOOKUP),
    ("lookup_tls", LOOKUP),
    ("proxy", LOOKUP),
    ("new_client", NEW_CLIENT),
    ("names", calls.query_names(REFERENCE, None)),
    ("info_numbers", calls.get_mbean_info(REFERENCE, NAME)),
    ("info_memory", calls.get_mbean_info(REFERENCE, NAME)),
    *((name, call) for name, call, _ in VALUES),
    *((name, call) for name, call, *_ in THROWN),
]

Captured = Callable[[str], bytes]
Outcomes = Callable[..., list[Any]]
Plain = Callable[[Any], Any]


@pytest.mark.parametrize(("name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_a_captured_reply_may_arrive_in_any_pieces(
    name: str, call: Call[Any], captured: Captured, outcomes: Outcomes, plain: Plain
) -> None:
    """The outcome is the same byte by byte, and cut in two when its classes are known."""
    raw = captured(name)
    whole = outcomes(call, [raw])
    assert len(whole) == 1
    assert repr(plain(outcomes(call, [raw[i : i + 1] for i in range(len(raw))]))) == repr(
        plain(whole)
    )
    for cut in range(1, len(raw), 1 + len(raw) // 30):
        pieces = [raw, raw[:cut], raw[cut:]]
        assert repr(plain(outcomes(call, pieces, calls=2))) == repr(plain(whole * 2))


@pytest.mark.parametrize(("name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_the_reply_after_a_captured_reply_is_decoded(
    name: str, call: Call[Any], captured: Captured, outcomes: Outcomes, plain: Plain
) -> None:
    """Its classes are known then, and the outcome is the same."""
    raw = captured(name)
    twice = outcomes(call, [raw + raw], calls=2)
    assert repr(plain(twice[:1])) == repr(plain(twice[1:])) == repr(plain(outcomes(call, [raw])))


@pytest.mark.parametrize(("name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_garbage_after_a_captured_reply_is_an_error(
    name: str, call: Call[Any], captured: Captured, greeted: Callable[..., Protocol]
) -> None:
    """The reply is returned first; then the connection is dead."""
    protocol = greeted()
    protocol.call(call)
    protocol.data_to_send()
    protocol.receive_data(captured(name) + b"\xac")
    assert protocol.next_reply() is not None
    with pytest.raises(RemoteProtocolError, match="no call is waiting"):
        protocol.next_reply()


@pytest.mark.parametrize(("name", "call", "value"), VALUES, ids=[name for name, *_ in VALUES])
def test_captured_values(
    name: str,
    call: Call[Any],
    value: Any,
    captured: Captured,
    outcomes: Outcomes,
    plain: Plain,
) -> None:
    """Every Java value becomes the Python value that the table in `values` states."""
    [outcome] = outcomes(call, [captured(name)])
    assert plain(outcome) == value


def test_captured_values_have_exact_types(captured: Captured, outcomes: Outcomes) -> None:
    """A Boolean is not an int, and neither is a whole Double."""
    [values] = outcomes(ATTRIBUTES, [captured("numbers")])
    assert type(values["True"]) is bool
    assert type(values["Zero"]) is float
    assert type(values["Small"]) is int


@pytest.mark.parametrize(
    ("name", "call", "java_class", "message", "word"), THROWN, ids=[name for name, *_ in THROWN]
)
def test_captured_exceptions(
    name: str,
    call: Call[Any],
    java_class: str,
    message: str | None,
    word: str,
    captured: Captured,
    outcomes: Outcomes,
) -> None:
    """An exception of the Java side is the outcome, with class and message."""
    [outcome] = outcomes(call, [captured(name)])
    assert isinstance(outcome, RemoteException)
    assert (outcome.java_class, outcome.message) == (java_class, message)
    assert outcome.error_class == word


def test_a_captured_externalizable_value_ends_the_connection(
    captured: Captured, greeted: Callable[..., Protocol]
) -> None:
    """The outcome says so; the end of the reply is unknown, so nothing after it is read."""
    protocol = greeted()
    protocol.call(ATTRIBUTES)
    protocol.call(ATTRIBUTES)
    protocol.data_to_send()
    protocol.receive_data(captured("externalizable"))
    reply = protocol.next_reply()
    assert reply is not None
    assert reply.outcome.java_class == "java.io.Externalizable"
    assert "Values$Outside" in reply.outcome.message
    assert protocol.lost_sync
    assert protocol.error is not None
    assert protocol.unanswered == 0


def test_captured_names(captured: Captured, outcomes: Outcomes, plain: Plain) -> None:
    """Names keep quotes, escapes, spaces and all characters."""
    [names] = outcomes(calls.query_names(REFERENCE, None), [captured("names")])
    assert set(plain(names)) == NAMES


def test_captured_description_of_an_mbean(captured: Captured, outcomes: Outcomes) -> None:
    """An MBeanInfo has class, description and attributes with their flags."""
    [info] = outcomes(calls.get_mbean_info(REFERENCE, NAME), [captured("info_numbers")])
    assert isinstance(info, MBeanInfo)
    assert (info.class_name, info.description) == ("Values$Holder", "Hard to carry")
    assert tuple(item.name for item in info.attributes) == tuple(NUMBERS)
    assert info.attributes[21] == AttributeInfo(
        "True", "java.lang.Object", "What True is", readable=True, writable=True
    )
    assert not info.attributes[0].writable


def test_captured_description_of_a_platform_mbean(captured: Captured, outcomes: Outcomes) -> None:
    """The JVM's own MBeans describe themselves with subclasses for open types."""
    [info] = outcomes(calls.get_mbean_info(REFERENCE, NAME), [captured("info_memory")])
    assert {item.name: item.type for item in info.attributes} == {
        "Verbose": "boolean",
        "ObjectPendingFinalizationCount": "int",
        "HeapMemoryUsage": "javax.management.openmbean.CompositeData",
        "NonHeapMemoryUsage": "javax.management.openmbean.CompositeData",
        "ObjectName": "javax.management.ObjectName",
    }


@pytest.mark.parametrize("name", ["lookup", "proxy", "new_client"])
def test_captured_stubs(name: str, captured: Captured, outcomes: Outcomes) -> None:
    """A stub, also a dynamic proxy, holds address and id of its object."""
    [ref] = outcomes(LOOKUP, [captured(name)])
    assert isinstance(ref, RemoteRef)
    assert ref.endpoint.host == "127.0.0.1"
    assert 0 < ref.endpoint.port < 65536
    assert len(ref.object_id) == 22
    assert ref.socket_factory is None


def test_captured_stub_with_a_socket_factory(captured: Captured, outcomes: Outcomes) -> None:
    """A server that requires TLS names the class of its socket factory."""
    [ref] = outcomes(LOOKUP, [captured("lookup_tls")])
    assert ref.socket_factory == "javax.rmi.ssl.SslRMIClientSocketFactory"
    assert ref.endpoint.host == "127.0.0.1"


def test_captured_greeting(captured: Captured) -> None:
    """The server's greeting holds our address as it sees it; our answer is empty."""
    protocol = Protocol()
    assert protocol.data_to_send() == b"JRMI\x00\x02\x4b"
    protocol.receive_data(captured("greeting"))
    assert protocol.next_reply() is None
    assert protocol.own_address is not None
    assert protocol.own_address.host == "127.0.0.1"
    assert protocol.data_to_send() == bytes(6)
