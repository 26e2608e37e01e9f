"""The groups of a cluster and the coordinator of each.

Rule: not listed does not mean gone. Every broker lists the groups it coordinates. While a
coordinator moves, for up to a second no broker lists the group and none reports an error; a broker
that is loading answers with an error and an empty list. So lists are remembered: for a broker that
answers with an error its last list is used, and a group that no broker lists is requested by name.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.snapshot import Group
from jmxbridge.kafka.wire.api_numbers import FIND_COORDINATOR
from jmxbridge.kafka.wire.error_codes import NONE, error_name
from jmxbridge.kafka.wire.errors import KafkaError
from jmxbridge.kafka.wire.requests import MANY_COORDINATORS, FindCoordinator, ListGroups

OFFSET_PROTOCOLS = frozenset({"", "consumer", "streams"})
"""Protocols of groups that commit offsets. Connect workers and schema registries use groups too, to
elect a leader; share groups have no committed offsets."""

SHARE_PROTOCOL = "share"

UNKNOWN_COORDINATOR = -1
"""In place of a coordinator's broker id, until it is looked up."""


@dataclass(frozen=True, slots=True)
class SelectedGroups:
    """The groups that pass the filter, by name; no broker listed those in `missing` this time.

    `complete` is false if some broker's list is missing or old. `listed` counts before the filter.
    `shares` are the share groups, which have no committed offsets and are not among `groups`.
    """

    groups: Mapping[str, Group]
    missing: frozenset[str]
    complete: bool
    listed: int
    shares: tuple[Group, ...] = ()


class GroupListing:
    """Lists groups and remembers them.

    `wants` is the filter by name. `asked_for` are known from the start. `met_groups` is true once
    the cluster has listed any group, also one that the filter leaves out.
    """

    def __init__(self, wants: Callable[[str], bool], asked_for: Collection[str] = ()) -> None:
        self._wants = wants
        self._known = {name: Group(name, UNKNOWN_COORDINATOR) for name in asked_for}
        self.met_groups = False
        self._last_lists: dict[int, tuple[Group, ...]] = {}

    async def list_groups(self, budget: PollBudget, metadata: MetadataCache) -> SelectedGroups:
        """Ask every broker; add the groups known from earlier that are in no broker's list."""
        brokers = list(metadata.brokers.items())
        answers = await asyncio.gather(*(self._ask(budget, *item) for item in brokers))
        groups: dict[str, Group] = {}
        shares: dict[str, Group] = {}
        listed: set[str] = set()
        for _, groups_of_broker in answers:
            for group in groups_of_broker:
                listed.add(group.name)
                if self._wants(group.name) and group.protocol_type in OFFSET_PROTOCOLS:
                    # While a coordinator moves, both brokers may list the group. The first will
                    # do: a former coordinator answers NOT_COORDINATOR when asked for commits.
                    groups.setdefault(group.name, group)
                elif self._wants(group.name) and group.protocol_type == SHARE_PROTOCOL:
                    shares.setdefault(group.name, group)
        missing = frozenset(name for name in self._known if name not in listed)
        groups |= {name: self._known[name] for name in missing}
        self._known = groups
        self.met_groups = self.met_groups or bool(listed)
        complete = all(fresh for fresh, _ in answers)
        return SelectedGroups(dict(groups), missing, complete, len(listed), tuple(shares.values()))

    def settle(self, groups: Mapping[str, Group]) -> None:
        """Replace the known groups by those that exist, with their current coordinators."""
        self._known = dict(groups)

    async def _ask(
        self, budget: PollBudget, node_id: int, broker: Broker
    ) -> tuple[bool, tuple[Group, ...]]:
        """Return whether the list is fresh, and the list."""
        try:
            error, listed = await budget.ask(broker, ListGroups())
        except KafkaError:
            return False, ()
        if error != NONE:
            budget.note(f"{broker}: cannot list its groups: {error_name(error)}")
            return False, self._last_lists.get(node_id, ())
        groups = tuple(Group(g.name, node_id, g.protocol_type, g.state, g.type) for g in listed)
        self._last_lists[node_id] = groups
        return True, groups


class FoundCoordinators(NamedTuple):
    """Broker ids of coordinators by group, and the error codes of groups that have none."""

    coordinators: Mapping[str, int]
    errors: Mapping[str, int]


async def find_coordinators(
    budget: PollBudget, metadata: MetadataCache, groups: Collection[str]
) -> FoundCoordinators:
    """Return the coordinators of these groups, as any broker knows them.

    If no broker answers, the groups have neither a coordinator nor an error.
    """
    for broker in metadata.connected_first():
        try:
            return await _coordinators(budget, broker, tuple(groups))
        except KafkaError:
            continue
    return FoundCoordinators({}, {})


async def _coordinators(
    budget: PollBudget, broker: Broker, groups: tuple[str, ...]
) -> FoundCoordinators:
    version = await budget.version(broker, FIND_COORDINATOR)
    batches = [groups] if version >= MANY_COORDINATORS else [(group,) for group in groups]
    replies = await asyncio.gather(
        *(budget.ask(broker, FindCoordinator(batch)) for batch in batches)
    )
    answers = [item for reply in replies for item in reply.items()]
    return FoundCoordinators(
        {group: node_id for group, (error, node_id) in answers if error == NONE},
        {group: error for group, (error, _) in answers if error != NONE},
    )


def with_coordinators(
    groups: Mapping[str, Group], coordinators: Mapping[str, int]
) -> dict[str, Group]:
    """Return the groups with these coordinators, where there is one."""
    return {
        name: replace(group, coordinator=coordinators[name]) if name in coordinators else group
        for name, group in groups.items()
    }
