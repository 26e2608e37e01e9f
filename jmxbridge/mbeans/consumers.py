"""What the consumers among the targets last said of themselves.

The polls of targets tell it here, and the lag poll holds it against the commits. Only what the
rules of a file read is known: records-lag-max and records-consumed of the MBean
consumer-fetch-manager-metrics, which the pack `kafka-consumer` reads.

A consumer that is not there any more, because its MBean is gone or its JVM is, is kept with what it
said last and the reason: that it is gone is what somebody wants to know.
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
"""Of one target: an application may make up a client id for every consumer it starts."""

CLOSED = "the JVM answers and has no such consumer: it was closed"


class Consumers:
    """By target and client id."""

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
        """Take what one poll of a target read by these rules."""
        if not any(asks_for_consumers(rule) for rule in rules):
            return
        heard: dict[str, Consumer] = {}
        for reading in readings:
            client_id = reading.name.value("client-id")
            if client_id is not None and is_of_a_consumer(reading.name):
                last = heard.get(client_id) or Consumer(client_id, target, time_ns, host)
                heard[client_id] = replace(
                    last,
                    lag_max=_number(reading, LAG_MAX, last.lag_max),
                    consumed_total=_number(reading, CONSUMED_TOTAL, last.consumed_total),
                    consumed_rate=_number(reading, CONSUMED_RATE, last.consumed_rate),
                )
        before = self._by_target.get(target, {})
        gone = {
            client_id: replace(last, gone=CLOSED)
            for client_id, last in before.items()
            if client_id not in heard
        }
        newest = sorted(gone.values(), key=lambda each: each.time_ns, reverse=True)[:MAX_GONE]
        self._by_target[target] = {each.client_id: each for each in newest} | heard

    def lose(self, target: str, why: str) -> None:
        """The target could not be read, and so none of its consumers."""
        self._by_target[target] = {
            client_id: replace(last, gone=why)
            for client_id, last in self._by_target.get(target, {}).items()
        }

    def forget(self, target: str) -> None:
        """The target is polled no more."""
        self._by_target.pop(target, None)

    def all(self) -> tuple[Consumer, ...]:
        """Everything known, those included that are gone."""
        return tuple(each for found in self._by_target.values() for each in found.values())


def asks_for_consumers(rule: Rule) -> bool:
    """Tell whether a rule reads what is wanted here."""
    wanted = {LAG_MAX, CONSUMED_TOTAL, CONSUMED_RATE}
    fields = any(field.attribute in wanted for field in rule.fields)
    return fields and any(map(is_of_a_consumer, rule.beans))


def is_of_a_consumer(name: ObjectName) -> bool:
    """Tell whether this is, or selects, the MBean of a whole consumer; not that of one topic."""
    keys = name.properties.keys()
    return name.domain == DOMAIN and name.value("type") == TYPE and keys == {"type", "client-id"}


def _number(reading: Reading, attribute: str, otherwise: float | None) -> float | None:
    value: Value = reading.values.get(attribute)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return otherwise
    return float(value)
