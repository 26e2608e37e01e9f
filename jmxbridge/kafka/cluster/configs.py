"""How long brokers keep things: records of a topic, and the offsets of an empty group.

Rule: nothing waits for this and nothing fails with it. It needs DESCRIBE_CONFIGS, a right that no
lag needs; without it the answer is unknown, and that is no trouble. Any other refusal is said once.

One broker is asked, for itself and for topics: those that are new at once, all of them every ten
minutes, and not more than MAX_TOPICS in one poll.
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

ASK_EVERY_S = 600.0
"""Retention is changed by people, and acts by the segment: hours later."""

MAX_TOPICS = 500
"""Topics in one request: a broker takes some 0.1 ms for each, during which others wait."""

TOPIC = 2
BROKER = 4
_OFFSETS_RETENTION = "offsets.retention.minutes"
_TOPIC_KEYS = ("cleanup.policy", "retention.ms")

_NO_RIGHT = (TOPIC_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED)

Resource = tuple[int, str]
"""its type, its name"""

Values = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class DescribeConfigs(KafkaRequest[Mapping[Resource, tuple[int, Values]]]):
    """How are these set? → resource → error code, values. A broker is to be asked itself."""

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

    def reply(self, entity: Any) -> Mapping[Resource, tuple[int, Values]]:
        return {
            (result.resource_type, result.resource_name): (
                int(result.error_code),
                {config.name: config.value for config in result.configs},
            )
            for result in entity.results
        }


class Retentions:
    """What is known of retention; asked for a little at each poll.

    `topics_s` has the topics that delete by age, `offsets_s` is None where nobody says.
    """

    def __init__(self) -> None:
        self.topics_s: dict[str, float] = {}
        self.offsets_s: float | None = None
        self._asked: dict[str, float] = {}
        self._offsets_asked: float | None = None
        self._told = False

    async def refresh(
        self, budget: PollBudget, metadata: MetadataCache, topics: Collection[str]
    ) -> None:
        """Ask for what is due of these topics; those not among them are forgotten."""
        now = asyncio.get_running_loop().time()
        self._asked = {topic: asked for topic, asked in self._asked.items() if topic in topics}
        self.topics_s = {topic: s for topic, s in self.topics_s.items() if topic in topics}
        due = [t for t in topics if self._is_due(self._asked.get(t), now)][:MAX_TOPICS]
        keys: dict[Resource, tuple[str, ...]] = {(TOPIC, topic): _TOPIC_KEYS for topic in due}
        brokers = metadata.connected_first()
        broker = next((broker for broker in brokers if broker.offers(DESCRIBE_CONFIGS)), None)
        if broker is None:
            return
        if self._is_due(self._offsets_asked, now):
            keys[BROKER, str(broker.node_id)] = (_OFFSETS_RETENTION,)
        if not keys:
            return
        try:
            reply = await budget.ask(broker, DescribeConfigs(keys))
        except BrokerFailed:
            return
        except RequestFailed:
            reply = {}  # as it would be at the next poll
        self._asked |= dict.fromkeys(due, now)
        if len(keys) > len(due):
            self._offsets_asked = now
        for resource, (error, values) in reply.items():
            self._take(budget, resource, error, values)

    def _take(self, budget: PollBudget, resource: Resource, error: int, values: Values) -> None:
        kind, name = resource
        if error in _NO_RIGHT:
            return
        if error != NONE:
            if not self._told:
                self._told = True
                budget.note(f"how long things are kept is not known: {error_name(error)}")
        elif kind == BROKER:
            minutes = _number(values.get(_OFFSETS_RETENTION))
            self.offsets_s = None if minutes is None else minutes * 60.0
        else:
            kept_ms = _number(values.get("retention.ms"))
            deletes = "delete" in (values.get("cleanup.policy") or "")
            self.topics_s.pop(name, None)
            if deletes and kept_ms is not None and kept_ms >= 0:
                self.topics_s[name] = kept_ms / 1000

    def _is_due(self, asked: float | None, now: float) -> bool:
        return asked is None or now - asked >= ASK_EVERY_S


def _number(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None
