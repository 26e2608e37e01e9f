"""Group states from brokers before 2.6, whose lists lack them (KIP-518).

Rule: a state that cannot be read stays unknown; it does not make a poll incomplete.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.snapshot import Group
from jmxbridge.kafka.wire.api_numbers import DESCRIBE_GROUPS, Api
from jmxbridge.kafka.wire.codec import KafkaRequest, Schema
from jmxbridge.kafka.wire.error_codes import NONE
from jmxbridge.kafka.wire.errors import KafkaError

CHUNK = 100
"""Groups in one request. The reply holds the members with their subscriptions and assignments: 100
groups of 50 members take some 10 MB, and a reply may take 64."""


@dataclass(frozen=True, slots=True)
class GroupStates(KafkaRequest[Mapping[str, str]]):
    """Read the states of groups of the classic protocol → group → state."""

    api: ClassVar[Api] = DESCRIBE_GROUPS
    groups: tuple[str, ...]

    def body(self, schema: Schema) -> Any:
        return schema.make(
            "DescribeGroupsRequest", groups=self.groups, include_authorized_operations=False
        )

    def reply(self, entity: Any) -> Mapping[str, str]:
        return {
            group.group_id: group.group_state
            for group in entity.groups
            if group.error_code == NONE and group.group_state
        }


async def with_states(
    budget: PollBudget, metadata: MetadataCache, groups: Mapping[str, Group]
) -> dict[str, Group]:
    """Return the groups, with states for those listed without one; simple groups have none."""
    unknown: dict[int, list[str]] = {}
    for group in groups.values():
        if group.state is None and group.protocol_type:
            unknown.setdefault(group.coordinator, []).append(group.name)
    tasks = [
        _ask(budget, broker, GroupStates(tuple(names[start : start + CHUNK])))
        for node_id, names in unknown.items()
        if (broker := metadata.brokers.get(node_id)) is not None
        for start in range(0, len(names), CHUNK)
    ]
    states: dict[str, str] = {}
    for reply in await asyncio.gather(*tasks):
        states |= reply
    return {
        name: replace(group, state=states[name]) if name in states else group
        for name, group in groups.items()
    }


async def _ask(budget: PollBudget, broker: Broker, request: GroupStates) -> Mapping[str, str]:
    try:
        return await budget.ask(broker, request)
    except KafkaError:
        return {}
