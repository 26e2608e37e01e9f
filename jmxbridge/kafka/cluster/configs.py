"""Retention: how long brokers keep records of a topic and offsets of an empty group.

Rule: nothing waits for these reads and nothing fails with them. They need DESCRIBE_CONFIGS, a right
that no lag needs; without it retention stays unknown, which is no error. Any other refusal is
reported once.

One broker is asked, for itself and for topics: new topics at once, all topics every ten minutes,
and at most MAX_TOPICS in one poll.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.wire.api_numbers import DESCRIBE_CONFIGS, Api
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema
from jmxbridge.kafka.wire.error_codes import (
    CLUSTER_AUTHORIZATION_FAILED,
    NONE,
    TOPIC_AUTHORIZATION_FAILED,
    error_name,
)
from jmxbridge.kafka.wire.errors import BrokerFailed, RequestFailed

RETENTION_REFRESH_S = 600.0
"""Retention is changed by people, and takes effect by whole segments, hours later."""

MAX_TOPICS = 500
"""Topics in one request: a broker needs some 0.1 ms for each, during which other clients wait."""

TOPIC = 2
BROKER = 4
_OFFSETS_RETENTION = "offsets.retention.minutes"
_TOPIC_KEYS = ("cleanup.policy", "retention.ms")

_NO_RIGHT = (TOPIC_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED)

Resource = tuple[int, str]
"""type (TOPIC or BROKER), name"""

ConfigValues = Mapping[str, str | None]
"""key → value; None where the broker hides it"""


@dataclass(frozen=True, slots=True)
class DescribeConfigs(KafkaRequest[Mapping[Resource, tuple[int, ConfigValues]]]):
    """Read configuration keys → resource → error code, values.

    Only a broker itself knows its own configuration; any broker knows that of topics.
    """

    api: ClassVar[Api] = DESCRIBE_CONFIGS
    keys: Mapping[Resource, tuple[str, ...]]

    def body(self, schema: Schema) -> Any:
        resources = tuple(
            schema.make(
                "DescribeConfigsResource",
                resource_type=kind,
                resource_name=name,
                configuration_keys=keys,
            )
            for (kind, name), keys in self.keys.items()
        )
        return schema.make(
            "DescribeConfigsRequest",
            resources=resources,
            include_synonyms=False,
            include_documentation=False,
        )

    def reply(self, entity: Any) -> Mapping[Resource, tuple[int, ConfigValues]]:
        return {
            (result.resource_type, result.resource_name): (
                int(result.error_code),
                {config.name: config.value for config in result.configs},
            )
            for result in entity.results
        }


class Retentions:
    """Retention as far as it is known; each poll reads a part of it.

    `topics_s` has the topics that delete by age. `offsets_s` is None while it is unknown.
    """

    def __init__(self) -> None:
        self.topics_s: dict[str, float] = {}
        self.offsets_s: float | None = None
        self._read_at_s: dict[str, float] = {}
        self._offsets_read_at_s: float | None = None
        self._has_reported = False

    async def refresh(
        self, budget: PollBudget, metadata: MetadataCache, topics: Collection[str]
    ) -> None:
        """Read what is due for these topics; forget all other topics."""
        now_s = asyncio.get_running_loop().time()
        self._read_at_s = {
            topic: read_at_s for topic, read_at_s in self._read_at_s.items() if topic in topics
        }
        self.topics_s = {
            topic: kept_s for topic, kept_s in self.topics_s.items() if topic in topics
        }
        due = [topic for topic in topics if self._is_due(self._read_at_s.get(topic), now_s)]
        due = due[:MAX_TOPICS]
        keys: dict[Resource, tuple[str, ...]] = {(TOPIC, topic): _TOPIC_KEYS for topic in due}
        brokers = metadata.connected_first()
        broker = next((broker for broker in brokers if broker.offers(DESCRIBE_CONFIGS)), None)
        if broker is None:
            return
        if self._is_due(self._offsets_read_at_s, now_s):
            keys[BROKER, str(broker.node_id)] = (_OFFSETS_RETENTION,)
        if not keys:
            return
        try:
            reply = await budget.ask(broker, DescribeConfigs(keys))
        except BrokerFailed:
            return
        except RequestFailed:
            reply = {}  # the next poll would fail the same way
        self._read_at_s |= dict.fromkeys(due, now_s)
        if len(keys) > len(due):
            self._offsets_read_at_s = now_s
        for resource, (error, values) in reply.items():
            self._store(budget, resource, error, values)

    def _store(
        self, budget: PollBudget, resource: Resource, error: int, values: ConfigValues
    ) -> None:
        kind, name = resource
        if error in _NO_RIGHT:
            return
        if error != NONE:
            if not self._has_reported:
                self._has_reported = True
                budget.note(f"retention cannot be read: {error_name(error)}")
        elif kind == BROKER:
            minutes = _number(values.get(_OFFSETS_RETENTION))
            self.offsets_s = None if minutes is None else minutes * 60.0
        else:
            kept_ms = _number(values.get("retention.ms"))
            deletes = "delete" in (values.get("cleanup.policy") or "")
            self.topics_s.pop(name, None)
            if deletes and kept_ms is not None and kept_ms >= 0:
                self.topics_s[name] = kept_ms / 1000

    def _is_due(self, read_at_s: float | None, now_s: float) -> bool:
        return read_at_s is None or now_s - read_at_s >= RETENTION_REFRESH_S


def _number(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None
