"""Packs of the package against the MBeans of real JVMs."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest

from jmxbridge.config.loader import PRESETS, load, packs
from jmxbridge.config.model.models import Settings
from jmxbridge.config.settings_builder import build
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.discovery import attributes, find_claims
from jmxbridge.mbeans.points import Points, to_points
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule

ROOT = Path(__file__).parents[2]
BROKERS = ("broker-2.0.0", "broker-2.8.2", "broker-3.9.1", "broker-4.1.0")
CONNECT = ("connect-3.9.1", "connect-4.1.0")  # MirrorMaker 2 in it; clients of all kinds, as below
STREAMS = ("streams-3.9.1", "streams-4.1.0")
CONSUMERS = ("consumer-4.1.0", *CONNECT, *STREAMS)
PRODUCERS = ("producer-4.1.0", *CONNECT, *STREAMS)
# Which recorded JVMs a pack is for.
JVMS: dict[str, tuple[str, ...]] = {
    "jvm": (*BROKERS, "consumer-4.1.0", "producer-4.1.0", *CONNECT, *STREAMS),
    "kafka-broker": BROKERS,
    "kafka-connect": CONNECT,
    "kafka-consumer": CONSUMERS,
    "kafka-kraft": ("broker-3.9.1", "broker-4.1.0"),
    "kafka-mirror": CONNECT,
    "kafka-partitions": BROKERS,
    "kafka-producer": PRODUCERS,
    "kafka-streams": STREAMS,
    "kafka-topics": BROKERS,
    "kafka-zookeeper": ("broker-2.0.0", "broker-2.8.2"),
    "telegraf": BROKERS,
}
# Of these no JVM has been recorded: a broker has them where client quotas are set by user.
QUOTA_BEANS = {"kafka.server:type=Request,user=*"}
PAIRS = [(name, jvm) for name, jvms in JVMS.items() for jvm in jvms]


class MBean(Protocol):
    """The parts of a recorded MBean."""

    @property
    def name(self) -> ObjectName: ...
    @property
    def attributes(self) -> tuple[str, ...]: ...
    @property
    def values(self) -> dict[str, Value]: ...


Recorded = Callable[[str], list[MBean]]


def no_files(path: Path) -> str:
    """A machine without secret files."""
    raise AssertionError(path)


def settings(collect: list[str], mbeans: str = "") -> Settings:
    """Make a file of one target that collects packs."""
    text = f"targets: [{{name: t, jmx: 'a:1', collect: [{', '.join(collect)}]}}]\n{mbeans}"
    path = Path("mbeans.yaml")
    return build(text, path=path, environ={}, read_secret=no_files, packs=packs())


@cache
def rules(pack: str) -> tuple[Rule, ...]:
    """Return the rules of a pack."""
    return settings([pack]).mbeans[pack]


def points(wanted: tuple[Rule, ...], mbeans: list[MBean]) -> Points:
    """Make points of the values that rules read from a recording."""
    by_name = {mbean.name: mbean for mbean in mbeans}
    readings = []
    for claim in find_claims(wanted, by_name):
        mbean = by_name[claim.name]
        asked = attributes(claim.rule, mbean.attributes)
        values = {name: mbean.values[name] for name in asked if name in mbean.values}
        readings.append(Reading(claim.rule, claim.name, values))
    return to_points(readings, time_ns=0, tags={})


def test_every_pack_is_tested() -> None:
    """Each pack is compared with at least one recording."""
    assert packs().keys() == JVMS.keys()


@pytest.mark.parametrize("pack", list(packs()))
def test_rules_of_packs_have_help_and_units(pack: str) -> None:
    """A description, and a unit for each field; presets have another tool's names."""
    for rule in rules(pack):
        assert rule.help.endswith("."), rule.where
        unknown = [field.name for field in rule.fields if rule.unit_of(field) is None]
        assert not unknown or pack in PRESETS, (rule.where, unknown)


def test_packs_go_together() -> None:
    """All packs in one file: no field has two types, no name is both tag and field."""
    names = list(packs().keys() - PRESETS)
    together = settings(names)
    assert all(together.mbeans[name] for name in names)
    assert together.warnings == ()


@pytest.mark.parametrize(("pack", "jvm"), PAIRS)
def test_rules_that_are_not_optional_give_a_field(pack: str, jvm: str, recorded: Recorded) -> None:
    """At least one, on every version."""
    for rule in rules(pack):
        assert rule.optional or points((rule,), recorded(jvm)).points, (rule.where, jvm)


@pytest.mark.parametrize(("pack", "jvm"), PAIRS)
def test_every_value_fits_its_field(pack: str, jvm: str, recorded: Recorded) -> None:
    """Every recorded value can be stored in its field, and no field has two values."""
    result = points(rules(pack), recorded(jvm))
    assert (result.dropped_type, result.duplicates) == (0, 0)


@pytest.mark.parametrize("pack", list(JVMS))
def test_a_field_has_one_type_on_every_version(pack: str, recorded: Recorded) -> None:
    """InfluxDB refuses a field that changes its type: an upgrade of Kafka must not change one."""
    types: dict[tuple[str, str], set[type]] = {}
    for jvm in JVMS[pack]:
        for point in points(rules(pack), recorded(jvm)).points:
            for field, value in point.fields.items():
                types.setdefault((point.measurement, field), set()).add(type(value))
    assert types
    assert {field: kinds for field, kinds in types.items() if len(kinds) > 1} == {}


@pytest.mark.parametrize("pack", list(JVMS))
def test_packs_name_only_what_some_version_has(pack: str, recorded: Recorded) -> None:
    """Every rule matches an MBean on some version, and every attribute exists on one."""
    for rule in rules(pack):
        if str(rule.beans[0]) in QUOTA_BEANS:
            continue
        existing: set[str] = set()
        for jvm in JVMS[pack]:
            by_name = {mbean.name: mbean for mbean in recorded(jvm)}
            existing.update(
                *(by_name[claim.name].attributes for claim in find_claims([rule], by_name))
            )
        assert {field.attribute for field in rule.fields} <= existing, rule.where


def test_the_shipped_file_has_the_rules_of_the_packs() -> None:
    """A user who changes from the file's sets to packs keeps every series."""
    shipped = load(ROOT / "mbeans.yaml", {})
    packed = [what(rule) for name in packs() for rule in rules(name)]
    assert [
        rule.where
        for rules in shipped.mbeans.values()
        for rule in rules
        if what(rule) not in packed
    ] == []


def what(rule: Rule) -> tuple[object, ...]:
    """Return the effect of a rule, without its place."""
    return (
        rule.beans,
        rule.measurement,
        dict(rule.tags),
        rule.fields,
        rule.every_s,
        rule.optional,
        rule.limit,
        rule.sum_over,
    )


def test_a_set_of_the_file_replaces_the_pack_of_its_name() -> None:
    """The pack's rules are not used."""
    rule = "{bean: 'java.lang:type=Runtime', measurement: mine, fields: {Uptime: uptime_ms}}"
    made = settings(["jvm"], f"mbeans: {{jvm: [{rule}]}}\n")
    assert [rule.measurement for rule in made.mbeans["jvm"]] == ["mine"]


def test_a_rule_of_a_pack_has_its_place() -> None:
    """Messages about it name the pack's file."""
    (first, *_) = rules("jvm")
    assert first.where == "packs/jvm.yaml:3:3"
    assert first.ships
