"""Catalog: names and attributes are queried when they may have changed, and at no other poll."""

from collections.abc import Sequence

import pytest

from jmxbridge.jmx.errors import RemoteException
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import AttributeInfo, MBeanInfo
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.transports.catalog import EVERYTHING_S, INCOMPLETE_S, Catalog
from jmxbridge.transports.transport import AttributeNames, AttributeValues

GONE = RemoteException("javax.management.InstanceNotFoundException", "x")
BROKEN = RemoteException("java.lang.IllegalStateException", "x")


def name(kind: str, topic: str) -> ObjectName:
    """The name of an MBean."""
    return ObjectName.parse(f"a:type={kind},topic={topic}")


def rule(kind: str, *attributes: str, limit: int | None = None) -> Rule:
    """A rule that reads attributes of all topics of a type."""
    fields = tuple(Field(attribute, (), attribute.lower()) for attribute in attributes)
    return Rule("s", (name(kind, "*"),), kind, {"topic": "topic"}, fields, limit=limit)


LOGS = rule("Log", "Size", "Lag")


class Jvm:
    """The MBeans of a JVM by topic, each with its attributes; counts the calls."""

    def __init__(self, **attributes: str) -> None:
        self.attributes = {topic: names.split() for topic, names in attributes.items()}
        self.queries = 0
        self.described: list[ObjectName] = []

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        self.queries += 1
        kinds = [pattern.value("type") for pattern in patterns]
        return [[name(str(kind), topic) for topic in self.attributes] for kind in kinds]

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo | RemoteException]:
        self.described += names
        return [self._info(str(name.value("topic"))) for name in names]

    def _info(self, topic: str) -> MBeanInfo | RemoteException:
        if "vanished" in topic:
            return GONE
        infos = [
            AttributeInfo(attribute, "long", None, True, False)
            for attribute in self.attributes[topic]
        ]
        return MBeanInfo("Log", None, tuple(infos))

    async def get_many(self, wanted: AttributeNames) -> list[AttributeValues]:
        return [dict.fromkeys(attributes, 1) for _, attributes in wanted]


async def refresh(catalog: Catalog, jvm: Jvm, *rules: Rule, now_s: float = 1.0) -> None:
    """Refresh as a transport does before each poll."""
    await catalog.refresh(jvm, rules, now_s)  # type: ignore[arg-type]  # it has what is called


def reads_of(catalog: Catalog, *rules: Rule) -> dict[str, tuple[str, ...]]:
    """The attributes to read at a poll, by topic."""
    return {str(read.name.value("topic")): read.attributes for read in catalog.due(rules).reads}


async def test_refresh_queries_nothing_in_a_steady_poll() -> None:
    """Names and attributes are learned once; `due` then gives the same object at each poll."""
    jvm, catalog = Jvm(x="Size Lag", y="Size Lag"), Catalog()
    await refresh(catalog, jvm, LOGS)
    due = catalog.due([LOGS])
    for now_s in (2.0, 3.0):
        catalog.note_count(2)
        await refresh(catalog, jvm, LOGS, now_s=now_s)
        assert catalog.due([LOGS]) is due
    assert (jvm.queries, len(jvm.described)) == (1, 2)
    assert due.names == tuple((read.name, read.attributes) for read in due.reads)
    assert reads_of(catalog, LOGS) == {"x": ("Size", "Lag"), "y": ("Size", "Lag")}


async def test_due_has_only_the_reads_of_its_rules() -> None:
    """Rules with `every` are not due at each poll; their MBeans stay known."""
    jvm, catalog = Jvm(x="Size Lag"), Catalog()
    seldom = rule("Slow", "Size")
    await refresh(catalog, jvm, LOGS, seldom)
    await refresh(catalog, jvm, LOGS)
    assert [read.rule for read in catalog.due([LOGS]).reads] == [LOGS]
    assert [read.rule for read in catalog.due([LOGS, seldom]).reads] == [LOGS, seldom]
    assert jvm.queries == 1


async def test_refresh_queries_names_for_a_new_rule() -> None:
    """A rule that was not seen before is looked for at once; known MBeans keep their attributes."""
    jvm, catalog = Jvm(x="Size Lag"), Catalog()
    await refresh(catalog, jvm, LOGS)
    second = rule("Second", "Size")
    await refresh(catalog, jvm, LOGS, second)
    assert (jvm.queries, jvm.described) == (2, [name("Log", "x"), name("Second", "x")])


