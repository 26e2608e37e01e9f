"""Points of one lag poll, under names that dashboards may rely on.

Rules:

1. An integer stays an integer. Offsets go beyond 2**53, where a float loses the last digits.
2. A field without a value is left out, not written as 0: `ahead` where the commit is not beyond the
   end, `expired` and `lag_consumable` where no record was deleted unread, `lag_seconds` where it is
   not known, sums where no partition is known, `state` and `type` where the broker is too old. A
   group whose coordinator did not answer has no lag point in that poll.
3. The reader of a partition is a field, never a tag: a consumer has a new id at every start. It is
   written at the polls that ask for members, once a minute, in every partition row.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import repeat

from jmxbridge.kafka.facts.extras import SharePartition
from jmxbridge.kafka.facts.members import GroupPartition, Member, owners, uncommitted
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.consumers.client_verdict import ClientFinding, worst_finding
from jmxbridge.lag.history.assessment import Assessment, RowStatus
from jmxbridge.lag.history.open_transactions import OpenTransaction
from jmxbridge.lag.history.rates import Rate
from jmxbridge.lag.output.row_thinning import Granularity, RowThinning
from jmxbridge.lag.rows import GroupLag, Lags, PartitionLag, TopicLag
from jmxbridge.point import FieldValue, Point

PARTITION = "kafka_consumer_lag"
TOPIC = "kafka_consumer_lag_topic"
GROUP = "kafka_consumer_lag_group"
GROUP_STATE = "kafka_consumer_group"
SHARE = "kafka_share_group_lag"
POLL = "jmxbridge_lag_poll"

_PartitionRow = tuple[PartitionLag, RowStatus | None, Member | None]
"""A row to write, its status where it was assessed, and its reader where members are known."""


class LagPoints(Collection[Point]):
    """Points of one poll; those of partitions are made each time the collection is iterated.

    There are tens of thousands, and they take three times the memory of the lines they become.
    """

    def __init__(
        self, rows: Sequence[_PartitionRow], others: Sequence[Point], *, cluster: str, time_ns: int
    ) -> None:
        self._rows = rows
        self._others = others
        self._cluster = cluster
        self._time_ns = time_ns

    def __len__(self) -> int:
        return len(self._rows) + len(self._others)

    def __iter__(self) -> Iterator[Point]:
        for row, row_status, reader in self._rows:
            yield _partition_point(row, row_status, reader, self._cluster, self._time_ns)
        yield from self._others

    def __contains__(self, item: object) -> bool:
        return any(point == item for point in self)


def to_points(
    assessment: Assessment,
    snapshot: Snapshot,
    thinning: RowThinning | None = None,
    *,
    cluster: str,
    time_ns: int,
    skipped_ticks: int = 0,
) -> LagPoints:
    """Make the points of one poll, all with `time_ns`, the instant at which it was due.

    Without `thinning` every row is written.
    """
    thinning = thinning or RowThinning()
    lags = assessment.lags
    finest = thinning.fit(lags.groups)
    thinning.sweep(time_ns)
    readers = owners(snapshot.memberships or {})
    rows = list(_partition_rows(assessment, thinning, finest, readers, time_ns))
    poll_fields = _poll_fields(lags, snapshot) | {
        "skipped_ticks": skipped_ticks,
        "rows_rolled_up": sum(thinning.rolled_up.values()),
    }
    others = [
        *_topic_points(assessment, finest, cluster, time_ns),
        *_group_points(assessment, snapshot, cluster, time_ns),
        *_state_points(assessment, snapshot, cluster, time_ns),
        *(_share_point(share, cluster, time_ns) for share in snapshot.extras.shares),
        Point(POLL, {"cluster": cluster}, poll_fields, time_ns),
    ]
    return LagPoints(rows, others, cluster=cluster, time_ns=time_ns)


def failed_poll(*, cluster: str, time_ns: int, duration_ms: float, skipped_ticks: int = 0) -> Point:
    """Make the only point of a poll in which no broker answered."""
    fields: dict[str, FieldValue] = {
        "complete": False,
        "duration_ms": duration_ms,
        "errors": 1,
        "brokers_answered": 0,
        "skipped_ticks": skipped_ticks,
    }
    return Point(POLL, {"cluster": cluster}, fields, time_ns)


def _partition_rows(
    assessment: Assessment,
    thinning: RowThinning,
    finest: Mapping[str, Granularity],
    readers: Mapping[GroupPartition, Member],
    time_ns: int,
) -> Iterator[_PartitionRow]:
    """Yield the partition rows to write: all of them where only the lag is known."""
    after = 0
    for topic, rows in assessment.lags.by_topic():
        first, after = after, after + len(rows)
        if finest[topic.group] is not Granularity.PARTITION:
            continue
        pairs: Iterable[tuple[PartitionLag, RowStatus | None]] = (
            thinning.worth_writing(rows, assessment.partitions[first:after], time_ns, readers)
            if assessment.partitions
            else zip(rows, repeat(None), strict=False)
        )
        for row, row_status in pairs:
            yield row, row_status, readers.get(row[:3])


def _topic_points(
    assessment: Assessment, finest: Mapping[str, Granularity], cluster: str, time_ns: int
) -> Iterator[Point]:
    for row in assessment.lags.topics:
        if finest[row.group] is Granularity.GROUP:
            continue
        key = (row.group, row.topic)
        fields = (
            _topic_fields(row)
            | _summary_fields(assessment.topics.get(key))
            | _present(retention_risk_seconds=assessment.retention_risk_s.get(key))
            | _rate_fields(assessment.rates.get(key))
            | _transaction_fields(assessment.open_transactions.get(key))
        )
        tags = {"cluster": cluster, "group": row.group, "topic": row.topic}
        yield Point(TOPIC, tags, fields, time_ns)


def _group_points(
    assessment: Assessment, snapshot: Snapshot, cluster: str, time_ns: int
) -> Iterator[Point]:
    transactions: dict[str, list[OpenTransaction]] = {}
    for (group, _), of_topic in assessment.open_transactions.items():
        transactions.setdefault(group, []).extend(of_topic)
    for row in assessment.lags.groups:
        group_status = assessment.groups.get(row.group)
        fields = (
            _group_fields(row)
            | _summary_fields(group_status)
            | _present(status=None if group_status is None else group_status.status.name)
            | _uncommitted_fields(row.group, snapshot)
            | _client_fields(assessment.clients.get(row.group, ()))
            | _transaction_fields(transactions.get(row.group))
        )
        yield Point(GROUP, {"cluster": cluster, "group": row.group}, fields, time_ns)


def _state_points(
    assessment: Assessment, snapshot: Snapshot, cluster: str, time_ns: int
) -> Iterator[Point]:
    for group in snapshot.groups.values():
        fields = (
            _state_fields(group)
            | _member_fields(group.name, snapshot)
            | _present(expires_in_seconds=assessment.expires_in_s.get(group.name))
        )
        yield Point(GROUP_STATE, {"cluster": cluster, "group": group.name}, fields, time_ns)
    for name in sorted(snapshot.vanished):
        tags = {"cluster": cluster, "group": name}
        yield Point(GROUP_STATE, tags, {"vanished": True}, time_ns)


def _partition_point(
    row: PartitionLag,
    row_status: RowStatus | None,
    reader: Member | None,
    cluster: str,
    time_ns: int,
) -> Point:
    fields = _row_fields(row)
    if reader is not None:
        fields["owner"] = reader.consumer_id
        fields["client_id"] = reader.client_id
        fields["host"] = reader.host.removeprefix("/")
    if row_status is not None:
        time_lag, status = row_status
        fields["status_code"] = int(status)
        if time_lag is not None:
            fields["lag_seconds"] = time_lag.seconds
            if time_lag.at_least:
                fields["lag_seconds_min"] = True
            if time_lag.approximate:
                fields["lag_seconds_approximate"] = True
    tags = {
        "cluster": cluster,
        "group": row.group,
        "topic": row.topic,
        "partition": str(row.partition),
    }
    return Point(PARTITION, tags, fields, time_ns)


def _share_point(row: SharePartition, cluster: str, time_ns: int) -> Point:
    tags = {
        "cluster": cluster,
        "group": row.group,
        "topic": row.topic,
        "partition": str(row.partition),
    }
    return Point(SHARE, tags, _present(start_offset=row.start_offset, lag=row.lag), time_ns)


def _row_fields(row: PartitionLag) -> dict[str, FieldValue]:
    fields: dict[str, FieldValue] = {
        "offset": row.offset,
        "end_offset": row.end_offset,
        "lag": row.lag,
    }
    if row.stable_end_offset is not None:
        fields["stable_end_offset"] = row.stable_end_offset
    if row.ahead:
        fields["ahead"] = row.ahead
    if row.start_offset is not None:
        fields["start_offset"] = row.start_offset
        if row.start_offset > row.offset:
            fields["expired"] = row.expired
            fields["lag_consumable"] = row.consumable
    return fields


def _summary_fields(summary: RowStatus | None) -> dict[str, FieldValue]:
    if summary is None:
        return {}
    fields: dict[str, FieldValue] = {"status_code": int(summary.status)}
    if summary.time_lag is not None:
        fields["lag_seconds_max"] = summary.time_lag.seconds
        if summary.time_lag.at_least:
            fields["lag_seconds_min"] = True
    return fields


def _topic_fields(row: TopicLag) -> dict[str, FieldValue]:
    return _present(
        partitions=row.partitions,
        partitions_known=row.partitions_known,
        lag_sum=row.lag_sum,
        lag_max=row.lag_max,
        offset_sum=row.offset_sum,
        end_offset_sum=row.end_offset_sum,
        stable_end_offset_sum=row.stable_end_offset_sum,
    )


def _rate_fields(rate: Rate | None) -> dict[str, FieldValue]:
    if rate is None:
        return {}
    return _present(rate_in=rate.incoming, rate_out=rate.outgoing, eta_seconds=rate.eta_s)


def _transaction_fields(transactions: Sequence[OpenTransaction] | None) -> dict[str, FieldValue]:
    """Return the age of the oldest open transaction, for groups that read committed records."""
    if transactions is None:
        return {}
    ages_s = (transaction.age_s for transaction in transactions)
    return {"open_transaction_seconds": max(ages_s, default=0.0)}


def _group_fields(row: GroupLag) -> dict[str, FieldValue]:
    return _present(
        partitions=row.partitions,
        partitions_known=row.partitions_known,
        partitions_orphaned=row.partitions_orphaned,
        partitions_unavailable=row.partitions_unavailable,
        complete=row.complete,
        lag_sum=row.lag_sum,
        lag_max=row.lag_max,
    )


def _state_fields(group: Group) -> dict[str, FieldValue]:
    return _present(
        state=group.state,
        type=group.type,
        kind=group.kind,
        coordinator=group.coordinator,
        vanished=False,
    )


def _member_fields(group: str, snapshot: Snapshot) -> dict[str, FieldValue]:
    membership = (snapshot.memberships or {}).get(group)
    return {} if membership is None else {"members": len(membership.members)}


def _uncommitted_fields(group: str, snapshot: Snapshot) -> dict[str, FieldValue]:
    """Count the assigned partitions without a commit, at polls that ask for members."""
    membership = (snapshot.memberships or {}).get(group)
    if membership is None:
        return {}
    return {"partitions_uncommitted": len(uncommitted(membership, snapshot.commits.get(group, {})))}


def _client_fields(findings: Sequence[ClientFinding]) -> dict[str, FieldValue]:
    """Describe the worst of a group's consumers that are polled over JMX."""
    if not findings:
        return {}
    worst = worst_finding(findings)
    answering = [finding.consumer for finding in findings if finding.consumer.gone is None]
    lags = [consumer.lag_max for consumer in answering if consumer.lag_max is not None]
    return _present(
        client=worst.verdict.name.lower(),
        client_code=int(worst.verdict),
        client_worst=worst.consumer.client_id,
        client_age_seconds=worst.age_s,
        client_lag_max=max(lags, default=None),
        clients_polled=len(findings),
    )


