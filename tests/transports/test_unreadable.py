"""Unreadable: a value that a JVM cannot send costs its attribute, not its MBean."""

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import AttributeInfo, MBeanInfo
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.transports.catalog import EVERYTHING_S, Catalog
from jmxbridge.transports.unreadable import Unreadable

GOOD, BAD = (ObjectName.parse(f"odd:type={kind}") for kind in ("Good", "Bad"))
FIELDS = tuple(Field(name, (), name.lower()) for name in ("Fine", "Thread", "Other"))
RULES = [Rule("odd", (name,), "odd", {}, FIELDS) for name in (GOOD, BAD)]


class Jvm:
    """A JVM with two MBeans, one of which has attributes that it cannot serialize."""

    def __init__(self, *poison: str, error: str = "java.io.NotSerializableException") -> None:
        self.poison = set(poison)
        self.error = error
        self.asked: list[tuple[ObjectName, tuple[str, ...]]] = []

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        return [[pattern] for pattern in patterns]

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo]:
        fields = [AttributeInfo(field.attribute, "x", None, True, False) for field in FIELDS]
        return [MBeanInfo("Odd", None, tuple(fields)) for _ in names]

    async def get_many(
        self, wanted: Sequence[tuple[ObjectName, Sequence[str]]]
    ) -> list[dict[str, Any] | RemoteException]:
        self.asked += [(name, tuple(names)) for name, names in wanted]
        return [self.answer(name, names) for name, names in wanted]

    def answer(self, name: ObjectName, names: Sequence[str]) -> dict[str, Any] | RemoteException:
        if name == BAD and self.poison & set(names):
            return RemoteException(self.error, "java.lang.Thread")
        return dict.fromkeys(names, 1.0)


async def poll(catalog: Catalog, jvm: Any, now_s: float = 1.0) -> dict[ObjectName, set[str]]:
    """Refresh and read as a transport does; return the attributes that were read."""
    jvm.asked.clear()
    await catalog.refresh(jvm, RULES, now_s)
    due = catalog.due(RULES)
    replies = await jvm.get_many(due.names)
    readings = catalog.readings(due.reads, replies)
    return {reading.name: set(reading.values) for reading in readings}


async def test_unreadable_attributes_are_left_out_from_the_next_poll_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The suspects are read one by one a single time; the unreadable one is logged once."""
    jvm, catalog = Jvm("Thread"), Catalog()
    everything = {"Fine", "Thread", "Other"}
    with caplog.at_level(logging.WARNING):
        assert await poll(catalog, jvm) == {GOOD: everything}
        assert await poll(catalog, jvm) == {GOOD: everything, BAD: {"Fine", "Other"}}
        assert [names for name, names in jvm.asked if len(names) == 1] == [
            ("Fine",),
            ("Thread",),
            ("Other",),
        ]
        for _ in range(2):
            assert await poll(catalog, jvm) == {GOOD: everything, BAD: {"Fine", "Other"}}
            assert len(jvm.asked) == 2
    [message] = caplog.messages
    assert message.startswith(
        "odd:type=Bad: Thread is left out: the JVM cannot send it: java.io.Not"
    )


async def test_unreadable_attributes_are_tested_again_with_the_whole_catalog() -> None:
    """The value may be serializable by then."""
    jvm, catalog = Jvm("Thread"), Catalog()
    for _ in range(2):
        await poll(catalog, jvm)
    jvm.poison.clear()
    assert await poll(catalog, jvm) == {GOOD: {"Fine", "Thread", "Other"}, BAD: {"Fine", "Other"}}
    later = await poll(catalog, jvm, 1.0 + EVERYTHING_S)
    assert later[BAD] == {"Fine", "Thread", "Other"}


async def test_unreadable_mbeans_are_not_read() -> None:
    """Each read would cost a socket."""
    jvm, catalog = Jvm("Fine", "Thread", "Other"), Catalog()
    for _ in range(2):
        await poll(catalog, jvm)
    assert await poll(catalog, jvm) == {GOOD: {"Fine", "Thread", "Other"}}
    assert [name for name, _ in jvm.asked] == [GOOD]


async def test_unreadable_suspects_no_attribute_for_another_failure() -> None:
    """An MBean that is gone is looked for by name again."""
    jvm, catalog = Jvm("Thread", error="javax.management.InstanceNotFoundException"), Catalog()
    for _ in range(3):
        assert BAD not in await poll(catalog, jvm)
        assert all(len(names) == 3 for _, names in jvm.asked)


async def test_unreadable_attributes_are_logged_once_however_often_they_are_tested(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A renewed catalog tests them again; that they still fail is no news."""
    jvm, catalog = Jvm("Thread"), Catalog()
    for renewal in range(4):
        await poll(catalog, jvm, 1.0 + renewal * EVERYTHING_S)
        assert (await poll(catalog, jvm, 2.0 + renewal * EVERYTHING_S))[GOOD]
    assert len(caplog.messages) == 1


async def test_unreadable_takes_a_tested_mbean_for_no_suspect() -> None:
    """An attribute that fails only with others cannot be found by testing it again."""
    unreadable = Unreadable()
    error = RemoteException("java.io.NotSerializableException", "java.lang.Thread")
    jvm: Any = Jvm("Thread")
    assert unreadable.suspect(BAD, ("Thread",), error)
    await unreadable.tell_apart(jvm)
    assert unreadable.left_out(BAD) == {"Thread"}
    jvm.asked.clear()
    assert unreadable.suspect(BAD, ("Fine",), error)
    await unreadable.tell_apart(jvm)
    assert jvm.asked == []