@pytest.mark.parametrize("by_count", [True, False], ids=["count", "change"])
async def test_refresh_queries_names_after_a_change(*, by_count: bool) -> None:
    """Another number of MBeans, or an agent's report: only new MBeans are described."""
    jvm, catalog = Jvm(x="Size Lag", y="Size Lag"), Catalog()
    await refresh(catalog, jvm, LOGS)
    catalog.note_count(2)
    jvm.attributes = {"y": ["Size", "Lag"], "z": ["Size"]}
    if by_count:
        catalog.note_count(3)
    else:
        catalog.note_change()
    await refresh(catalog, jvm, LOGS)
    assert reads_of(catalog, LOGS) == {"y": ("Size", "Lag"), "z": ("Size",)}
    assert jvm.queries == 2
    assert jvm.described[2:] == [name("Log", "z")]


async def test_refresh_describes_incomplete_mbeans_again() -> None:
    """Kafka's clients add lag attributes to an MBean they registered before."""
    jvm, catalog = Jvm(whole="Size Lag", part="Size"), Catalog()
    await refresh(catalog, jvm, LOGS)
    jvm.attributes["part"].append("Lag")
    await refresh(catalog, jvm, LOGS, now_s=1.0 + INCOMPLETE_S - 0.1)
    assert reads_of(catalog, LOGS)["part"] == ("Size",)
    await refresh(catalog, jvm, LOGS, now_s=1.0 + INCOMPLETE_S)
    assert reads_of(catalog, LOGS)["part"] == ("Size", "Lag")
    assert jvm.described[2:] == [name("Log", "part")]


async def test_refresh_describes_all_mbeans_after_a_while() -> None:
    """An attribute that an MBean lost is no longer asked for."""
    jvm, catalog = Jvm(x="Size Lag"), Catalog()
    await refresh(catalog, jvm, LOGS)
    jvm.attributes["x"] = ["Size"]
    await refresh(catalog, jvm, LOGS, now_s=1.0 + EVERYTHING_S)
    assert reads_of(catalog, LOGS) == {"x": ("Size",)}


async def test_refresh_leaves_out_mbeans_without_a_wanted_attribute() -> None:
    """Neither one that vanished before it was described, nor one that lacks all attributes."""
    jvm, catalog = Jvm(x="Size", vanished="Size", other="Offset"), Catalog()
    await refresh(catalog, jvm, LOGS)
    assert reads_of(catalog, LOGS) == {"x": ("Size",)}


async def test_refresh_counts_series_beyond_a_limit() -> None:
    """What limits leave out is known for the target's own point."""
    jvm, catalog = Jvm(x="Size", y="Size", z="Size"), Catalog()
    await refresh(catalog, jvm, rule("Log", "Size", limit=1))
    assert catalog.series_limited == 2


async def test_refresh_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of the Java side leaves what is known; the next poll queries again."""
    jvm, catalog = Jvm(x="Size Lag"), Catalog()
    await refresh(catalog, jvm, LOGS)
    second = rule("Second", "Size")

    async def throw(patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        raise RemoteException("java.lang.OutOfMemoryError", "Java heap space")

    with monkeypatch.context() as patched:
        patched.setattr(jvm, "query_many", throw)
        with pytest.raises(RemoteException):
            await refresh(catalog, jvm, LOGS, second)
    await refresh(catalog, jvm, LOGS, second)
    assert {read.rule.measurement for read in catalog.due([LOGS, second]).reads} == {
        "Log",
        "Second",
    }


async def test_readings_leave_out_mbeans_that_failed() -> None:
    """The others have their values; one that is gone is looked for by name at the next poll."""
    jvm, catalog = Jvm(x="Size", y="Size"), Catalog()
    await refresh(catalog, jvm, LOGS)
    due = catalog.due([LOGS])

    [reading] = catalog.readings(due.reads, [{"Size": 7}, GONE])

    assert (reading.rule, reading.name, reading.values) == (LOGS, name("Log", "x"), {"Size": 7})
    del jvm.attributes["y"]
    await refresh(catalog, jvm, LOGS)
    assert reads_of(catalog, LOGS) == {"x": ("Size",)}


async def test_readings_of_a_jvm_whose_mbeans_are_gone_are_empty() -> None:
    """A JVM that answers is up, also if its only MBean vanished."""
    jvm, catalog = Jvm(x="Size"), Catalog()
    await refresh(catalog, jvm, LOGS)
    assert catalog.readings(catalog.due([LOGS]).reads, [GONE]) == []


async def test_readings_raise_if_no_mbean_could_be_read() -> None:
    """A JVM in which every read fails is down, for another reason than a vanished MBean."""
    jvm, catalog = Jvm(x="Size", y="Size"), Catalog()
    await refresh(catalog, jvm, LOGS)
    with pytest.raises(RemoteException, match="IllegalState"):
        catalog.readings(catalog.due([LOGS]).reads, [GONE, BROKEN])
