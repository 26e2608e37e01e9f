"""What was said of each group at a poll, short enough to be written down.

Partitions that are well are left out: they are most of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jmxbridge.lag.consumers.client_words import in_words
from jmxbridge.lag.history.lag_history import Assessment
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.rows import Lags

MAX_CLIENTS = 20
"""Sentences about consumers of one group: a screen full of them."""


@dataclass(frozen=True, slots=True)
class GroupVerdict:
    """One group: its status, its partitions that are not OK, and its consumers in words."""

    status: Status
    partitions: Mapping[str, Mapping[int, Status]] = field(default_factory=dict)
    clients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupVerdicts:
    """What one poll said of all groups; `time_ns` is its instant."""

    time_ns: int
    groups: Mapping[str, GroupVerdict]


def sum_up(lags: Lags, verdicts: Assessment, time_ns: int) -> GroupVerdicts:
    """Return what a poll said."""
    bad: dict[str, dict[str, dict[int, Status]]] = {}
    for row, judged in zip(lags.partitions, verdicts.partitions, strict=True):
        if judged.status is not Status.OK:
            topics = bad.setdefault(row.group, {})
            topics.setdefault(row.topic, {})[row.partition] = judged.status
    groups = {
        name: GroupVerdict(
            judged.status,
            bad.get(name, {}),
            tuple(map(in_words, verdicts.clients.get(name, ())[:MAX_CLIENTS])),
        )
        for name, judged in verdicts.groups.items()
    }
    return GroupVerdicts(time_ns, groups)
