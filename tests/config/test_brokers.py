"""Targets of discovered brokers."""

from collections.abc import Callable

from jmxbridge.config.brokers import with_brokers
from jmxbridge.config.loader import packs
from jmxbridge.config.model.models import Settings

MakeSettings = Callable[..., Settings]

BROKERS = {2: ("k2", 9092), 1: ("k1", 9092)}


def discovering(settings: MakeSettings, *targets: str) -> Settings:
    """Make settings with these targets."""
    lines = "".join(f"  - {{{target}}}\n" for target in targets)
    return settings(f"targets:\n{lines}", packs=packs())


def test_each_broker_is_a_target(settings: MakeSettings) -> None:
    """Name and address come from its id, the other options from the entry."""
    file = discovering(
        settings,
        "name: orders, jmx: 'app:9998', collect: [jvm]",
        "discover: kafka, jmx_port: 9999, collect: [kafka-broker, jvm], tags: {dc: west}",
    )
    extended = with_brokers(file, BROKERS)

    assert extended.problems == ()
    orders, first, second = extended.settings.targets
    assert orders == file.targets[0]
    assert (first.name, str(first.jmx)) == ("broker-1", "k1:9999")
    assert (second.name, str(second.jmx)) == ("broker-2", "k2:9999")
    assert (first.collect, dict(first.tags)) == (("kafka-broker", "jvm"), {"dc": "west"})
    assert extended.settings.rules_for(second)[0].set_name == "kafka-broker"


def test_without_brokers_there_is_no_target(settings: MakeSettings) -> None:
    """A file that only discovers is valid, and polls nothing but the lag at first."""
    file = discovering(settings, "discover: kafka, jmx_port: 9999, collect: [jvm]")

    assert with_brokers(file, {}).settings.targets == file.targets == ()


def test_target_of_the_file_keeps_its_name(settings: MakeSettings) -> None:
    """A broker that the file names itself is polled as the file tells, once."""
    file = discovering(
        settings,
        "name: broker-2, jmx: 'elsewhere:7777', collect: [jvm]",
        "discover: kafka, jmx_port: 9999, collect: [kafka-broker]",
    )
    targets = with_brokers(file, BROKERS).settings.targets

    assert {target.name: str(target.jmx) for target in targets} == {
        "broker-2": "elsewhere:7777",
        "broker-1": "k1:9999",
    }


def test_same_brokers_are_equal_targets(settings: MakeSettings) -> None:
    """Targets that are equal to those of the last discovery stay connected."""
    file = discovering(settings, "discover: kafka, jmx_port: 9999, collect: [jvm]")

    assert with_brokers(file, BROKERS) == with_brokers(file, dict(sorted(BROKERS.items())))


def test_template_without_a_port_costs_its_broker_alone(settings: MakeSettings) -> None:
    """The problem names the broker and the reason; the others are polled."""
    file = discovering(settings, "discover: kafka, jmx_port: '99{id}', collect: [jvm]")
    extended = with_brokers(file, {1: ("k1", 9092), 1001: ("k1001", 9092)})

    assert [target.name for target in extended.settings.targets] == ["broker-1"]
    assert extended.problems == (
        'broker 1001: jmx_port 99{id}: "991001" is not a TCP port (1 to 65535)',
    )
