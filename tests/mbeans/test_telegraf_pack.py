"""Pack `telegraf` against the example of Telegraf for Kafka, on recorded brokers.

The example is Telegraf's plugins/inputs/jolokia2_agent/examples/kafka.conf; EXAMPLE has its
content. There, every number of a matching MBean becomes a field. No recorded broker has its quotas
by user.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.jmx.object_name import ObjectName
from tests.mbeans.test_packs import BROKERS, points, rules

Recorded = Callable[[str], list[Any]]

# Measurement, MBeans, what a field is called ($1 is the first wildcard), tags.
EXAMPLE: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("controller", "kafka.controller:name=*,type=*", "$1.{}", ()),
    ("replica_manager", "kafka.server:name=*,type=ReplicaManager", "$1.{}", ()),
    (
        "purgatory",
        "kafka.server:delayedOperation=*,name=*,type=DelayedOperationPurgatory",
        "$1.$2",
        (),
    ),
    ("zookeeper", "kafka.server:name=*,type=SessionExpireListener", "$1.{}", ()),
    ("request", "kafka.network:name=*,request=*,type=RequestMetrics", "$1.{}", ("request",)),
    ("topics", "kafka.server:name=*,type=BrokerTopicMetrics", "$1.{}", ()),
    ("topic", "kafka.server:name=*,topic=*,type=BrokerTopicMetrics", "$1.{}", ("topic",)),
    (
        "partition",
        "kafka.log:name=*,partition=*,topic=*,type=Log",
        "$1",
        ("topic", "partition"),
    ),
    (
        "partition",
        "kafka.cluster:name=UnderReplicated,partition=*,topic=*,type=Partition",
        "UnderReplicatedPartitions",
        ("topic", "partition"),
    ),
]
Names = set[tuple[str, frozenset[tuple[str, str]], str]]


def telegrafs(mbeans: list[Any]) -> Names:
    """Return measurement, tags and field of every number that the example reads."""
    made: Names = set()
    for measurement, text, named, tags in EXAMPLE:
        pattern = ObjectName.parse(text)
        wild = re.findall(r"(\w+)=\*", text)
        for mbean in mbeans:
            if not pattern.matches(mbean.name):
                continue
            field = named
            for number, key in enumerate(wild, 1):
                field = field.replace(f"${number}", mbean.name.value(key) or "")
            tagged = frozenset((tag, mbean.name.value(tag) or "") for tag in tags)
            numbers = [attribute for attribute, value in mbean.values.items() if is_number(value)]
            made.update(
                (f"kafka_{measurement}", tagged, field.format(attribute)) for attribute in numbers
            )
    return made


def is_number(value: object) -> bool:
    """Tell whether Telegraf writes a value as a number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


@pytest.mark.parametrize("jvm", BROKERS)
def test_telegraf_pack_has_every_name_of_the_example(jvm: str, recorded: Recorded) -> None:
    """The same measurements, tags and fields, and no others."""
    ours = {
        (point.measurement, frozenset(point.tags.items()), field)
        for point in points(rules("telegraf"), recorded(jvm)).points
        for field, value in point.fields.items()
        if isinstance(value, float)
    }
    assert ours == telegrafs(recorded(jvm))
