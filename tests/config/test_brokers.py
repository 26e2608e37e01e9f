"""Brokers that are found become targets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.config.brokers import with_brokers
from jmxbridge.config.loader import packs
from jmxbridge.config.model.models import Settings
from jmxbridge.config.settings_builder import build
from jmxbridge.config.values.broker_templates import BrokerTemplate, parse_broker_port

BROKERS = {2: ("k2", 9092), 1: ("k1", 9092)}


def settings(*targets: str) -> Settings:
    """Check a file with these targets."""

    def no_files(path: Path) -> str:
        raise AssertionError(path)

    lines = "".join(f"  - {{{each}}}\n" for each in targets)
    text = f"kafka: {{bootstrap: ['k1:9092']}}\ntargets:\n{lines}"
    path = Path("mbeans.yaml")
    return build(text, path=path, environ={}, read_secret=no_files, packs=packs())


def test_each_broker_is_a_target() -> None:
    """Named and found by its id, with all that the entry says of how it is polled."""
    made = settings(
        "name: orders, jmx: 'app:9998', collect: [jvm]",
        "discover: kafka, jmx_port: 9999, collect: [kafka-broker, jvm], tags: {dc: west}",
    )
    found = with_brokers(made, BROKERS)

    assert found.problems == ()
    orders, first, second = found.settings.targets
    assert orders == made.targets[0]
    assert (first.name, str(first.jmx)) == ("broker-1", "k1:9999")
    assert (second.name, str(second.jmx)) == ("broker-2", "k2:9999")
    assert (first.collect, dict(first.tags)) == (("kafka-broker", "jvm"), {"dc": "west"})
    assert next(iter(found.settings.rules_for(second))).set_name == "kafka-broker"


def test_no_broker_is_known_yet() -> None:
    """A file that only discovers is right, and polls nothing but the lag at first."""
    made = settings("discover: kafka, jmx_port: 9999, collect: [jvm]")
    assert with_brokers(made, {}).settings.targets == made.targets == ()


def test_a_target_of_the_file_keeps_its_name() -> None:
    """A broker that is told apart by name is polled as the file says, once."""
    made = settings(
        "name: broker-2, jmx: 'elsewhere:7777', collect: [jvm]",
        "discover: kafka, jmx_port: 9999, collect: [kafka-broker]",
    )
    targets = {each.name: str(each.jmx) for each in with_brokers(made, BROKERS).settings.targets}
    assert targets == {"broker-2": "elsewhere:7777", "broker-1": "k1:9999"}


def test_brokers_that_are_found_again_are_the_same_targets() -> None:
    """Equal to those of the time before, so that they stay connected."""
    made = settings("discover: kafka, jmx_port: 9999, collect: [jvm]")
    assert with_brokers(made, BROKERS) == with_brokers(made, dict(sorted(BROKERS.items())))


def test_a_port_that_is_none_costs_its_broker_alone() -> None:
    """It is said which, and why; the others are polled."""
    made = settings("discover: kafka, jmx_port: '99{id}', collect: [jvm]")
    found = with_brokers(made, {1: ("k1", 9092), 1001: ("k1001", 9092)})

    assert [target.name for target in found.settings.targets] == ["broker-1"]
    assert found.problems == (
        'broker 1001: jmx_port 99{id}: "991001" is not a TCP port (1 to 65535)',
    )


@pytest.mark.parametrize(
    ("template", "port"),
    [("9999", 9999), ("{id+9998}", 10_001), ("1{port}", 19092), ("{port-93}", 8999)],
)
def test_a_port_by_id_or_by_port(template: str, port: int) -> None:
    """Brokers that share a host have JMX ports of their own."""
    assert parse_broker_port(template).fill(3, 9092) == str(port)


@given(st.integers(0, 10**6), st.integers(1, 65535), st.integers(-99_999, 99_999))
def test_what_is_added_is_added(broker: int, port: int, more: int) -> None:
    """A number beside id or port is added to it, whatever its sign."""
    filled = BrokerTemplate(f"{{id{more:+}}}/{{port{more:+}}}").fill(broker, port)
    assert filled == f"{broker + more}/{port + more}"