def _poll_fields(lags: Lags, snapshot: Snapshot) -> dict[str, FieldValue]:
    phases = snapshot.phases
    described: dict[str, FieldValue] = {}
    if snapshot.memberships is not None:
        described["groups_described"] = len(snapshot.memberships)
        described["uncommitted"] = sum(
            len(uncommitted(membership, snapshot.commits.get(group, {})))
            for group, membership in snapshot.memberships.items()
        )
        described["describe_ms"] = phases.describe_ms
    return described | {
        "complete": snapshot.complete,
        "duration_ms": phases.total_ms,
        "list_groups_ms": phases.list_groups_ms,
        "fetch_commits_ms": phases.fetch_commits_ms,
        "list_ends_ms": phases.list_ends_ms,
        "aside_ms": phases.extras_ms,
        "throttle_ms": sum(snapshot.throttled_ms.values()),
        "requests": snapshot.requests,
        "errors": len(snapshot.errors) + len(snapshot.describe_errors),
        "brokers": snapshot.brokers,
        "brokers_answered": snapshot.brokers_answered,
        "groups_listed": snapshot.groups_listed,
        "groups_kept": len(snapshot.groups),
        "groups_answered": len(snapshot.commits) - len(snapshot.vanished),
        "groups_gone": len(snapshot.gone),
        "groups_vanished": len(snapshot.vanished),
        "partitions": len(lags.partitions),
        "orphaned": sum(row.partitions_orphaned for row in lags.groups),
        "unavailable": sum(row.partitions_unavailable for row in lags.groups),
    }


def _present(**fields: FieldValue | None) -> dict[str, FieldValue]:
    return {name: value for name, value in fields.items() if value is not None}
