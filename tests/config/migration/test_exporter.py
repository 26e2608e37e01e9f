"""Rules of jmx_exporter as rules of a mbeans.yaml."""

from collections.abc import Callable

import pytest

from jmxbridge.config.migration import Migrated, migrate
from jmxbridge.config.model.models import Settings

MakeSettings = Callable[..., Settings]

UPTIME = '- {pattern: "java.lang<type=Runtime><>Uptime", name: up}\n'


def migrated(text: str) -> Migrated:
    """Migrate a file of jmx_exporter."""
    return migrate("jmx-exporter", text, source="x")


@pytest.mark.parametrize("factor", ["x", ".nan", ".inf", "1e999"])
def test_rule_with_a_factor_that_is_no_number_is_listed(
    factor: str, settings: MakeSettings
) -> None:
    """Only that rule is left out."""
    threads = '{pattern: "java.lang<type=Threading><>ThreadCount", name: threads'
    new = migrated(f"rules:\n{UPTIME}- {threads}, valueFactor: {factor}}}\n")

    (rule,) = settings(new.text, kafka=False).mbeans["jmx-exporter"]
    assert rule.fields[0].name == "up"
    assert [leftover.line for leftover in new.leftovers] == [1, 3]


def test_rule_with_a_factor_scales(settings: MakeSettings) -> None:
    """`valueFactor` becomes `scale`."""
    new = migrated(f"hostPort: h:1\nrules:\n{UPTIME.replace('}', ', valueFactor: 0.001}')}")

    (rule,) = settings(new.text, kafka=False).mbeans["jmx-exporter"]
    assert rule.fields[0].scale == 0.001


def test_names_that_change_are_listed(settings: MakeSettings) -> None:
    """A key property that is part of a name is whole here, and lower-case words are separated."""
    new = migrated(
        """
lowercaseOutputName: true
rules:
- {pattern: "kafka.log<type=Log, name=(.+)Offset><>Value", name: log_$1}
- {pattern: "java.lang<type=Memory><HeapMemoryUsage>(.+)", name: Heap_$1}
"""
    )

    log, heap = settings(new.text, kafka=False).mbeans["jmx-exporter"]
    assert log.fields[0].name == "log_{name}"
    assert [field.name for field in heap.fields] == [
        "heap_init",
        "heap_used",
        "heap_committed",
        "heap_max",
    ]
    assert [str(leftover) for leftover in new.leftovers[1:]] == [
        "4: pattern kafka.log<type=Log, name=(.+)Offset><>Value: its names change: they contain"
        " whole key properties, and their words are separated, log_end_offset for logendoffset"
    ]


def test_login_and_tls_of_the_jvm_are_kept(settings: MakeSettings) -> None:
    """A remote JVM keeps its address, its user name with a variable, and TLS."""
    new = migrated(
        f"jmxUrl: 'service:jmx:rmi:///jndi/rmi://h:7/jmxrmi'\nusername: me\n"
        f"password: '${{PASSWORD}}'\nssl: true\nrules:\n{UPTIME}"
    )

    (target,) = settings(new.text, {"PASSWORD": "x"}, kafka=False).targets
    assert (target.jmx.host, target.jmx.port, target.username) == ("h", 7, "me")
    assert target.tls is not None
    assert new.leftovers == ()


def test_rule_with_an_unknown_key_is_listed() -> None:
    """A key that changes what a rule means is not dropped silently."""
    odd = UPTIME.replace("}", ", attrNameSnakeCase: true}")
    new = migrated(f"hostPort: h:1\nrules:\n{UPTIME}{odd}")

    assert [str(leftover) for leftover in new.leftovers] == [
        "4: pattern java.lang<type=Runtime><>Uptime: attrNameSnakeCase has no counterpart"
    ]


def test_rule_that_is_no_mapping_is_listed() -> None:
    """A text in the list of rules has neither pattern nor name."""
    new = migrated(f"hostPort: h:1\nrules:\n{UPTIME}- text\n")

    assert [leftover.line for leftover in new.leftovers] == [4]
