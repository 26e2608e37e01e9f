"""Points of lag rows: measurements, tags, and the fields that are present."""

from dataclasses import replace

from jmxbridge.kafka.facts.extras import Extras, SharePartition
from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Group, Phases, Snapshot
from jmxbridge.lag.consumers.client_verdict import ClientFinding, ClientVerdict
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.assessment import Assessment, RowStatus
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.lag_history import LagHistory
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.output.points import SHARE, failed_poll, to_points
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.lag.rows import compute_lags
from jmxbridge.point import FieldValue, Point
from jmxbridge.times import NS

NOW = 1_700_000_000_000_000_000

SNAPSHOT = Snapshot(
    groups={
        "g": Group("g", 1, "consumer", "Stable", "Classic"),
        "s": Group("s", 2, ""),
        "down": Group("down", 3, "consumer", "Empty"),
    },
    commits={"g": {"t": {0: 4, 1: 12}, "gone": {0: 1}}, "s": {}},
    end_offsets={"t": {0: 10, 1: 10}},
    orphaned=frozenset({("gone", 0)}),
    gone=frozenset({"old"}),
    complete=False,
    brokers=3,
    brokers_answered=2,
    groups_listed=9,
    requests=8,
    errors=("broker 3: no answer",),
    phases=Phases(1.0, 2.0, 3.0),
    throttled_ms={"broker 1": 70, "broker 2": 5},
)


def points(measurement: str) -> list[tuple[dict[str, str], dict[str, FieldValue]]]:
    """Return tags and fields of the points of one measurement."""
    made = to_points(
        Assessment(compute_lags(SNAPSHOT)), SNAPSHOT, cluster="c", time_ns=NOW, skipped_ticks=2
    )
    assert {point.time_ns for point in made} == {NOW}
    return [(dict(p.tags), dict(p.fields)) for p in made if p.measurement == measurement]


def test_partition_points_have_offsets_and_lag() -> None:
    """`ahead` is written only where the commit is beyond the end."""
    where = {"cluster": "c", "group": "g", "topic": "t"}
    assert points("kafka_consumer_lag") == [
        (where | {"partition": "0"}, {"offset": 4, "end_offset": 10, "lag": 6}),
        (where | {"partition": "1"}, {"offset": 12, "end_offset": 10, "lag": 0, "ahead": 2}),
    ]


def test_topic_points_have_sums_of_known_partitions() -> None:
    """The deleted topic is counted and has no sum: not 0."""
    where = {"cluster": "c", "group": "g"}
    assert points("kafka_consumer_lag_topic") == [
        (
            where | {"topic": "t"},
            {
                "partitions": 2,
                "partitions_known": 2,
                "lag_sum": 6,
                "lag_max": 6,
                "offset_sum": 16,
                "end_offset_sum": 20,
            },
        ),
        (where | {"topic": "gone"}, {"partitions": 1, "partitions_known": 0}),
    ]


def test_group_points_are_of_groups_whose_coordinator_answered() -> None:
    """A group without an answer has none, a group without commits no sum."""
    counts = {
        "partitions": 3,
        "partitions_known": 2,
        "partitions_orphaned": 1,
        "partitions_unavailable": 0,
    }
    assert points("kafka_consumer_lag_group") == [
        ({"cluster": "c", "group": "g"}, counts | {"complete": True, "lag_sum": 6, "lag_max": 6}),
        ({"cluster": "c", "group": "s"}, dict.fromkeys(counts, 0) | {"complete": True}),
    ]


def test_state_points_have_what_the_broker_reports() -> None:
    """All groups, also those that could not be read; unknown state and type are left out."""
    assert points("kafka_consumer_group") == [
        (
            {"cluster": "c", "group": "g"},
            {
                "state": "Stable",
                "type": "Classic",
                "kind": "consumer",
                "coordinator": 1,
                "vanished": False,
            },
        ),
        ({"cluster": "c", "group": "s"}, {"kind": "simple", "coordinator": 2, "vanished": False}),
        (
            {"cluster": "c", "group": "down"},
            {"state": "Empty", "kind": "consumer", "coordinator": 3, "vanished": False},
        ),
    ]


