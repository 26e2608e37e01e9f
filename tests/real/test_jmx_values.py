"""Values and names of a JVM against those our client reads.

The JVM (tests/oracle/Values.java) prints its MBeans' contents itself, without RMI.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from demo.servers import Jvm
from jmxbridge.jmx import (
    Composite,
    Connection,
    JavaObject,
    MalformedObjectName,
    ObjectName,
    RemoteException,
    Value,
    connect,
)
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.transports.rmi import RmiTransport

pytestmark = pytest.mark.real

SOURCE = Path(__file__).parent.parent / "oracle" / "Values.java"
FAILING = {"odd:type=Unserializable", "odd:type=Externalizable"}

# Texts that are ObjectNames or nearly: every fourth property has an error.
PIECES = st.sampled_from([*'ab=,:*?"\\\n x', "d:", '"x"', r'"\*"', r'"\n', "\u20ac", ",*", ",b=2"])
NOISE = st.lists(PIECES, max_size=3).map("".join)
DOMAINS = st.sampled_from(["d", "", "*", "d?", "a=b", "\u20ac"])
VALUES = st.text(st.sampled_from("ab*?"), max_size=3)
QUOTED = st.lists(st.sampled_from(["a", "b", "*", "?", r"\*", r"\\", r"\n", r"\""]), max_size=4)
VALUE = VALUES | QUOTED.map(lambda parts: f'"{"".join(parts)}"')
REST = st.sampled_from(["", ",*", ",c=1", ",c=*"])
NAMES = st.builds("{}:a={},b={}{}".format, DOMAINS, VALUE, VALUES, REST)
TEXTS = NAMES | NOISE | st.builds("{}:a={}{}".format, DOMAINS, VALUE, NOISE)
# A pattern and a name that differ in a few places.
PAIRS = st.builds(
    lambda domains, values, others, rest: (
        f"{domains[0]}:a={values[0]},b={others[0]}{rest[0]}",
        f"{domains[1]}:b={others[1]},a={values[1]}{rest[1]}",
    ),
    st.sampled_from([("d", "d"), ("*", "d"), ("d?", "da"), ("d?", "d"), ("", ""), ("d", "e")]),
    st.tuples(VALUE, VALUE) | VALUE.map(lambda value: (value, value.replace("*", "ab"))),
    st.sampled_from([("*", "1"), ("1", "1"), ("?", "a"), ("1", "2")]),
    st.sampled_from([("", ""), (",*", ""), (",*", ",c=1"), ("", ",c=1"), (",c=*", ",c=x")]),
)
MANY = settings(
    max_examples=1000, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.fixture(scope="module")
def oracle() -> Iterator[Jvm]:
    """A JVM whose MBeans have values that are hard to transfer."""
    with Jvm(SOURCE) as jvm:
        yield jvm


@pytest.fixture
async def connection(oracle: Jvm) -> AsyncIterator[Connection]:
    """Our connection to `oracle`."""
    async with await connect("127.0.0.1", oracle.jmx_port) as opened:
        yield opened


def parsed(text: str) -> ObjectName | None:
    """Parse a name; return None if it is malformed."""
    try:
        return ObjectName.parse(text)
    except MalformedObjectName:
        return None


def hexed(text: str) -> str:
    """Return the UTF-8 of a text in hexadecimal."""
    return text.encode("utf-8").hex()


TAGGED: dict[type, Callable[[Any], list[Any]]] = {
    type(None): lambda value: ["null"],
    bool: lambda value: ["bool", value],
    int: lambda value: ["int", str(value)],
    float: lambda value: ["float", repr(value)],
    str: lambda value: ["str", value],
    datetime: lambda value: ["date", str(round(value.timestamp() * 1000))],
    ObjectName: lambda value: ["name", value.canonical],
    tuple: lambda value: ["array", [tagged(item) for item in value]],
    Composite: lambda value: ["composite", {key: tagged(item) for key, item in value.items()}],
    JavaObject: lambda value: ["object", value.class_name],
}


def tagged(value: Value) -> list[Any]:
    """Return a value in the oracle's notation."""
    return TAGGED[type(value)](value)


def truth(written: list[Any]) -> list[Any]:
    """Read the oracle's hexadecimal floats."""
    tag = written[0]
    if tag == "float":
        return [tag, repr(float.fromhex(written[1]))]
    if tag == "array":
        return [tag, [truth(item) for item in written[1]]]
    if tag == "composite":
        return [tag, {key: truth(item) for key, item in written[1].items()}]
    return written


async def test_an_unserializable_attribute_is_found_and_left_out(oracle: Jvm) -> None:
    """An unserializable value costs its MBean one poll and the socket, no more."""
    beans = {"odd:type=Unserializable": ("Fine", "Stream"), "odd:type=Numbers": ("MaxLong",)}
    rules = [
        Rule("odd", (ObjectName.parse(bean),), "odd", {}, tuple(Field(n, (), n) for n in names))
        for bean, names in beans.items()
    ]
    transport = RmiTransport("127.0.0.1", oracle.jmx_port, clock_s=lambda: 0.0)
    polls = [
        {reading.name.text: set(reading.values) for reading in await transport.fetch(rules)}
        for _ in range(3)
    ]
    await transport.close()
    read = {"odd:type=Unserializable": {"Fine"}, "odd:type=Numbers": {"MaxLong"}}
    assert polls == [{"odd:type=Numbers": {"MaxLong"}}, read, read]


