"""Who is in each group: asked of the coordinators, in the protocol the group uses."""

import asyncio
from collections.abc import Iterable, Mapping

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.codec import GROUP_ID_NOT_FOUND, NONE, error_name
from jmxbridge.kafka.errors import KafkaError
from jmxbridge.kafka.requests import ConsumerGroupDescribe, DescribeGroups, Request
from jmxbridge.kafka.round import Round
from jmxbridge.kafka.view import View
from jmxbridge.lag.members import Membership
from jmxbridge.lag.snapshot import Group

_Memberships = Mapping[str, tuple[int, Membership]]


async def fetch_members(
    round_: Round, view: View, groups: Iterable[Group]
) -> dict[str, Membership]:
    """Fetch the members of these groups; those that could not be described are left out.

    A broker that does not say of which type a group is (before 3.8) has classic groups only.
    Streams groups (KIP-1071) keep their members behind an API of their own, and are left out.
    """
    batches: dict[tuple[int, bool], list[str]] = {}
    for group in groups:
        kind = (group.type or "classic").lower()
        if kind in ("classic", "consumer"):
            batches.setdefault((group.coordinator, kind == "consumer"), []).append(group.name)
    tasks = []
    for (node_id, newer), names in batches.items():
        broker = view.brokers.get(node_id)
        if broker is not None:
            request = ConsumerGroupDescribe if newer else DescribeGroups
            tasks.append(_ask(round_, broker, request(tuple(names))))
    memberships: dict[str, Membership] = {}
    for reply in await asyncio.gather(*tasks):
        memberships |= reply
    return memberships


async def _ask(
    round_: Round, broker: Broker, request: Request[_Memberships]
) -> dict[str, Membership]:
    try:
        reply = await round_.ask(broker, request)
    except KafkaError:
        return {}
    memberships: dict[str, Membership] = {}
    for name, (error, membership) in reply.items():
        if error == NONE:
            memberships[name] = membership
        elif error != GROUP_ID_NOT_FOUND:
            round_.note(f"group {name!r}: cannot be described: {error_name(error)}")
    return memberships
