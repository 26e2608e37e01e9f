"""What looking at a cluster tells beside the offsets: once, or again and again.

Rule: seconds and statuses come from a past. That of the service that polls the cluster, which it
has written down, is the past of the first look; from the second on there is one of our own. How old
an unread record is the log may be asked as well (`search`). Without any of them nothing is said.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.kafka.facts.members import GroupPartition
from jmxbridge.kafka.facts.snapshot import Description, Partition, Snapshot
from jmxbridge.lag.consumers.client_words import at_a_glance
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.assessment import GroupVerdicts
from jmxbridge.lag.history.crosscheck import Crosscheck
from jmxbridge.lag.history.end_offset_history import Behind, EndOffsetHistory
from jmxbridge.lag.history.expiry import Expiry
from jmxbridge.lag.history.lag_history import LagHistory, RowStatus
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.timestamp_search import TimestampSearch
from jmxbridge.lag.report.losses import losses
from jmxbridge.lag.rows import Lags, compute
from jmxbridge.times import NS

FRESH_NS = 180 * NS
"""A service writes every minute what it thinks; older than that it is away, and has no opinion."""

LOOKS = 60
"""Of a graph: as many characters as fit beside a topic's name."""


@dataclass(frozen=True, slots=True)
class Look:
    """Beside the rows of one look, where it is known.

    `clients` are sentences about the consumers of a group, `losses` about what it has lost or will
    lose soon. `trends` has the lag of each group on each topic, look by look, the last one now;
    `arrivals_s` when it will have caught up, where it gains on the topic.
    """

    seconds: Mapping[GroupPartition, Behind] = field(default_factory=dict)
    statuses: Mapping[GroupPartition, Status] = field(default_factory=dict)
    clients: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trends: Mapping[tuple[str, str], Sequence[int]] = field(default_factory=dict)
    losses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    arrivals_s: Mapping[tuple[str, str], float] = field(default_factory=dict)


class Watching:
    """Remembers what was seen; `memory` is what the service of this cluster has written down."""

    def __init__(
        self,
        memory: SavedState | None = None,
        *,
        interval_ns: int,
        allowed_lag: Mapping[str, int] | None = None,
        offsets_retention_s: float | None = None,
    ) -> None:
        memory = memory or SavedState()
        self._judged = memory.judged
        self._has_past = bool(memory.tables or memory.searches)
        self._outlook = LagHistory(
            interval_ns=interval_ns,
            allowed_lag=allowed_lag,
            ends=EndOffsetHistory(memory.tables),
            trails=TimestampSearch(memory.searches),
            topic_ids=memory.topic_ids,
        )
        self._crosscheck = Crosscheck(interval_ns=interval_ns)
        self._expiry = Expiry(memory.empty_since, retention_s=offsets_retention_s)
        self._trends: dict[tuple[str, str], deque[int]] = {}
        self._is_first = True

    def search(
        self,
        description: Description,
        answers: Mapping[Partition, TimestampedOffset | None],
        time_ns: int,
    ) -> Mapping[Partition, int]:
        """Take what the log answered to the last questions; return those that are left.

        Of the same instant as the look to come, before it.
        """
        self._has_past = True
        snapshot = description.snapshot
        return self._outlook.search(compute(snapshot), snapshot, answers, time_ns)

    def take(self, description: Description, consumers: Iterable[Consumer], time_ns: int) -> Look:
        """Take one look."""
        snapshot = replace(description.snapshot, memberships=description.memberships)
        lags = compute(snapshot)
        verdicts = self._outlook.take(lags, snapshot, time_ns)
        verdicts = replace(verdicts, expires_in_s=self._expiry.take(snapshot, time_ns))
        judged = verdicts.partitions
        findings = self._crosscheck.take(lags, judged, snapshot, consumers, time_ns)
        clients = {
            group: [at_a_glance(each) for each in found] for group, found in findings.items()
        }
        is_first, self._is_first = self._is_first, False
        trends = self._draw(lags, snapshot)
        pairs = list(zip(lags.partitions, judged, strict=True))
        said = self._fresh(time_ns) if is_first else None
        return Look(
            seconds={
                row[:3]: each.behind
                for row, each in pairs
                if each.behind is not None and (not is_first or self._is_past(row.lag, each))
            },
            statuses=said_of(said, lags)
            if is_first
            else {row[:3]: each.status for row, each in pairs},
            clients=clients if said is None else _with_said(clients, said, time_ns),
            trends=trends,
            arrivals_s={at: rate.eta_s for at, rate in verdicts.rates.items() if rate.eta_s},
            losses=losses(
                *(lags, verdicts),
                kept_s=snapshot.extras.retention_s,
                offsets_kept_s=self._expiry.retention_s(snapshot),
            ),
        )

    def _fresh(self, time_ns: int) -> GroupVerdicts | None:
        judged = self._judged
        return judged if judged and 0 <= time_ns - judged.time_ns < FRESH_NS else None

    def _is_past(self, lag: int, judged: RowStatus) -> bool:
        """Whether the first look says more than that it is the first."""
        return self._has_past and (lag == 0 or bool(judged.behind and judged.behind.seconds))

    def _draw(self, lags: Lags, snapshot: Snapshot) -> dict[tuple[str, str], Sequence[int]]:
        """Return the graphs of what has a lag now; those of what nobody could read wait for it.

        A group that is in nobody's list may be in that of a broker that did not answer.
        """
        rows = {(row.group, row.topic): row.lag_sum for row in lags.topics}
        ended = snapshot.commits.keys() | snapshot.gone
        self._trends = {
            at: trend
            for at, trend in self._trends.items()
            if at in rows or not (snapshot.complete or at[0] in ended)
        }
        for at, lag_sum in rows.items():
            if lag_sum is not None:
                self._trends.setdefault(at, deque(maxlen=LOOKS)).append(lag_sum)
        return {at: tuple(trend) for at, trend in self._trends.items() if rows.get(at) is not None}


def said_of(judged: GroupVerdicts | None, lags: Lags) -> dict[GroupPartition, Status]:
    """Return what the service said of these rows; those it does not mention are well."""
    if judged is None:
        return {}
    statuses = {}
    for row in lags.partitions:
        said = judged.groups.get(row.group)
        if said is not None:
            statuses[row[:3]] = said.partitions.get(row.topic, {}).get(row.partition, Status.OK)
    return statuses


def _with_said(
    clients: Mapping[str, Sequence[str]], judged: GroupVerdicts, time_ns: int
) -> dict[str, list[str]]:
    """Add what the service said of consumers: it has watched for longer."""
    age_s = (time_ns - judged.time_ns) / NS
    found = {group: list(said) for group, said in clients.items()}
    for group, each in judged.groups.items():
        found.setdefault(group, []).extend(
            f"{sentence}, said `jmxbridge run` {age_s:.0f} s ago" for sentence in each.clients
        )
    return {group: said for group, said in found.items() if said}
