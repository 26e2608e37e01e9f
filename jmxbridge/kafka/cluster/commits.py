"""Committed offsets of groups, fetched from their coordinators.

Rule: only an answer of the coordinator without error counts. Silence, "not my group" and "still
loading" never mean "no commits".

One request carries all groups of a coordinator, in chunks; a broker older than 3.0 takes one group
a request, and these are pipelined. A coordinator that has moved or is loading is looked up and
asked again a few times, since moves take 0.5 to 3 s.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from jmxbridge.kafka.broker import Broker
from jmxbridge.kafka.cluster.groups import UNKNOWN_COORDINATOR, find_coordinators
from jmxbridge.kafka.cluster.metadata_cache import MetadataCache
from jmxbridge.kafka.cluster.poll_budget import PollBudget
from jmxbridge.kafka.facts.snapshot import Commits
from jmxbridge.kafka.wire.api_numbers import OFFSET_FETCH
from jmxbridge.kafka.wire.error_codes import (
    COORDINATOR_LOAD_IN_PROGRESS,
    COORDINATOR_NOT_AVAILABLE,
    NONE,
    NOT_COORDINATOR,
    error_name,
)
from jmxbridge.kafka.wire.errors import KafkaError
from jmxbridge.kafka.wire.requests import MANY_GROUPS, OffsetFetch

CHUNK = 500
"""Groups in one request: its reply stays small enough (about 1 MB at 100 partitions a group) for
the broker to build without trouble, and 1,000 groups on two brokers take one request each."""

TRIES = 4
RETRY_PAUSE_S = 0.3

_ASK_AGAIN = frozenset({COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR})


@dataclass(frozen=True, slots=True)
class FetchedCommits:
    """Commits of the groups whose coordinator returned them, and the coordinators of all groups.

    `refusals` says why a group has no commits although a broker answered, by group.
    """

    commits: Mapping[str, Commits]
    coordinators: Mapping[str, int]
    refusals: Mapping[str, str]


async def fetch_commits(
    budget: PollBudget,
    metadata: MetadataCache,
    coordinators: Mapping[str, int],
    *,
    unlisted: Collection[str] = (),
    pause_s: float = RETRY_PAUSE_S,
) -> FetchedCommits:
    """Fetch the commits of all groups in `coordinators` (group → broker id).

    For the `unlisted` among them the coordinator is looked up first.
    """
    commits: dict[str, Commits] = {}
    current = dict(coordinators)
    pending = list(current)
    lost = list(unlisted)
    refused: dict[str, int] = {}
    lookup_errors: dict[str, int] = {}
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(pause_s)
        if lost:
            lookup = await find_coordinators(budget, metadata, lost)
            current |= lookup.coordinators
            lookup_errors |= {name: lookup.errors.get(name, NONE) for name in lost}
        codes = await _ask(budget, metadata, {name: current[name] for name in pending}, commits)
        refused = {name: code for name, code in refused.items() if name not in pending} | codes
        pending = lost = [
            name
            for name, code in codes.items()
            if code in _ASK_AGAIN and lookup_errors.get(name, NONE) in _ASK_AGAIN | {NONE}
        ]
        if not pending:
            break
    refusals = {
        name: f"its coordinator answered {error_name(code)}"
        if current[name] in metadata.brokers
        else _unknown(current[name], lookup_errors.get(name, NONE))
        for name, code in refused.items()
    }
    for name, reason in refusals.items():
        budget.note(f"group {name!r}: no commits: {reason}")
    return FetchedCommits(commits, current, refusals)


def _unknown(node_id: int, lookup_error: int) -> str:
    """Return the reason for a coordinator that is not among the brokers."""
    if lookup_error != NONE:
        return f"its coordinator is not known: a broker answered {error_name(lookup_error)}"
    if node_id == UNKNOWN_COORDINATOR:
        return "its coordinator is not known"
    return f"its coordinator, broker {node_id}, is not in the metadata yet"


async def _ask(
    budget: PollBudget,
    metadata: MetadataCache,
    coordinators: Mapping[str, int],
    commits: dict[str, Commits],
) -> dict[str, int]:
    """Add the answers to `commits`; return the error codes of the groups that have none."""
    by_broker: dict[int, list[str]] = {}
    for group, node_id in coordinators.items():
        by_broker.setdefault(node_id, []).append(group)
    codes: dict[str, int] = {}
    tasks = []
    for node_id, groups in by_broker.items():
        broker = metadata.brokers.get(node_id)
        if broker is None:
            # A broker that the metadata does not have yet: refresh it before the next poll.
            metadata.invalidate()
            codes |= dict.fromkeys(groups, COORDINATOR_NOT_AVAILABLE)
        else:
            tasks.append(_ask_coordinator(budget, broker, groups))
    for replies in await asyncio.gather(*tasks):
        for group, (error, offsets) in replies.items():
            if error == NONE:
                commits[group] = offsets
            else:
                codes[group] = error
    return codes


async def _ask_coordinator(
    budget: PollBudget, broker: Broker, groups: list[str]
) -> dict[str, tuple[int, Commits]]:
    try:
        version = await budget.version(broker, OFFSET_FETCH)
    except KafkaError:
        return {}
    chunks = _chunks(groups, CHUNK if version >= MANY_GROUPS else 1)
    asked = frozenset(groups)
    requests = [budget.ask(broker, OffsetFetch(chunk)) for chunk in chunks]
    replies: dict[str, tuple[int, Commits]] = {}
    for reply in await asyncio.gather(*requests, return_exceptions=True):
        if isinstance(reply, BaseException):
            if not isinstance(reply, KafkaError):
                raise reply
            continue
        replies |= {group: answer for group, answer in reply.items() if group in asked}
    return replies


def _chunks(groups: list[str], size: int) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(groups), size):
        yield tuple(groups[start : start + size])
