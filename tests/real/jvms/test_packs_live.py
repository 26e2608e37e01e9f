"""The packs against running JVMs: what they match, and that values fit their fields."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from jmxbridge.config.loader import PRESETS, packs
from jmxbridge.jmx import ObjectName, RemoteException, Value, connect
from jmxbridge.mbeans.rule import Rule
from tests.mbeans.test_packs import MBean, points, rules

pytestmark = pytest.mark.real

BROKER = ("jvm", "kafka-broker", "kafka-topics", "kafka-partitions")
CLIENTS = ("kafka-consumer", "kafka-producer")
# The packs a user would collect for each JVM.
COLLECT: dict[str, tuple[str, ...]] = {
    "estate_28.kafka": (*BROKER, "kafka-zookeeper"),
    "estate_39.kafka": (*BROKER, "kafka-kraft"),
    **{
        f"{estate}.{server}": collected
        for estate in ("estate_17", "estate_25")
        for server, collected in {
            "kafka": (*BROKER, "kafka-kraft"),
            "client": ("jvm", *CLIENTS),
            "connect": ("jvm", "kafka-connect", "kafka-mirror", *CLIENTS),
            "streams": ("jvm", "kafka-streams", *CLIENTS),
        }.items()
    },
}
ON_17 = [name for name in COLLECT if not name.startswith("estate_25")]


@dataclass(frozen=True, slots=True)
class LiveMBean:
    """One MBean of a running JVM: its attributes, and those that had a value."""

    name: ObjectName
    attributes: tuple[str, ...]
    values: dict[str, Value]


async def read(port: int) -> list[MBean]:
    """Read all MBeans of a JVM."""
    async with connect("127.0.0.1", port, timeout_s=60) as connection:
        names = await connection.query()
        infos = [
            (name, tuple(attribute.name for attribute in info.attributes))
            for name, info in zip(names, await connection.get_infos(names), strict=True)
            if not isinstance(info, RemoteException)
        ]
        answers = await connection.get_many(infos)
    return [
        LiveMBean(name, attributes, answer)
        for (name, attributes), answer in zip(infos, answers, strict=True)
        if not isinstance(answer, RemoteException)
    ]


@pytest.fixture(scope="module")
def live(port_of: Callable[[str], int]) -> Callable[[str], list[MBean]]:
    """Return the MBeans of a running JVM, read once."""
    kept: dict[str, list[MBean]] = {}

    def of(name: str) -> list[MBean]:
        if name not in kept:
            kept[name] = asyncio.run(read(port_of(name)))
        return kept[name]

    return of


def collected(name: str) -> list[Rule]:
    """Return the rules a user would collect for a JVM."""
    return [rule for pack in COLLECT[name] for rule in rules(pack)]


@pytest.mark.parametrize("name", COLLECT)
def test_rules_that_are_not_optional_give_a_point(
    name: str, live: Callable[[str], list[MBean]]
) -> None:
    """Each non-optional rule gives a point, and every value fits its field's type."""
    mbeans = live(name)
    for rule in collected(name):
        assert rule.optional or points((rule,), mbeans).points, rule.where
    result = points(tuple(collected(name)), mbeans)
    assert (result.dropped_type, result.duplicates) == (0, 0)


def test_every_pack_is_collected() -> None:
    """Every pack is tried, except those that only rename another."""
    assert {pack for name in COLLECT for pack in COLLECT[name]} == packs().keys() - PRESETS


def test_every_rule_takes_something(live: Callable[[str], list[MBean]]) -> None:
    """Each rule gives a point on some running JVM."""
    wanted = {rule.where for name in ON_17 for rule in collected(name)}
    gave = {
        rule.where
        for name in ON_17
        for rule in collected(name)
        if points((rule,), live(name)).points
    }
    assert wanted - gave == set()
