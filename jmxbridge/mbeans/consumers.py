"""Last metrics of the Kafka consumers in the polled JVMs.

The polls of targets report them, and the lag poll compares them with the commits. Only metrics that
the rules of a file read are known: records-lag-max and records-consumed of the MBean
consumer-fetch-manager-metrics, which the pack `kafka-consumer` reads.

A consumer whose MBean or JVM is gone is kept with its last metrics and the reason: an operator
wants to know that it is gone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import Value
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule

DOMAIN = "kafka.consumer"
TYPE = "consumer-fetch-manager-metrics"
LAG_MAX = "records-lag-max"
CONSUMED_TOTAL = "records-consumed-total"
CONSUMED_RATE = "records-consumed-rate"

MAX_GONE = 100
"""Most of one target: an application may create a new client id for every consumer it starts."""

CLOSED = "the JVM answers and has no such consumer: it was closed"


class Consumers:
    """Consumers by target and client id."""

    def __init__(self) -> None:
        self._by_target: dict[str, dict[str, Consumer]] = {}

    def learn(
        self,
        target: str,
        readings: Iterable[Reading],
        rules: Sequence[Rule],
        *,
        time_ns: int,
        host: str | None = None,
    ) -> None:
        """Update the consumers of a target with the readings of one poll by these rules."""
        if not any(reads_consumers(rule) for rule in rules):
            return
        current: dict[str, Consumer] = {}
        for reading in readings:
            client_id = reading.name.value("client-id")
            if client_id is not None and is_consumer(reading.name):
                last = current.get(client_id) or Consumer(client_id, target, time_ns, host)
                current[client_id] = replace(
                    last,
                    lag_max=_number(reading, LAG_MAX, last.lag_max),
                    consumed_total=_number(reading, CONSUMED_TOTAL, last.consumed_total),
                    consumed_rate=_number(reading, CONSUMED_RATE, last.consumed_rate),
                )
        before = self._by_target.get(target, {})
        gone = {
            client_id: replace(last, gone=CLOSED)
            for client_id, last in before.items()
            if client_id not in current
        }
        newest = sorted(gone.values(), key=lambda consumer: consumer.time_ns, reverse=True)[
            :MAX_GONE
        ]
        self._by_target[target] = {consumer.client_id: consumer for consumer in newest} | current

    def lose(self, target: str, why: str) -> None:
        """Mark the consumers of a target as gone, because the target could not be read."""
        self._by_target[target] = {
            client_id: replace(last, gone=why)
            for client_id, last in self._by_target.get(target, {}).items()
        }

    def forget(self, target: str) -> None:
        """Remove a target that is no longer polled, with its consumers."""
        self._by_target.pop(target, None)

    def all(self) -> tuple[Consumer, ...]:
        """Return all consumers, including those that are gone."""
        return tuple(
            consumer for consumers in self._by_target.values() for consumer in consumers.values()
        )


def reads_consumers(rule: Rule) -> bool:
    """Tell whether a rule reads metrics of consumers."""
    wanted = {LAG_MAX, CONSUMED_TOTAL, CONSUMED_RATE}
    fields = any(field.attribute in wanted for field in rule.fields)
    return fields and any(map(is_consumer, rule.beans))


def is_consumer(name: ObjectName) -> bool:
    """Tell whether a name is, or selects, the MBean of a whole consumer, not of one topic."""
    keys = name.properties.keys()
    return name.domain == DOMAIN and name.value("type") == TYPE and keys == {"type", "client-id"}


def _number(reading: Reading, attribute: str, otherwise: float | None) -> float | None:
    value: Value = reading.values.get(attribute)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return otherwise
    return float(value)
