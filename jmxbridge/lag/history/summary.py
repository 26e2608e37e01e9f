"""Summary of one poll's assessment, short enough to be saved.

Partitions whose status is OK are left out: they are most of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jmxbridge.lag.consumers.client_verdict import in_words
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.history.status import Status

MAX_CLIENTS = 20
"""Sentences about consumers of one group: a screen full of them."""


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """One group: its status, its partitions that are not OK, and a sentence for each consumer."""

    status: Status
    partitions: Mapping[str, Mapping[int, Status]] = field(default_factory=dict)
    clients: tuple[str, ...] = ()

    def status_of(self, topic: str, partition: int) -> Status:
        """Return the status of one partition; partitions left out are OK."""
        return self.partitions.get(topic, {}).get(partition, Status.OK)


@dataclass(frozen=True, slots=True)
class PollSummary:
    """All groups of one poll; `time_ns` is the poll's timestamp."""

    time_ns: int
    groups: Mapping[str, GroupSummary]


def summarize(assessment: Assessment, time_ns: int) -> PollSummary:
    """Return what is worth saving of an assessment."""
    not_ok: dict[str, dict[str, dict[int, Status]]] = {}
    rows = zip(assessment.lags.partitions, assessment.partitions, strict=True)
    for row, row_status in rows:
        if row_status.status is not Status.OK:
            topics = not_ok.setdefault(row.group, {})
            topics.setdefault(row.topic, {})[row.partition] = row_status.status
    groups = {
        name: GroupSummary(
            group_status.status,
            not_ok.get(name, {}),
            tuple(map(in_words, assessment.clients.get(name, ())[:MAX_CLIENTS])),
        )
        for name, group_status in assessment.groups.items()
    }
    return PollSummary(time_ns, groups)
