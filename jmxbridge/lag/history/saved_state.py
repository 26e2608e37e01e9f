"""Saved state of the lag poll: what a restart must not lose, as JSON.

It has the last commits of every group, the history of partitions with lag, the answers of searches
by timestamp with the end offset they were for (so a known age stays known), since when transactions
are open, and a summary of the last poll. Only `jmxbridge lag` reads the summary; the next run
assesses for itself.

Rules:

1. A file that cannot be read counts as empty: polling brings everything back, except the groups
   that have vanished. So no part of a damaged file is believed, and no poll fails because of one.
2. End offsets are saved for partitions that some group has not read to the end, from its commit on.
   For all others, the table that begins after the restart says all there is to say.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from jmxbridge.kafka.facts.snapshot import Partition
from jmxbridge.lag.history.open_transactions import UnmovedEnd
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.summary import GroupSummary, PollSummary
from jmxbridge.lag.history.timestamp_search import SearchAnswer, SearchResult, is_one_log
from jmxbridge.lag.history.vanished_groups import LastCommits
from jmxbridge.times import NS

VERSION = 1

SAVE_EVERY_NS = 60 * NS
"""A crash costs the commits of groups deleted within the last minute."""

MAX_OFFSETS = 500_000
"""Commits and points of tables saved, about 10 MB of JSON: ten times a large cluster's."""

_NONE = 9
"""Number of Status.NONE in the file: release 0.1 had it and refuses 0."""

MAX_BYTES = 64 * 2**20
"""A larger file is not ours and is not read."""

Tables = Mapping[Partition, tuple[Sequence[int], Sequence[int]]]
"""Times and end offsets by partition."""

Wants = Callable[[str], bool]
"""Tells by name whether a group or a topic passes the filters."""