def test_the_poll_point_has_cost_and_completeness() -> None:
    """Durations, requests, errors, and the counts of what was left out."""
    ((tags, fields),) = points("jmxbridge_lag_poll")

    assert tags == {"cluster": "c"}
    assert fields == {
        "complete": False,
        "duration_ms": 6.0,
        "list_groups_ms": 1.0,
        "fetch_commits_ms": 2.0,
        "list_ends_ms": 3.0,
        "aside_ms": 0.0,
        "throttle_ms": 75,
        "requests": 8,
        "errors": 1,
        "brokers": 3,
        "brokers_answered": 2,
        "groups_listed": 9,
        "groups_kept": 3,
        "groups_answered": 2,
        "groups_gone": 1,
        "groups_vanished": 0,
        "partitions": 2,
        "orphaned": 1,
        "unavailable": 0,
        "skipped_ticks": 2,
        "rows_rolled_up": 0,
    }


def test_failed_poll_has_the_field_types_of_a_good_poll() -> None:
    """InfluxDB refuses a field that changes its type."""
    failed = failed_poll(cluster="c", time_ns=NOW, duration_ms=5.0)
    ((_, good),) = points("jmxbridge_lag_poll")

    assert isinstance(failed, Point)
    assert failed.fields["complete"] is False
    assert {name: type(value) for name, value in failed.fields.items()} == {
        name: type(good[name]) for name in failed.fields
    }


def test_expired_records_are_fields_where_there_are_any() -> None:
    """Elsewhere `expired` would be 0, and `lag_consumable` the lag; `start_offset` if known."""
    snapshot = Snapshot(
        groups={},
        commits={"g": {"t": {0: 4, 1: 4, 2: 4}}},
        end_offsets={"t": {0: 10, 1: 10, 2: 10}},
        start_offsets={"t": {0: 7, 1: 4}},
    )

    made = to_points(Assessment(compute_lags(snapshot)), snapshot, cluster="c", time_ns=NOW)

    base = {"offset": 4, "end_offset": 10, "lag": 6}
    assert [dict(point.fields) for point in made if point.measurement == "kafka_consumer_lag"] == [
        base | {"start_offset": 7, "expired": 3, "lag_consumable": 3},
        base | {"start_offset": 4},
        base,
    ]


def test_rates_are_floats_and_eta_is_left_out_if_unknown() -> None:
    """With the sums of the topic, from the second poll on."""
    snapshot = Snapshot(groups={}, commits={"g": {"t": {0: 4}}}, end_offsets={"t": {0: 10}})
    history = LagHistory(interval_ns=10**10)
    lags = compute_lags(snapshot)
    history.take(lags, snapshot, NOW)
    assessment = history.take(lags, snapshot, NOW + 10**10)

    made = to_points(assessment, snapshot, cluster="c", time_ns=NOW + 10**10)

    (topic,) = [point.fields for point in made if point.measurement == "kafka_consumer_lag_topic"]
    assert (topic["rate_in"], topic["rate_out"]) == (0.0, 0.0)
    assert isinstance(topic["rate_in"], float)
    assert topic["status_code"] == 1
    assert topic["lag_seconds_max"] == 10.0
    assert "eta_seconds" not in topic


def test_lag_seconds_min_marks_a_lower_bound() -> None:
    """For topic and group as for the partition; an exact time lag has no mark."""
    waiting, caught_up = (
        Snapshot(groups={}, commits={"g": {"t": {0: offset}}}, end_offsets={"t": {0: 10}})
        for offset in (4, 10)
    )
    for snapshot, marks in ((waiting, [True, True, True]), (caught_up, [None, None, None])):
        lags = compute_lags(snapshot)
        assessment = LagHistory(interval_ns=10**10).take(lags, snapshot, NOW)
        made = [point.fields for point in to_points(assessment, snapshot, cluster="c",
                                                    time_ns=NOW)]  # fmt: skip
        delays = [fields for fields in made if {"lag_seconds", "lag_seconds_max"} & fields.keys()]
        assert [fields.get("lag_seconds_min") for fields in delays] == marks


def described() -> Snapshot:
    """Return `g` with one member, which is assigned a partition without a commit."""
    member = Member("c-1", "orders", "/10.0.0.7", (("t", 0), ("t", 7)))
    return replace(SNAPSHOT, memberships={"g": Membership("g", "Stable", (member,))})


def test_the_reader_of_a_partition_is_fields() -> None:
    """Owner, client and host in rows with a reader; their number with the group's state."""
    snapshot = described()
    made = to_points(Assessment(compute_lags(snapshot)), snapshot, cluster="c", time_ns=NOW)
    rows = [p for p in made if p.measurement == "kafka_consumer_lag"]
    reader = {"owner": "c-1", "client_id": "orders", "host": "10.0.0.7"}
    assert reader.items() <= rows[0].fields.items()
    assert not reader.keys() & rows[1].fields.keys()
    assert set(rows[0].tags) == {"cluster", "group", "topic", "partition"}
    groups = {p.tags["group"]: p.fields for p in made if p.measurement == "kafka_consumer_group"}
    assert groups["g"]["members"] == 1
    assert "members" not in groups["s"]


