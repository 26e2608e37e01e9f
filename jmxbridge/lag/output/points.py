"""Lag rows to points, under names that dashboards may rely on.

Rule: an integer stays an integer. Offsets go beyond 2**53, where a float forgets the last digits.

A field that says nothing is left out rather than written as 0: `ahead` where the commit is not
beyond the end, `expired` and `lag_consumable` where nothing was deleted unread, `lag_seconds` where
nobody knows, sums where no partition is known, `state` and `type` where the broker is too old to
say. A group whose coordinator did not answer has no lag point at all in that poll.

Who reads a partition is a field, never a tag: a consumer has a new id at every start. It is written
at the polls that ask for it, once a minute, in every partition row there is.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import repeat

from jmxbridge.kafka.facts.extras import SharePartition
from jmxbridge.kafka.facts.members import GroupPartition, Member, owners, uncommitted
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.consumers.client_verdict import ClientFinding, worst
from jmxbridge.lag.history.lag_history import Assessment, RowStatus
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

_Told = tuple[PartitionLag, RowStatus | None, Member | None]


class LagPoints(Collection[Point]):
    """The points of one poll; those of partitions are made whenever they are looked at.

    They are tens of thousands, and weigh three times as much as the lines they become.
    """

    def __init__(
        self, rows: Sequence[_Told], others: Sequence[Point], *, cluster: str, time_ns: int
    ) -> None:
        self._rows = rows
        self._others = others
        self._cluster = cluster
        self._time_ns = time_ns

    def __len__(self) -> int:
        return len(self._rows) + len(self._others)

    def __iter__(self) -> Iterator[Point]:
        for told in self._rows:
            yield _partition_point(*told, self._cluster, self._time_ns)
        yield from self._others

    def __contains__(self, point: object) -> bool:
        return any(each == point for each in self)


def to_points(
    lags: Lags,
    snapshot: Snapshot,
    verdicts: Assessment | None = None,
    volume: RowThinning | None = None,
    *,
    cluster: str,
    time_ns: int,
    skipped_ticks: int = 0,
) -> LagPoints:
    """Make the points of one poll, all with the one timestamp it was due at.

    Without `volume` every row is written.
    """
    verdicts = verdicts or Assessment()
    volume = volume or RowThinning()
    finest = volume.fit(lags.groups)
    volume.sweep(time_ns)
    readers = owners(snapshot.memberships or {})
    rows = list(_rows(lags, verdicts, volume, finest, readers, time_ns))
    points: list[Point] = []
    for topic in lags.topics:
        if finest[topic.group] is Granularity.GROUP:
            continue
        tags = {"cluster": cluster, "group": topic.group, "topic": topic.topic}
        at = (topic.group, topic.topic)
        fields = _topic_fields(topic) | _summary_fields(verdicts.topics.get(at))
        if (risk_s := verdicts.retention_risk_s.get(at)) is not None:
            fields["retention_risk_seconds"] = risk_s
        points.append(Point(TOPIC, tags, fields | _rate_fields(verdicts.rates.get(at)), time_ns))
    for row in lags.groups:
        tags = {"cluster": cluster, "group": row.group}
        fields = _group_fields(row) | _summary_fields(summary := verdicts.groups.get(row.group))
        if summary is not None:
            fields["status"] = summary.status.name
        fields |= _uncommitted(row.group, snapshot)
        fields |= _client_fields(verdicts.clients.get(row.group, ()))
        points.append(Point(GROUP, tags, fields, time_ns))
    for group in snapshot.groups.values():
        tags = {"cluster": cluster, "group": group.name}
        fields = _state_fields(group) | _member_fields(group.name, snapshot)
        if (left_s := verdicts.expires_in_s.get(group.name)) is not None:
            fields["expires_in_seconds"] = left_s
        points.append(Point(GROUP_STATE, tags, fields, time_ns))
    for name in sorted(snapshot.vanished):
        tags = {"cluster": cluster, "group": name}
        points.append(Point(GROUP_STATE, tags, {"vanished": True}, time_ns))
    points += (_share_point(each, cluster, time_ns) for each in snapshot.extras.shares)
    fields = _poll_fields(lags, snapshot) | {
        "skipped_ticks": skipped_ticks,
        "rows_rolled_up": sum(volume.rolled_up.values()),
    }
    points.append(Point(POLL, {"cluster": cluster}, fields, time_ns))
    return LagPoints(rows, points, cluster=cluster, time_ns=time_ns)


def failed_poll(*, cluster: str, time_ns: int, duration_ms: float, skipped_ticks: int = 0) -> Point:
    """The point of a poll in which no broker answered: there are no rows beside it."""
    fields: dict[str, FieldValue] = {
        "complete": False,
        "duration_ms": duration_ms,
        "errors": 1,
        "brokers_answered": 0,
        "skipped_ticks": skipped_ticks,
    }
    return Point(POLL, {"cluster": cluster}, fields, time_ns)


def _rows(
    lags: Lags,
    verdicts: Assessment,
    volume: RowThinning,
    finest: Mapping[str, Granularity],
    readers: Mapping[GroupPartition, Member],
    time_ns: int,
) -> Iterator[_Told]:
    """The partition rows to write; all of them where nothing was judged."""
    after = 0
    for topic, rows in lags.by_topic():
        first, after = after, after + len(rows)
        if finest[topic.group] is not Granularity.PARTITION:
            continue
        told: Iterable[tuple[PartitionLag, RowStatus | None]] = (
            volume.worth_writing(rows, verdicts.partitions[first:after], time_ns, readers)
            if verdicts.partitions
            else zip(rows, repeat(None), strict=False)
        )
        for row, judged in told:
            yield row, judged, readers.get(row[:3])


def _partition_point(
    row: PartitionLag, judged: RowStatus | None, reader: Member | None, cluster: str, time_ns: int
) -> Point:
    fields = _row_fields(row)
    if reader is not None:
        fields["owner"] = reader.consumer_id
        fields["client_id"] = reader.client_id
        fields["host"] = reader.host.removeprefix("/")
    if judged is not None:
        fields["status_code"] = int(judged.status)
        if judged.behind is not None:
            fields["lag_seconds"] = judged.behind.seconds
            if judged.behind.at_least:
                fields["lag_seconds_min"] = True
            if judged.behind.approximate:
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
    if summary.behind is not None:
        fields["lag_seconds_max"] = summary.behind.seconds
        if summary.behind.at_least:
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
    )


def _rate_fields(rate: Rate | None) -> dict[str, FieldValue]:
    if rate is None:
        return {}
    return _present(rate_in=rate.incoming, rate_out=rate.outgoing, eta_seconds=rate.eta_s)


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


def _uncommitted(group: str, snapshot: Snapshot) -> dict[str, FieldValue]:
    """How many partitions are assigned and have no commit: known at polls that ask for members."""
    membership = (snapshot.memberships or {}).get(group)
    return (
        {}
        if membership is None
        else {
            "partitions_uncommitted": len(uncommitted(membership, snapshot.commits.get(group, {})))
        }
    )


def _client_fields(findings: Sequence[ClientFinding]) -> dict[str, FieldValue]:
    """The worst of a group's consumers, of those that are polled over JMX."""
    if not findings:
        return {}
    found = worst(findings)
    heard = [each.consumer for each in findings if each.consumer.gone is None]
    return _present(
        client=found.client.name.lower(),
        client_code=int(found.client),
        client_worst=found.consumer.client_id,
        client_age_seconds=found.age_s,
        client_lag_max=max((c.lag_max for c in heard if c.lag_max is not None), default=None),
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
