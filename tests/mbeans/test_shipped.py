"""Shipped mbeans.yaml against the MBeans of real brokers and a real consumer."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from jmxbridge.config.loader import load
from jmxbridge.config.model.models import Settings
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.mbeans.discovery import attributes, find_claims
from jmxbridge.mbeans.points import Points, to_points
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule

SHIPPED = Path(__file__).parent.parent.parent / "mbeans.yaml"
BROKERS = ("broker-2.8.2", "broker-3.9.1", "broker-4.1.0")
JVMS = {"broker": BROKERS, "consumer": ("consumer-4.1.0",), "jvm": (*BROKERS, "consumer-4.1.0")}


class MBean(Protocol):
    """The parts of a recorded MBean."""

    @property
    def name(self) -> ObjectName: ...
    @property
    def attributes(self) -> tuple[str, ...]: ...
    @property
    def values(self) -> dict[str, Value]: ...


Recorded = Callable[[str], list[MBean]]


@pytest.fixture(scope="module")
def shipped() -> Settings:
    """The file, loaded with an empty environment."""
    return load(SHIPPED, {})


def readings(rules: tuple[Rule, ...], mbeans: list[MBean]) -> list[Reading]:
    """Read the attributes of the rules from a recording."""
    by_name = {mbean.name: mbean for mbean in mbeans}
    made = []
    for claim in find_claims(rules, by_name):
        mbean = by_name[claim.name]
        asked = attributes(claim.rule, mbean.attributes)
        values = {name: mbean.values[name] for name in asked if name in mbean.values}
        made.append(Reading(claim.rule, claim.name, values))
    return made


def points(rules: tuple[Rule, ...], mbeans: list[MBean]) -> Points:
    """Make points of these readings."""
    return to_points(readings(rules, mbeans), time_ns=0, tags={})


def test_the_shipped_file_polls_a_local_broker(shipped: Settings) -> None:
    """Unchanged: the broker on this machine, JMX on 9999, no InfluxDB."""
    assert shipped.influxdb is None
    assert shipped.kafka is not None
    assert [str(address) for address in shipped.kafka.bootstrap] == ["127.0.0.1:9092"]
    (target,) = shipped.targets
    assert (str(target.jmx), target.collect) == ("127.0.0.1:9999", ("broker", "jvm"))


def test_examples_in_comments_of_the_file_load(tmp_path: Path) -> None:
    """Without the #, the examples give a valid file."""
    text = re.sub(r"(?m)^(\s*)#(?=- \{|- \w+:|\w+:$|  \w+: )", r"\1", SHIPPED.read_text())
    (tmp_path / "mbeans.yaml").write_text(text)
    (tmp_path / "broker-3").write_text("secret")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")

    settings = load(tmp_path / "mbeans.yaml", {"INFLUX_TOKEN": "x"})

    assert settings.influxdb is not None
    assert [target.name for target in settings.targets] == [
        *("broker-1", "orders", "broker-2", "broker-3")
    ]
    assert settings.store.path == Path("/var/lib/jmxbridge/local.sqlite3")


def test_the_shipped_file_fits_a_terminal() -> None:
    """No line is longer than 100 columns."""
    assert not [line for line in SHIPPED.read_text().splitlines() if len(line) > 100]


@pytest.mark.parametrize(("name", "jvm"), [(n, jvm) for n, jvms in JVMS.items() for jvm in jvms])
def test_rules_of_the_file_that_are_not_optional_give_a_field(
    name: str, jvm: str, shipped: Settings, recorded: Recorded
) -> None:
    """At least one, on every version."""
    for rule in shipped.mbeans[name]:
        assert rule.optional or points((rule,), recorded(jvm)).points, (rule.where, jvm)


@pytest.mark.parametrize("name", list(JVMS))
def test_every_alias_of_the_shipped_file_matches(
    name: str, shipped: Settings, recorded: Recorded
) -> None:
    """On at least one version."""
    mbeans = [mbean.name for jvm in JVMS[name] for mbean in recorded(jvm)]

    for rule in shipped.mbeans[name]:
        for bean in rule.beans:
            assert any(bean.matches(name) for name in mbeans), (rule.where, bean)


@pytest.mark.parametrize("name", list(JVMS))
def test_every_attribute_of_the_shipped_file_exists(
    name: str, shipped: Settings, recorded: Recorded
) -> None:
    """On an MBean of its rule, on at least one version."""
    for rule in shipped.mbeans[name]:
        existing: set[str] = set()
        for jvm in JVMS[name]:
            by_name = {mbean.name: mbean for mbean in recorded(jvm)}
            existing.update(
                *(by_name[claim.name].attributes for claim in find_claims([rule], by_name))
            )
        assert {field.attribute for field in rule.fields} <= existing, rule.where


@pytest.mark.parametrize(("name", "jvm"), [(n, jvm) for n, jvms in JVMS.items() for jvm in jvms])
def test_values_fit_their_fields(
    name: str, jvm: str, shipped: Settings, recorded: Recorded
) -> None:
    """Every recorded value can be stored in its field, and no field has two values."""
    result = points(shipped.mbeans[name], recorded(jvm))

    assert (result.dropped_type, result.duplicates) == (0, 0)


def test_a_field_has_one_type_everywhere(shipped: Settings, recorded: Recorded) -> None:
    """In all sets and on all versions, a field of a measurement has one type."""
    types: dict[tuple[str, str], set[type]] = {}
    for name, jvms in JVMS.items():
        for jvm in jvms:
            for point in points(shipped.mbeans[name], recorded(jvm)).points:
                for field, value in point.fields.items():
                    types.setdefault((point.measurement, field), set()).add(type(value))

    assert {key: kinds for key, kinds in types.items() if len(kinds) > 1} == {}


def test_names_are_snake_case_and_never_both_tag_and_field(
    shipped: Settings, recorded: Recorded
) -> None:
    """For measurements, tags and fields."""
    for name, jvms in JVMS.items():
        for point in points(shipped.mbeans[name], recorded(jvms[-1])).points:
            for name in (point.measurement, *point.tags, *point.fields):
                assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name), name
            assert not set(point.tags) & set(point.fields)


@pytest.mark.parametrize(
    ("jvm", "name", "expected"),
    [
        (
            "broker-2.8.2",
            "broker",
            {"kafka_zookeeper": 1, "kafka_broker": 1, "kafka_controller": 1},
        ),
        ("broker-4.1.0", "broker", {"kafka_raft": 1, "kafka_broker": 1, "kafka_controller": 1}),
        ("consumer-4.1.0", "consumer", {"kafka_consumer": 1, "kafka_consumer_partition": 3}),
        ("consumer-4.1.0", "jvm", {"jvm": 1, "jvm_gc": 2, "jvm_memory_pool": 8}),
    ],
)
def test_the_shipped_file_makes_one_point_per_entity(
    jvm: str, name: str, expected: dict[str, int], shipped: Settings, recorded: Recorded
) -> None:
    """Dozens of a broker's MBeans give one point; entities have points of their own."""
    counts = Counter(p.measurement for p in points(shipped.mbeans[name], recorded(jvm)).points)

    assert {measurement: counts[measurement] for measurement in expected} == expected


def test_the_shipped_file_reads_a_consumers_lag(shipped: Settings, recorded: Recorded) -> None:
    """`records_lag_max` has the value of the attribute."""
    made = points(shipped.mbeans["consumer"], recorded("consumer-4.1.0")).points

    assert [p.fields["records_lag_max"] for p in made if p.measurement == "kafka_consumer"] == [7.0]