def test_uncommitted_partitions_are_counted() -> None:
    """Known where members were read; an unreadable commit may be one and is not counted."""
    snapshot = described()
    made = to_points(Assessment(compute_lags(snapshot)), snapshot, cluster="c", time_ns=NOW)
    groups = {
        p.tags["group"]: p.fields for p in made if p.measurement == "kafka_consumer_lag_group"
    }
    assert groups["g"]["partitions_uncommitted"] == 1
    assert "partitions_uncommitted" not in groups["s"]
    assert [p.fields["uncommitted"] for p in made if p.measurement == "jmxbridge_lag_poll"] == [1]
    unread = replace(snapshot, commits={"g": {"t": {0: None, 7: None}}})
    assert [
        p.fields["partitions_uncommitted"]
        for p in to_points(Assessment(compute_lags(unread)), unread, cluster="c", time_ns=NOW)
        if p.measurement == "kafka_consumer_lag_group"
    ] == [0]


def test_an_unchanged_row_is_written_with_its_reader() -> None:
    """Once a minute, whatever the thinning leaves out."""
    plain, members_read = SNAPSHOT, described()
    history, thinning = LagHistory(interval_ns=NOW), RowThinning(heartbeat_s=3600)

    def rows(snapshot: Snapshot, second: int) -> int:
        time_ns = NOW + second * NS
        lags = compute_lags(snapshot)
        assessment = history.take(lags, snapshot, time_ns)
        made = to_points(assessment, snapshot, thinning, cluster="c", time_ns=time_ns)
        return sum(p.measurement == "kafka_consumer_lag" for p in made)

    assert [rows(plain, 0), rows(plain, 10)] == [2, 1]  # beyond the end for the second time
    assert [rows(plain, 30), rows(members_read, 60), rows(plain, 90)] == [0, 1, 0]


def test_lag_seconds_has_marks_for_bound_and_approximation() -> None:
    """And the topic the seconds until unread records may be deleted."""
    snapshot = Snapshot(
        groups={},
        commits={"g": {"t": {0: 4, 1: 4, 2: 4}}},
        end_offsets={"t": {0: 10, 1: 10, 2: 10}},
    )
    delays = [TimeLag(5.0), TimeLag(6.0, at_least=True), TimeLag(7.0, approximate=True)]
    assessment = Assessment(
        compute_lags(snapshot),
        partitions=tuple(RowStatus(delay, Status.OK) for delay in delays),
        retention_risk_s={("g", "t"): 3593.0},
    )

    made = to_points(assessment, snapshot, cluster="c", time_ns=NOW)

    rows = [p.fields for p in made if p.measurement == "kafka_consumer_lag"]
    assert [(row["lag_seconds"], row.get("lag_seconds_min")) for row in rows] == [
        (5.0, None),
        (6.0, True),
        (7.0, None),
    ]
    assert [row.get("lag_seconds_approximate") for row in rows] == [None, None, True]
    (topic,) = [p.fields for p in made if p.measurement == "kafka_consumer_lag_topic"]
    assert topic["retention_risk_seconds"] == 3593.0


def test_share_groups_have_a_measurement_of_their_own() -> None:
    """No lag where the broker counts none: the field has one meaning."""
    shares = (SharePartition("s", "t", 0, 4, None), SharePartition("s", "t", 1, 4, 0))
    snapshot = Snapshot(groups={}, commits={}, end_offsets={}, extras=Extras(shares=shares))

    made = to_points(Assessment(compute_lags(snapshot)), snapshot, cluster="c", time_ns=NOW)

    where = {"cluster": "c", "group": "s", "topic": "t"}
    assert [(dict(p.tags), dict(p.fields)) for p in made if p.measurement == SHARE] == [
        (where | {"partition": "0"}, {"start_offset": 4}),
        (where | {"partition": "1"}, {"start_offset": 4, "lag": 0}),
    ]


def test_lag_points_can_be_iterated_repeatedly() -> None:
    """Their number is right; a second iteration marks no row as written and leaves none out."""
    history = LagHistory(interval_ns=10**10)
    lags = compute_lags(SNAPSHOT)
    assessment = history.take(lags, SNAPSHOT, NOW)
    thinning = RowThinning()

    made = to_points(assessment, SNAPSHOT, thinning, cluster="c", time_ns=NOW)

    snapshot = list(made)
    assert len(made) == len(snapshot) == 10
    assert list(made) == snapshot
    assert snapshot[0] in made
    assert failed_poll(cluster="c", time_ns=NOW, duration_ms=1.0) not in made
    again = to_points(assessment, SNAPSHOT, thinning, cluster="c", time_ns=NOW + 10**10)
    assert [p for p in again if p.measurement == "kafka_consumer_lag"] == []


