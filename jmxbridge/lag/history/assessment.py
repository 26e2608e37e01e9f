"""Assessment of one poll: its lag, and what earlier polls and consumers add to it.

A row whose history is not known has its lag and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jmxbridge.lag.consumers.client_verdict import ClientFinding
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.open_transactions import OpenTransaction
from jmxbridge.lag.history.rates import Rate
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.rows import Lags


class RowStatus(NamedTuple):
    """Time lag and status of one row; for a topic or a group, the worst of its rows."""

    time_lag: TimeLag | None
    status: Status


@dataclass(frozen=True, slots=True)
class Assessment:
    """Lag of one poll with time lags, statuses, rates and consumers.

    `partitions` pairs one to one with `lags.partitions`; it is empty where only the lag is known.
    `topics`, `rates` and `retention_risk_s` are by group and topic, `groups` by group.
    `expires_in_s` has the empty groups and the seconds until Kafka forgets them, at most.
    `retention_risk_s` has the seconds until unread records may be deleted. `clients` has the groups
    with a consumer whose JVM is polled. `open_transactions` has every topic of the groups that read
    committed records only, also those without any, by group and topic.
    """

    lags: Lags
    partitions: tuple[RowStatus, ...] = ()
    topics: Mapping[tuple[str, str], RowStatus] = field(default_factory=dict)
    rates: Mapping[tuple[str, str], Rate] = field(default_factory=dict)
    groups: Mapping[str, RowStatus] = field(default_factory=dict)
    expires_in_s: Mapping[str, float] = field(default_factory=dict)
    retention_risk_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    clients: Mapping[str, Sequence[ClientFinding]] = field(default_factory=dict)
    open_transactions: Mapping[tuple[str, str], Sequence[OpenTransaction]] = field(
        default_factory=dict
    )
