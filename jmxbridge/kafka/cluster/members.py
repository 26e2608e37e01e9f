"""Members of groups, from their coordinators, by the request of each group's protocol."""

import asyncio
from collections.abc import Iterable, Mapping

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.members import Membership
from jmxbridge.kafka.facts.snapshot import Group
from jmxbridge.kafka.wire.codec import KafkaRequest
from jmxbridge.kafka.wire.error_codes import GROUP_ID_NOT_FOUND, NONE, error_name
from jmxbridge.kafka.wire.errors import KafkaError
from jmxbridge.kafka.wire.requests import ConsumerGroupDescribe, DescribeGroups
from jmxbridge.kafka.wire.streams import StreamsGroupDescribe

_Memberships = Mapping[str, tuple[int, Membership]]

CHUNK = 200
"""Groups in one request: a member's subscription and assignment may take kilobytes each, so the
reply of a broker with thousands of groups stays far below the largest frame."""

_REQUESTS: Mapping[str, type[DescribeGroups | ConsumerGroupDescribe | StreamsGroupDescribe]] = {
    "classic": DescribeGroups,
    "consumer": ConsumerGroupDescribe,
    "streams": StreamsGroupDescribe,
}


async def fetch_members(
    budget: PollBudget, metadata: MetadataCache, groups: Iterable[Group]
) -> dict[str, Membership]:
    """Fetch the members of these groups; groups that could not be described are left out.

    A broker that does not report the type of groups (before 3.8) has classic groups only.
    """
    batches: dict[tuple[int, str], list[str]] = {}
    for group in groups:
        kind = (group.type or "classic").lower()
        if kind in _REQUESTS:
            batches.setdefault((group.coordinator, kind), []).append(group.name)
    tasks = []
    for (node_id, kind), names in batches.items():
        broker = metadata.brokers.get(node_id)
        if broker is not None:
            request = _REQUESTS[kind]
            for start in range(0, len(names), CHUNK):
                chunk = tuple(names[start : start + CHUNK])
                tasks.append(_ask(budget, broker, request(chunk)))
    memberships: dict[str, Membership] = {}
    for reply in await asyncio.gather(*tasks):
        memberships |= reply
    return memberships


async def _ask(
    budget: PollBudget, broker: Broker, request: KafkaRequest[_Memberships]
) -> dict[str, Membership]:
    try:
        reply = await budget.ask(broker, request)
    except KafkaError:
        return {}
    memberships: dict[str, Membership] = {}
    for name, (error, membership) in reply.items():
        if error == NONE:
            memberships[name] = membership
        elif error != GROUP_ID_NOT_FOUND:
            budget.note(f"group {name!r}: cannot be described: {error_name(error)}")
    return memberships