async def test_an_unserializable_attribute_of_the_only_mbean_is_found(oracle: Jvm) -> None:
    """The first poll fails with the reason; the second uses what it learned."""
    names = "Fine", "Stream"
    bean = ObjectName.parse("odd:type=Unserializable")
    rule = Rule(
        "odd", (bean,), "odd", {}, tuple(Field(attribute, (), attribute) for attribute in names)
    )
    transport = RmiTransport("127.0.0.1", oracle.jmx_port, clock_s=lambda: 0.0)
    with pytest.raises(RemoteException, match="NotSerializableException"):
        await transport.fetch([rule])
    [reading] = await transport.fetch([rule])
    await transport.close()
    assert reading.values == {"Fine": 1}


async def test_every_value_is_what_the_jvm_holds(oracle: Jvm, connection: Connection) -> None:
    """All attributes of all odd MBeans are equal; one is absent only if its getter throws."""
    held: dict[str, dict[str, list[Any]]] = json.loads(oracle.ask("dump"))
    names = [ObjectName.parse(name) for name in held]
    infos = await connection.get_infos(names)
    requests = []
    for name, info in zip(names, infos, strict=True):
        assert not isinstance(info, RemoteException)
        requests.append((name, [attribute.name for attribute in info.attributes]))
    answers = await connection.get_many(requests)
    for name, answer in zip(names, answers, strict=True):
        if name.canonical in FAILING:
            assert isinstance(answer, RemoteException)
            continue
        assert not isinstance(answer, RemoteException)
        got = {key: tagged(value) for key, value in answer.items()}
        assert got == {key: truth(value) for key, value in held[name.canonical].items()}, name
    assert sum(map(len, held.values())) > 120


async def test_an_unserializable_value_affects_only_its_mbean(
    connection: Connection,
) -> None:
    """The JVM closes the socket after it; calls before and after it are answered."""
    fine = ObjectName.parse("odd:type=Faulty")
    requests = [(fine, ["Fine"])]
    for name in sorted(FAILING):
        requests += [(ObjectName.parse(name), ["Fine", "Stream", "Outside"]), (fine, ["Fine"])]
    answers = await connection.get_many(requests * 3)
    assert answers[::5] == answers[2::5] == answers[4::5] == [{"Fine": 1}] * 3
    assert all(
        isinstance(answer, RemoteException) and answer.error_class == "unreadable"
        for answer in answers[1::5] + answers[3::5]
    )


async def test_replies_before_an_unserializable_value_are_not_lost(
    connection: Connection,
) -> None:
    """With unread requests in the buffer the JVM's side is reset, not closed."""
    absent = [f"attribute that does not exist {number}" for number in range(20)]
    small = ObjectName.parse("odd:type=Faulty"), ["Fine", *absent]
    large = ObjectName.parse("odd:type=Arrays"), ["Many"]  # more than a socket buffer holds
    spoiling = ObjectName.parse("odd:type=Unserializable"), ["Stream"]
    for _ in range(20):
        answers = await connection.get_many([large, spoiling, *[small] * 40])
        assert isinstance(answers[1], RemoteException)
        assert answers[:1] == [{"Many": (0,) * 20_000}]
        assert answers[2:] == [{"Fine": 1}] * 40


async def test_every_name_leads_back_to_its_mbean(oracle: Jvm, connection: Connection) -> None:
    """An MBean found by a query answers to its name, whatever it contains."""
    names = await connection.query(None)
    assert {name.canonical for name in names} >= set(json.loads(oracle.ask("dump")))
    infos = await connection.get_infos(names)
    assert [info for info in infos if isinstance(info, RemoteException)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        *("*:*", "odd:*", "odd:type=*", "odd:type=*,*", "o?d:type=Numbers", "*:type=Domain"),
        *('odd:type=Quoted,name="*"', 'odd:type=Quoted,name="a?*b"', "odd:type=Quoted,name=*"),
        *(r'odd:type=Quoted,name="a\*b"', "odd:x=3,*", "odd:x=*,y=*,z=?", "odd:näme=*,*"),
        *("nowhere:*", "odd:type=Empty,name=*", "b=c:*", "odd: key = *,*"),
    ],
)
async def test_a_query_and_matches_agree(pattern: str, oracle: Jvm, connection: Connection) -> None:
    """The server and our `matches` find the same names."""
    selected = await connection.query(ObjectName.parse(pattern))
    everything = await connection.query(None)
    by_us = {name for name in everything if ObjectName.parse(pattern).matches(name)}
    assert set(selected) == by_us
    assert {name.canonical for name in by_us} == set(
        json.loads(oracle.ask(f"query {hexed(pattern)}"))
    )


@given(text=TEXTS)
@MANY
def test_parsing_agrees_with_java(oracle: Jvm, text: str) -> None:
    """A text is a name exactly if Java says so, with the same canonical form.

    Exceptions are the two JDK bugs named in the documentation of `object_name`.
    """
    answer = oracle.ask(f"parse {hexed(text)}".rstrip())
    try:
        name = ObjectName.parse(text)
    except MalformedObjectName as exc:
        is_jdk_bug = "after a quoted value" in exc.problem or text.endswith("*,")
        event("rejected" if answer == "bad" else "JDK bug")
        assert answer == "bad" or is_jdk_bug
    else:
        event("accepted")
        kind = "pattern" if name.is_pattern else "name"
        assert answer == f"{hexed(name.canonical)} {kind}"


@given(pair=PAIRS)
@MANY
def test_matching_agrees_with_java(oracle: Jvm, pair: tuple[str, str]) -> None:
    """A pattern matches a name exactly if Java says so."""
    pattern, name = pair
    one, other = parsed(pattern), parsed(name)
    if one is None or other is None:
        return
    answer = oracle.ask(f"match {hexed(pattern)} {hexed(name)}")
    event(answer)
    assert answer == str(one.matches(other)).lower()
    assert oracle.ask(f"match {hexed(pattern)} {hexed(pattern)}") == str(one.matches(one)).lower()