class BadState(ValueError):
    """The bytes are not what `encode` makes; says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class SavedState:
    """State that one run of the lag poll leaves to the next.

    `groups` are the last commits by group, `tables` times and end offsets, `empty_since` the groups
    seen without members and since when, `summary` that of the last poll, `searches` what the log
    has answered, `topic_ids` the ids of all topics in these, as in Snapshot, `transactions` the
    last stable offsets that have not moved.
    """

    groups: Mapping[str, LastCommits] = field(default_factory=dict)
    tables: Tables = field(default_factory=dict)
    empty_since: Mapping[str, int] = field(default_factory=dict)
    summary: PollSummary | None = None
    searches: Mapping[Partition, SearchResult] = field(default_factory=dict)
    topic_ids: Mapping[str, str] = field(default_factory=dict)
    transactions: Mapping[Partition, UnmovedEnd] = field(default_factory=dict)


def encode(state: SavedState) -> bytes:
    """Encode as much as MAX_OFFSETS allows: vanished groups first, then groups by name, then rest.

    Groups that exist can be asked again; those that have vanished cannot.
    """
    left = MAX_OFFSETS
    groups = {}
    order = sorted(state.groups, key=lambda name: (not state.groups[name].vanished_ns, name))
    for name in order:
        last = state.groups[name]
        left -= sum(map(len, last.commits.values()))
        if left < 0:
            break
        groups[name] = {"vanished_ns": last.vanished_ns, "commits": last.commits}
    tables = []
    for (topic, index), (times, ends) in state.tables.items():
        left -= len(times)
        if left < 0:
            break
        tables.append([topic, index, list(times), list(ends)])
    searches = []
    for (topic, index), result in state.searches.items():
        left -= len(result.answers)
        if left < 0:
            break
        searches.append([topic, index, result.end, result.answers])
    transactions = [
        [topic, index, *end]
        for (topic, index), end in islice(state.transactions.items(), max(left, 0))
    ]
    left -= len(transactions)
    document: dict[str, Any] = {
        "version": VERSION,
        "groups": groups,
        "ends": tables,
        "empty_since": {
            name: since_ns for name, since_ns in state.empty_since.items() if name in groups
        },
        "searches": searches,
        "topic_ids": _topic_ids(state, groups),
    }
    if transactions:
        document["transactions"] = transactions
    if state.summary is not None:
        document["judged"] = _encode_summary(state.summary, left)
    return json.dumps(document, separators=(",", ":")).encode()


def decode(data: bytes, *, wants_group: Wants, wants_topic: Wants) -> SavedState:
    """Decode, without groups and topics that do not pass the filters; raises BadState."""
    try:
        document = json.loads(data)
        if document["version"] != VERSION:
            raise BadState(f"its version is {document['version']!r}, not {VERSION}")
        return SavedState(
            groups={
                name: _last_commits(entry, wants_topic)
                for name, entry in document["groups"].items()
                if wants_group(name)
            },
            tables={
                (str(topic), _integer(index)): _columns(times, ends)
                for topic, index, times, ends in document["ends"]
                if wants_topic(topic)
            },
            empty_since={
                name: _integer(since_ns)
                for name, since_ns in document["empty_since"].items()
                if wants_group(name)
            },
            summary=_summary(document.get("judged"), wants_group, wants_topic),
            searches={
                (str(topic), _integer(index)): _search_result(end, answers)
                for topic, index, end, answers in document.get("searches", ())
                if wants_topic(topic)
            },
            topic_ids={
                topic: str(topic_id)
                for topic, topic_id in document.get("topic_ids", {}).items()
                if wants_topic(topic)
            },
            transactions={
                (str(topic), _integer(index)): UnmovedEnd(_integer(stable_end), _integer(since_ns))
                for topic, index, stable_end, since_ns in document.get("transactions", ())
                if wants_topic(topic)
            },
        )
    except BadState:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as exc:
        raise BadState(f"it is not saved state of lag polls: {type(exc).__name__}") from None


def _topic_ids(state: SavedState, groups: Mapping[str, object]) -> dict[str, str]:
    """Return the ids of topics that the saved groups, tables and searches name."""
    topics = {topic for topic, _ in (*state.tables, *state.searches, *state.transactions)}
    topics.update(topic for name in groups for topic in state.groups[name].commits)
    return {topic: topic_id for topic, topic_id in state.topic_ids.items() if topic in topics}


def _encode_summary(summary: PollSummary, left: int) -> dict[str, Any]:
    """Encode as many groups as the bound still allows."""
    groups = {}
    for name, group in summary.groups.items():
        left -= 1 + sum(map(len, group.partitions.values()))
        if left < 0:
            break
        groups[name] = {
            "status": group.status or _NONE,
            "partitions": group.partitions,
            "clients": group.clients,
        }
    return {"time_ns": summary.time_ns, "groups": groups}


def _summary(entry: Any, wants_group: Wants, wants_topic: Wants) -> PollSummary | None:
    if entry is None:
        return None
    groups = {
        name: GroupSummary(
            Status.NONE if group["status"] == _NONE else Status(group["status"]),
            {
                topic: {int(index): Status(status) for index, status in partitions.items()}
                for topic, partitions in group["partitions"].items()
                if wants_topic(topic)
            },
            tuple(map(str, group["clients"])),
        )
        for name, group in entry["groups"].items()
        if wants_group(name)
    }
    return PollSummary(_integer(entry["time_ns"]), groups)


def _last_commits(entry: Any, wants_topic: Wants) -> LastCommits:
    commits = {
        str(topic): {
            int(index): None if offset is None else _integer(offset)
            for index, offset in offsets.items()
        }
        for topic, offsets in entry["commits"].items()
        if wants_topic(topic)
    }
    vanished_ns = entry["vanished_ns"]
    return LastCommits(commits, None if vanished_ns is None else _integer(vanished_ns))


def _columns(times: Any, ends: Any) -> tuple[list[int], list[int]]:
    columns = [_integer(time_ns) for time_ns in times], [_integer(end) for end in ends]
    if len(columns[0]) != len(columns[1]) or not columns[0]:
        raise BadState("a table has no points, or not as many times as end offsets")
    if any(column != sorted(column) for column in columns):
        raise BadState("a table goes back in time")
    return columns


def _search_result(end: Any, answers: Any) -> SearchResult:
    decoded = tuple(SearchAnswer(*map(_integer, answer)) for answer in answers)
    if not decoded or not is_one_log(decoded):
        raise BadState("a search has no answers, or answers of two logs")
    return SearchResult(_integer(end), decoded)


def _integer(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise BadState("a number is not a 64-bit integer")
    return value
