"""One value that a JVM cannot send costs its attribute, not its MBean."""

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import AttributeInfo, MBeanInfo
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.transports.catalog import EVERYTHING_S, Catalog

GOOD, BAD = (ObjectName.parse(f"odd:type={kind}") for kind in ("Good", "Bad"))
FIELDS = tuple(Field(each, (), each.lower()) for each in ("Fine", "Thread", "Other"))
RULES = [Rule("odd", (name,), "odd", {}, FIELDS) for name in (GOOD, BAD)]


class Jvm:
    """A JVM with two MBeans, one of which has attributes that are no answer."""

    def __init__(self, *poison: str, error: str = "java.io.NotSerializableException") -> None:
        self.poison = set(poison)
        self.error = error
        self.asked: list[tuple[ObjectName, tuple[str, ...]]] = []

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        return [[each] for each in patterns]

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo]:
        fields = [AttributeInfo(each.attribute, "x", None, True, False) for each in FIELDS]
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


async def test_the_others_are_read_from_the_next_poll_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Asked one by one a single time; what is to blame is said once."""
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
    [said] = caplog.messages
    assert said.startswith("odd:type=Bad: Thread is left out: the JVM cannot send it: java.io.Not")


async def test_it_is_tried_again_when_all_is_looked_at_anew() -> None:
    """The value may be another one by then."""
    jvm, catalog = Jvm("Thread"), Catalog()
    for _ in range(2):
        await poll(catalog, jvm)
    jvm.poison.clear()
    assert await poll(catalog, jvm) == {GOOD: {"Fine", "Thread", "Other"}, BAD: {"Fine", "Other"}}
    later = await poll(catalog, jvm, 1.0 + EVERYTHING_S)
    assert later[BAD] == {"Fine", "Thread", "Other"}


async def test_an_mbean_of_which_nothing_can_be_sent_is_not_asked_for() -> None:
    """Every question would cost a socket."""
    jvm, catalog = Jvm("Fine", "Thread", "Other"), Catalog()
    for _ in range(2):
        await poll(catalog, jvm)
    assert await poll(catalog, jvm) == {GOOD: {"Fine", "Thread", "Other"}}
    assert [name for name, _ in jvm.asked] == [GOOD]


async def test_another_failure_blames_no_attribute() -> None:
    """An MBean that is gone is looked for by its name again."""
    jvm, catalog = Jvm("Thread", error="javax.management.InstanceNotFoundException"), Catalog()
    for _ in range(3):
        assert BAD not in await poll(catalog, jvm)
        assert all(len(names) == 3 for _, names in jvm.asked)


async def test_an_mbean_that_is_gone_is_no_failure_of_its_jvm() -> None:
    """Also where it was the only one: a JVM that answers is up."""
    jvm, catalog = Jvm("Thread", error="javax.management.InstanceNotFoundException"), Catalog()
    rules = RULES[1:]
    await catalog.refresh(jvm, rules, 1.0)  # type: ignore[arg-type]  # it has what is called
    due = catalog.due(rules)
    assert [read.name for read in due.reads] == [BAD]
    assert catalog.readings(due.reads, await jvm.get_many(due.names)) == []
    with pytest.raises(RemoteException, match="Thread"):
        catalog.readings(due.reads, [RemoteException("java.lang.IllegalStateException", "Thread")])


async def test_rules_whose_names_were_not_told_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the next poll: an exception leaves the connection, and what is known, as they are."""
    jvm: Any = Jvm()
    catalog = Catalog()
    await catalog.refresh(jvm, RULES[:1], 1.0)

    async def throw(patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        raise RemoteException("java.lang.OutOfMemoryError", "Java heap space")

    with monkeypatch.context() as patched:
        patched.setattr(jvm, "query_many", throw)
        with pytest.raises(RemoteException):
            await catalog.refresh(jvm, RULES, 2.0)
    assert set(await poll(catalog, jvm, 3.0)) == {GOOD, BAD}
