"""Closed table of Java classes that become Python values.

Each function gets the fields of an object and its annotations (by the class that wrote them). It
returns the object's value, or None if the object is not of the form its class writes; the object
then stays a JavaObject. Its parts are unwrapped already: a String is a str, a TreeMap a Composite.

The forms are those of the "Serialized Form" pages in the JDK's javadoc.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName
from jmxbridge.jmx.serialization.class_desc import Annotations, FieldValues, Unwrap
from jmxbridge.jmx.values import Composite, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Boxed types: classes whose only field is a primitive named `value`.
BOXES = frozenset(
    "java.lang." + name
    for name in ("Boolean", "Byte", "Short", "Integer", "Long", "Float", "Double")
)


def _field(name: str) -> Unwrap:
    """Return the unwrap function of a class that wraps one field."""

    def unwrap(fields: FieldValues, annotations: Annotations) -> Value:
        return fields.get(name)

    return unwrap


def _written_by(class_name: str) -> Unwrap:
    """Return the unwrap function of a collection whose elements `class_name` wrote in order."""

    def unwrap(fields: FieldValues, annotations: Annotations) -> Value:
        return tuple(_objects(annotations.get(class_name, ())))

    return unwrap


def _map_written_by(class_name: str) -> Unwrap:
    """Return the unwrap function of a map whose keys and values `class_name` wrote in turn."""

    def unwrap(fields: FieldValues, annotations: Annotations) -> Value:
        return _map(_objects(annotations.get(class_name, ())))

    return unwrap


def _objects(annotation: Iterable[Value | bytes]) -> list[Value]:
    return [item for item in annotation if not isinstance(item, bytes)]


def _map(objects: list[Value]) -> Value:
    if len(objects) % 2:
        return None
    pairs = tuple(zip(objects[::2], objects[1::2], strict=True))
    if all(isinstance(key, str) for key, _ in pairs):
        return Composite({key: value for key, value in pairs if isinstance(key, str)})
    return pairs


def _tree_set(fields: FieldValues, annotations: Annotations) -> Value:
    objects = _objects(annotations.get("java.util.TreeSet", ()))
    return tuple(objects[1:])  # the first is the comparator


def _vector(fields: FieldValues, annotations: Annotations) -> Value:
    data, count = fields.get("elementData"), fields.get("elementCount")
    if not isinstance(data, tuple) or not isinstance(count, int) or not 0 <= count <= len(data):
        return None
    return data[:count]


def _concurrent_map(fields: FieldValues, annotations: Annotations) -> Value:
    objects = _objects(annotations.get("java.util.concurrent.ConcurrentHashMap", ()))
    return _map(objects[:-2])  # the last two are nulls that end it


def _immutable_collection(fields: FieldValues, annotations: Annotations) -> Value:
    """java.util.CollSer, the serialized form of List.of, Set.of and Map.of; tag 3 is a map."""
    tag = fields.get("tag")
    objects = _objects(annotations.get("java.util.CollSer", ()))
    if not isinstance(tag, int):
        return None
    return _map(objects) if tag & 0xFF == 3 else tuple(objects)


def _character(fields: FieldValues, annotations: Annotations) -> Value:
    value = fields.get("value")
    return value if isinstance(value, str) else None


def _big_integer(fields: FieldValues, annotations: Annotations) -> Value:
    sign, magnitude = fields.get("signum"), fields.get("magnitude")
    if not isinstance(sign, int) or not isinstance(magnitude, tuple):
        return None
    octets = [octet & 0xFF for octet in magnitude if isinstance(octet, int)]
    return sign * int.from_bytes(octets) if len(octets) == len(magnitude) else None


def _date(fields: FieldValues, annotations: Annotations) -> Value:
    blocks = annotations.get("java.util.Date", ())
    if len(blocks) != 1 or not isinstance(blocks[0], bytes) or len(blocks[0]) != 8:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int.from_bytes(blocks[0], signed=True))
    except OverflowError:  # datetime supports the years 1 to 9999 only
        return None


def _object_name(fields: FieldValues, annotations: Annotations) -> Value:
    match annotations.get("javax.management.ObjectName"):
        case (str(text),):
            try:
                return ObjectName.parse(text)
            except MalformedObjectName:
                return None
    return None


def _attribute(fields: FieldValues, annotations: Annotations) -> Value:
    name = fields.get("name")
    return (name, fields.get("value")) if isinstance(name, str) else None


def _attribute_list(fields: FieldValues, annotations: Annotations) -> Value:
    values: dict[str, Value] = {}
    for item in _objects(annotations.get("java.util.ArrayList", ())):
        match item:
            case (str(name), value):
                values[name] = value
            case _:
                return None
    return Composite(values)


def _composite(fields: FieldValues, annotations: Annotations) -> Value:
    contents = fields.get("contents")
    return contents if isinstance(contents, Composite) else None


def _tabular(fields: FieldValues, annotations: Annotations) -> Value:
    """Return the rows; the key of a row is among its values (TabularType's index names)."""
    data = fields.get("dataMap")
    if isinstance(data, Composite):
        return () if not data else None  # an empty map is a Composite: its keys have no type
    if not isinstance(data, tuple):
        return None
    rows: list[Value] = []
    for pair in data:
        match pair:
            case (_, Composite() as row):
                rows.append(row)
            case _:
                return None
    return tuple(rows)


def _singleton_map(fields: FieldValues, annotations: Annotations) -> Value:
    return _map([fields.get("k"), fields.get("v")])


def _singleton(fields: FieldValues, annotations: Annotations) -> Value:
    return (fields.get("element"),)


def _empty(fields: FieldValues, annotations: Annotations) -> Value:
    return ()


def _empty_map(fields: FieldValues, annotations: Annotations) -> Value:
    return Composite({})


_COLLECTIONS = "java.util.Collections$"
_WRAPPERS: Mapping[str, str] = MappingProxyType(
    {
        "UnmodifiableCollection": "c",
        "UnmodifiableSet": "c",
        "UnmodifiableSortedSet": "c",
        "UnmodifiableList": "list",
        "UnmodifiableRandomAccessList": "list",
        "UnmodifiableMap": "m",
        "UnmodifiableSortedMap": "m",
        "SynchronizedCollection": "c",
        "SynchronizedSet": "c",
        "SynchronizedList": "list",
        "SynchronizedRandomAccessList": "list",
        "SynchronizedMap": "m",
    }
)

UNWRAPS: Mapping[str, Unwrap] = MappingProxyType(
    {
        **{name: _field("value") for name in BOXES},
        "java.lang.Character": _character,
        "java.math.BigInteger": _big_integer,
        "java.util.concurrent.atomic.AtomicInteger": _field("value"),
        "java.util.concurrent.atomic.AtomicLong": _field("value"),
        "java.util.Date": _date,
        "java.util.ArrayList": _written_by("java.util.ArrayList"),
        "java.util.LinkedList": _written_by("java.util.LinkedList"),
        "java.util.ArrayDeque": _written_by("java.util.ArrayDeque"),
        "java.util.HashSet": _written_by("java.util.HashSet"),
        "java.util.LinkedHashSet": _written_by("java.util.HashSet"),
        "java.util.TreeSet": _tree_set,
        "java.util.Vector": _vector,
        "java.util.Arrays$ArrayList": _field("a"),
        "java.util.CollSer": _immutable_collection,
        "java.util.HashMap": _map_written_by("java.util.HashMap"),
        "java.util.LinkedHashMap": _map_written_by("java.util.HashMap"),
        "java.util.TreeMap": _map_written_by("java.util.TreeMap"),
        "java.util.Hashtable": _map_written_by("java.util.Hashtable"),
        "java.util.concurrent.ConcurrentHashMap": _concurrent_map,
        **{_COLLECTIONS + name: _field(field) for name, field in _WRAPPERS.items()},
        _COLLECTIONS + "EmptyList": _empty,
        _COLLECTIONS + "EmptySet": _empty,
        _COLLECTIONS + "EmptyMap": _empty_map,
        _COLLECTIONS + "SingletonList": _singleton,
        _COLLECTIONS + "SingletonSet": _singleton,
        _COLLECTIONS + "SingletonMap": _singleton_map,
        "javax.management.ObjectName": _object_name,
        "javax.management.Attribute": _attribute,
        "javax.management.AttributeList": _attribute_list,
        "javax.management.openmbean.CompositeDataSupport": _composite,
        "javax.management.openmbean.TabularDataSupport": _tabular,
    }
)
