"""What outlives a restart: the last commits of every group, and the past of what is behind.

What the last poll said of the groups is there for `jmxbridge lag` to look at; the next run judges
anew.

Rule: a memory that cannot be read is none: what it held comes back by polling, but for groups that
are gone by now. So nothing of a damaged file is believed, and nothing stops because of one.

What searches by timestamp have found comes with the offset they were for, so that an age that was
known stays known.

It is JSON, for people to look at. Ends are kept for the partitions that some group has not read to
the end, from its commit on: for all others the table that begins after the start says all there is
to say.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jmxbridge.kafka.facts.snapshot import Partition
from jmxbridge.lag.history.assessment import GroupVerdict, GroupVerdicts
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.timestamp_search import SearchAnswer, SearchResult, is_one_log
from jmxbridge.lag.history.vanished_groups import LastCommits

VERSION = 1

MAX_OFFSETS = 500_000
"""Commits and points of tables kept, about 10 MB of JSON: ten times a large cluster's."""

MAX_BYTES = 64 * 2**20
"""More than that is not ours; it is not read."""

Tables = Mapping[Partition, tuple[Sequence[int], Sequence[int]]]


class BadState(ValueError):
    """The bytes are not what `encode` makes; says where they differ."""


@dataclass(frozen=True, slots=True)
class SavedState:
    """What one run of the lag poll leaves to the next; tables are times and ends.

    `empty_since` has the groups that are seen without members, and since when; `judged` what was
    said of them at the last poll; `searches` what the log has answered; `topic_ids` those of the
    topics of all these, as in Snapshot.
    """

    groups: Mapping[str, LastCommits] = field(default_factory=dict)
    tables: Tables = field(default_factory=dict)
    empty_since: Mapping[str, int] = field(default_factory=dict)
    judged: GroupVerdicts | None = None
    searches: Mapping[Partition, SearchResult] = field(default_factory=dict)
    topic_ids: Mapping[str, str] = field(default_factory=dict)


def encode(memory: SavedState) -> bytes:
    """Write it down; groups that are gone first, then those by name, as far as the bound allows."""
    left = MAX_OFFSETS
    groups = {}
    order = sorted(memory.groups, key=lambda name: (not memory.groups[name].vanished_ns, name))
    for name in order:
        last = memory.groups[name]
        left -= sum(map(len, last.commits.values()))
        if left < 0:
            break
        groups[name] = {"vanished_ns": last.vanished_ns, "commits": last.commits}
    tables = []
    for (topic, partition), (times, ends) in memory.tables.items():
        left -= len(times)
        if left < 0:
            break
        tables.append([topic, partition, list(times), list(ends)])
    empty = {name: since for name, since in memory.empty_since.items() if name in groups}
    document: dict[str, Any] = {"version": VERSION, "groups": groups, "ends": tables}
    document["empty_since"] = empty
    document["searches"] = searches = []
    for (topic, partition), found in memory.searches.items():
        left -= len(found.answers)
        if left < 0:
            break
        searches.append([topic, partition, found.end, found.answers])
    told = {at[0] for at in (*memory.tables, *memory.searches)}
    told.update(topic for name in groups for topic in memory.groups[name].commits)
    document["topic_ids"] = {t: id_ for t, id_ in memory.topic_ids.items() if t in told}
    if memory.judged is not None:
        document["judged"] = _judged(memory.judged, left)
    return json.dumps(document, separators=(",", ":")).encode()


def decode(
    data: bytes,
    *,
    wants_group: Callable[[str], bool],
    wants_topic: Callable[[str], bool],
) -> SavedState:
    """Read it back, without what is not looked at any more; raises BadMemory."""
    try:
        document = json.loads(data)
        if document["version"] != VERSION:
            raise BadState(f"it is of version {document['version']!r}, not {VERSION}")
        groups = {
            name: _last_commits(entry, wants_topic)
            for name, entry in document["groups"].items()
            if wants_group(name)
        }
        tables = {
            (str(topic), _offset(partition)): _columns(times, ends)
            for topic, partition, times, ends in document["ends"]
            if wants_topic(topic)
        }
        empty_since = {
            name: _offset(since)
            for name, since in document["empty_since"].items()
            if wants_group(name)
        }
        searches = {
            (str(topic), _offset(partition)): _found(end, answers)
            for topic, partition, end, answers in document.get("searches", ())
            if wants_topic(topic)
        }
        topic_ids = {
            topic: str(id_)
            for topic, id_ in document.get("topic_ids", {}).items()
            if wants_topic(topic)
        }
        judged = _judgements(document.get("judged"), wants_group, wants_topic)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as exc:
        if isinstance(exc, BadState):
            raise
        raise BadState(f"it is not a memory of lag polls: {type(exc).__name__}") from None
    return SavedState(groups, tables, empty_since, judged, searches, topic_ids)


def _judged(judged: GroupVerdicts, left: int) -> dict[str, Any]:
    """Write down what was said, of as many groups as the bound still allows."""
    groups = {}
    for name, said in judged.groups.items():
        left -= 1 + sum(map(len, said.partitions.values()))
        if left < 0:
            break
        groups[name] = {
            "status": said.status,
            "partitions": said.partitions,
            "clients": said.clients,
        }
    return {"time_ns": judged.time_ns, "groups": groups}


def _judgements(
    entry: Any, wants_group: Callable[[str], bool], wants_topic: Callable[[str], bool]
) -> GroupVerdicts | None:
    if entry is None:
        return None
    groups = {
        name: GroupVerdict(
            Status(said["status"]),
            {
                topic: {int(index): Status(status) for index, status in partitions.items()}
                for topic, partitions in said["partitions"].items()
                if wants_topic(topic)
            },
            tuple(map(str, said["clients"])),
        )
        for name, said in entry["groups"].items()
        if wants_group(name)
    }
    return GroupVerdicts(_offset(entry["time_ns"]), groups)


def _last_commits(entry: Any, wants_topic: Callable[[str], bool]) -> LastCommits:
    commits = {
        str(topic): {
            int(partition): None if at is None else _offset(at) for partition, at in offsets.items()
        }
        for topic, offsets in entry["commits"].items()
        if wants_topic(topic)
    }
    vanished_ns = entry["vanished_ns"]
    return LastCommits(commits, None if vanished_ns is None else _offset(vanished_ns))


def _columns(times: Any, ends: Any) -> tuple[list[int], list[int]]:
    columns = [_offset(each) for each in times], [_offset(each) for each in ends]
    if len(columns[0]) != len(columns[1]) or not columns[0]:
        raise BadState("a table's times and ends are not as many")
    if any(column != sorted(column) for column in columns):
        raise BadState("a table goes back in time")
    return columns


def _found(end: Any, answers: Any) -> SearchResult:
    found = tuple(SearchAnswer(*map(_offset, each)) for each in answers)
    if not found or not is_one_log(found):
        raise BadState("a search has answers of two logs")
    return SearchResult(_offset(end), found)


def _offset(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise BadState("a number is not one")
    return value
