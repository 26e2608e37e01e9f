"""Every attribute of every MBean of real JVMs: our client against Java's own.

The Java client reads before and after us. Our value must equal one of its readings or be a number
between them; any other value is read again by itself, so that all readings are milliseconds apart.
Types must be equal: integers, floats and strings stay distinct. (Our values do not keep which of
Java's integer types it was, nor which array or collection class.)
"""

import math
from collections.abc import Collection, Iterable, Iterator

import pytest

from demo.servers import Jvm
from jmxbridge.jmx import Composite, JavaObject, ObjectName, connect
from tests.real.jvms.java_client import (
    VALUES,
    Absent,
    Instance,
    JavaClient,
    MBeans,
    Seen,
    java_client,
    read_ours,
)

pytestmark = pytest.mark.real

# A retry reads only attributes that moved; a few of a busy broker's 10,000 need three.
ROUNDS = 30

Key = tuple[str, str]  # canonical name, attribute
Readings = tuple[MBeans, MBeans, MBeans]  # Java's before us, ours, Java's after us

# Attributes that differ between any two readings; only their type is compared.
RESTLESS: frozenset[Key] = frozenset(
    [
        # Depends on the thread that answers; each connection has its own.
        ("java.lang:type=Threading", "CurrentThreadCpuTime"),
        ("java.lang:type=Threading", "CurrentThreadUserTime"),
        ("java.lang:type=Threading", "CurrentThreadAllocatedBytes"),
        # Measured since the last question, whoever asked.
        ("java.lang:type=OperatingSystem", "CpuLoad"),
        ("java.lang:type=OperatingSystem", "ProcessCpuLoad"),
        ("java.lang:type=OperatingSystem", "SystemCpuLoad"),
    ]
)


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaClient]:
    """A Java client, kept open for all comparisons."""
    with java_client(tmp_path_factory.mktemp("oracle")) as client:
        yield client


def same(ours: Seen, theirs: Seen) -> bool:
    """Return whether two values are equal including types; NaN equals NaN, -0.0 is not 0.0."""
    match ours, theirs:
        case JavaObject(), Instance():
            return ours.class_name == theirs.java_class
        case Composite(), Composite():
            return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
        case tuple(), tuple():
            return len(ours) == len(theirs) and all(map(same, ours, theirs))
        case float(), float():
            return repr(ours) == repr(theirs)
    return type(ours) is type(theirs) and bool(ours == theirs)


def within(before: Seen, ours: Seen, after: Seen) -> bool:
    """Return whether ours equals one of the two or lies between them, part by part."""
    if same(ours, before) or same(ours, after):
        return True
    if same(before, after):
        return False
    match before, ours, after:
        case Composite(), Composite(), Composite():
            return before.keys() == ours.keys() == after.keys() and all(
                within(before[key], ours[key], after[key]) for key in ours
            )
        case tuple(), tuple(), tuple():
            return len(before) == len(ours) == len(after) and all(map(within, before, ours, after))
    numbers = before, ours, after
    if len(set(map(type, numbers))) > 1 or type(ours) not in (int, float):
        return False
    return all(map(math.isfinite, numbers)) and min(before, after) <= ours <= max(before, after)


def alike(ours: Seen, theirs: Seen) -> bool:
    """Return whether two values have the same type."""
    numbers = type(ours) in (int, float)
    return type(ours) is type(theirs) if numbers else same(ours, theirs)


def values(readings: Readings, key: Key) -> tuple[Seen, Seen, Seen] | None:
    """Return an attribute's value in each reading; None if it or its MBean came or went."""
    name, attribute = key
    seen = [(reading.get(name) or {}).get(attribute) for reading in readings]
    before, ours, after = seen
    return before and ours and after and (before[1], ours[1], after[1])


def differing(readings: Readings, keys: Iterable[Key]) -> dict[Key, tuple[Seen, Seen, Seen]]:
    """Return the attributes that differ."""
    readings_of = {key: values(readings, key) for key in keys}
    return {key: seen for key, seen in readings_of.items() if seen and not within(*seen)}


def declared(mbeans: MBeans, name: str) -> dict[str, str] | None:
    """Return declared types by attribute; None for an unreadable MBean."""
    typed = mbeans[name]
    return None if typed is None else {key: type_ for key, (type_, _) in typed.items()}


async def compare(java: JavaClient, port: int) -> int:
    """Compare all MBeans of a JVM with Java's readings; return the number of attributes."""
    async with connect("127.0.0.1", port, timeout_s=60) as connection:

        async def read(names: Collection[ObjectName] = ()) -> Readings:
            before = java.read(port, names)
            return before, await read_ours(connection, names), java.read(port, names)

        readings = before, ours, after = await read()
        assert before.keys() & after.keys() <= ours.keys() <= before.keys() | after.keys()
        common = before.keys() & ours.keys() & after.keys()
        for name in common:
            theirs = declared(before, name), declared(after, name)
            assert declared(ours, name) in theirs, name
        keys = {(name, attribute) for name in common for attribute in ours[name] or ()}
        for key in keys & RESTLESS:
            if seen := values(readings, key):
                assert alike(seen[1], seen[0]), key
        left = differing(readings, keys - RESTLESS)
        for _ in range(ROUNDS):
            if not left:
                break
            again = [ObjectName.parse(name) for name in sorted({name for name, _ in left})]
            left = differing(await read(again), left)
    assert left == {}
    return len(keys)


# JVMs and their least number of attributes: a nearly empty 4.1 broker has some 9,000.
JVMS = [
    ("estate_28.kafka", 5000),
    ("estate_39.kafka", 6000),
    ("older_25.kafka_28", 4000),
    ("older_25.kafka_39", 5000),
    *(
        (f"{estate}.{server}", at_least)
        for estate in ("estate_17", "estate_25")
        for server, at_least in [
            ("kafka", 8000),
            ("client", 500),
            ("connect", 2000),
            ("streams", 800),
        ]
    ),
]


@pytest.mark.parametrize(("jmx_port", "at_least"), JVMS, indirect=["jmx_port"])
async def test_every_value_of_a_jvm_equals_javas(
    jmx_port: int, at_least: int, java: JavaClient
) -> None:
    """Names, declared types, values and value types equal those of Java's client."""
    assert await compare(java, jmx_port) > at_least


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (1, 1.0),
        (1, True),
        (1, "1"),
        (None, Absent()),
        (0.0, -0.0),
        (float("nan"), None),
        ((1, 2), (2, 1)),
        ((1,), (1, 2)),
        (Composite({"a": 1}), Composite({"a": 1.0})),
        (Composite({"a": 1}), Composite({"a": 1, "b": None})),
        (2**53 + 1, 2**53),
    ],
)
def test_comparison_detects_other_values(ours: Seen, theirs: Seen) -> None:
    """The comparison detects a value of another type and a nearly equal one."""
    assert not within(theirs, ours, theirs)
    assert within(ours, ours, theirs)


async def test_odd_values_and_names_arrive(java: JavaClient) -> None:
    """Odd values and names arrive: Long beyond 2^53, NaN, Character, tables, quotes."""
    with Jvm(VALUES) as jvm:
        mbeans = java.read(jvm.jmx_port)
        unreadable = {name for name, typed in mbeans.items() if typed is None}
        assert unreadable == {"odd:type=Unserializable", "odd:type=Externalizable"}
        assert await compare(java, jvm.jmx_port) > 120
