"""Lag rows to points, under names that dashboards may rely on.

Rule: an integer stays an integer. Offsets go beyond 2**53, where a float forgets the last digits.

A field that says nothing is left out rather than written as 0: `ahead` where the commit is not
beyond the end, sums where no partition is known, `state` and `type` where the broker is too old to
say. A group whose coordinator did not answer has no lag point at all in that poll.
"""

from collections.abc import Iterator

from jmxbridge.lag.rows import GroupLag, Lags, TopicLag
from jmxbridge.lag.snapshot import Group, Snapshot
from jmxbridge.point import FieldValue, Point

PARTITION = "kafka_consumer_lag"
TOPIC = "kafka_consumer_lag_topic"
GROUP = "kafka_consumer_lag_group"
GROUP_STATE = "kafka_consumer_group"
POLL = "jmxbridge_lag_poll"


def to_points(
    lags: Lags, snapshot: Snapshot, *, cluster: str, time_ns: int, skipped_ticks: int = 0
) -> tuple[Point, ...]:
    """Make the points of one poll, all with the one timestamp it was due at."""
    points = list(_partition_points(lags, cluster, time_ns))
    for topic in lags.topics:
        tags = {"cluster": cluster, "group": topic.group, "topic": topic.topic}
        points.append(Point(TOPIC, tags, _topic_fields(topic), time_ns))
    for row in lags.groups:
        tags = {"cluster": cluster, "group": row.group}
        points.append(Point(GROUP, tags, _group_fields(row), time_ns))
    for group in snapshot.groups.values():
        tags = {"cluster": cluster, "group": group.name}
        points.append(Point(GROUP_STATE, tags, _state_fields(group), time_ns))
    fields = _poll_fields(lags, snapshot) | {"skipped_ticks": skipped_ticks}
    points.append(Point(POLL, {"cluster": cluster}, fields, time_ns))
    return tuple(points)


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


def _partition_points(lags: Lags, cluster: str, time_ns: int) -> Iterator[Point]:
    for group, topic, partition, offset, end, lag, ahead in lags.partitions:
        fields: dict[str, FieldValue] = {"offset": offset, "end_offset": end, "lag": lag}
        if ahead:
            fields["ahead"] = ahead
        tags = {"cluster": cluster, "group": group, "topic": topic, "partition": str(partition)}
        yield Point(PARTITION, tags, fields, time_ns)


def _topic_fields(row: TopicLag) -> dict[str, FieldValue]:
    return _present(
        partitions=row.partitions,
        partitions_known=row.partitions_known,
        lag_sum=row.lag_sum,
        lag_max=row.lag_max,
        offset_sum=row.offset_sum,
        end_offset_sum=row.end_offset_sum,
    )


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
        state=group.state, type=group.type, kind=group.kind, coordinator=group.coordinator
    )


def _poll_fields(lags: Lags, snapshot: Snapshot) -> dict[str, FieldValue]:
    phases = snapshot.phases
    return {
        "complete": snapshot.complete,
        "duration_ms": phases.total_ms,
        "list_groups_ms": phases.list_groups_ms,
        "fetch_commits_ms": phases.fetch_commits_ms,
        "list_ends_ms": phases.list_ends_ms,
        "requests": snapshot.requests,
        "errors": len(snapshot.errors),
        "brokers": snapshot.brokers,
        "brokers_answered": snapshot.brokers_answered,
        "groups_listed": snapshot.groups_listed,
        "groups_kept": len(snapshot.groups),
        "groups_answered": len(snapshot.commits),
        "groups_gone": len(snapshot.gone),
        "partitions": len(lags.partitions),
        "orphaned": sum(row.partitions_orphaned for row in lags.groups),
        "unavailable": sum(row.partitions_unavailable for row in lags.groups),
    }


def _present(**fields: FieldValue | None) -> dict[str, FieldValue]:
    return {name: value for name, value in fields.items() if value is not None}