def test_a_row_without_a_time_lag_has_a_status_alone() -> None:
    """No poll has seen a record at its offset yet, or there are too many tables."""
    snapshot = Snapshot(groups={}, commits={"g": {"t": {0: 4}}}, end_offsets={"t": {0: 10}})
    assessment = Assessment(compute_lags(snapshot), (RowStatus(None, Status.OK),))

    row, *_ = to_points(assessment, snapshot, cluster="c", time_ns=NOW)

    assert row.fields == {"offset": 4, "end_offset": 10, "lag": 6, "status_code": 1}


def test_a_vanished_group_has_a_state_point() -> None:
    """Without state, type and coordinator: no broker knows the group."""
    snapshot = replace(SNAPSHOT, groups={}, vanished=frozenset({"old"}))

    made = to_points(Assessment(compute_lags(snapshot)), snapshot, cluster="c", time_ns=NOW)

    states = [p for p in made if p.measurement == "kafka_consumer_group"]
    assert states == [
        Point("kafka_consumer_group", {"cluster": "c", "group": "old"}, {"vanished": True}, NOW)
    ]


def test_group_points_have_the_worst_consumer() -> None:
    """The largest lag among those that answer; a group without polled consumers has no field."""
    answering = Consumer("a", "app", 0, lag_max=7.0)
    gone = Consumer("b", "app", 0, lag_max=9.0, gone="closed")
    findings = (
        ClientFinding("g", ClientVerdict.SLOW, "the reason", answering, 1.0, 6),
        ClientFinding("g", ClientVerdict.DEAD, "the reason", gone, 2.0, 6),
    )
    assessment = Assessment(compute_lags(SNAPSHOT), clients={"g": findings})

    made = to_points(assessment, SNAPSHOT, cluster="c", time_ns=NOW)

    groups = {
        p.tags["group"]: p.fields for p in made if p.measurement == "kafka_consumer_lag_group"
    }
    clients = {name: value for name, value in groups["g"].items() if name.startswith("client")}
    assert clients == {
        "client": "dead",
        "client_code": 3,
        "client_worst": "b",
        "client_age_seconds": 2.0,
        "client_lag_max": 7.0,
        "clients_polled": 2,
    }
    assert not any(name.startswith("client") for name in groups["s"])


def test_points_of_groups_that_read_committed_records_have_both_ends() -> None:
    """And the age of the oldest open transaction, 0 where there is none."""
    snapshot = Snapshot(
        groups={"g": Group("g", 1, "consumer", "Stable")},
        commits={"g": {"t": {0: 4, 1: 9}, "u": {0: 1}}, "other": {"t": {0: 4}}},
        end_offsets={"t": {0: 10, 1: 9}, "u": {0: 1}},
        stable_ends={"t": {0: 6, 1: 9}, "u": {0: 1}},
        read_committed=frozenset("g"),
    )
    history = LagHistory(interval_ns=10 * NS)
    history.take(compute_lags(snapshot), snapshot, NOW - 40 * NS)

    assessment = history.take(compute_lags(snapshot), snapshot, NOW)
    made = {
        (p.measurement, *list(p.tags.values())[1:]): p.fields
        for p in to_points(assessment, snapshot, cluster="c", time_ns=NOW)
    }

    row = made["kafka_consumer_lag", "g", "t", "0"]
    assert (row["end_offset"], row["stable_end_offset"], row["lag"]) == (10, 6, 2)
    topic = made["kafka_consumer_lag_topic", "g", "t"]
    assert (topic["end_offset_sum"], topic["stable_end_offset_sum"]) == (19, 15)
    assert (topic["lag_sum"], topic["open_transaction_seconds"]) == (2, 40.0)
    assert made["kafka_consumer_lag_topic", "g", "u"]["open_transaction_seconds"] == 0.0
    assert made["kafka_consumer_lag_group", "g"]["open_transaction_seconds"] == 40.0
    for key in (
        ("kafka_consumer_lag", "other", "t", "0"),
        ("kafka_consumer_lag_topic", "other", "t"),
        ("kafka_consumer_lag_group", "other"),
    ):
        assert not [name for name in made[key] if name.startswith(("stable", "open"))]
