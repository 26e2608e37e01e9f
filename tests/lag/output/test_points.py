"""Lag rows to points: names, tags, and which fields are there."""

from dataclasses import replace

from jmxbridge.kafka.facts.extras import Extras, SharePartition
from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Group, Phases, Snapshot
from jmxbridge.lag.history.assessment import Assessment, RowStatus
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.lag_history import LagHistory
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.output.points import SHARE, failed_poll, to_points
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.lag.rows import compute_lags
from jmxbridge.point import FieldValue, Point

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
)


def points(measurement: str) -> list[tuple[dict[str, str], dict[str, FieldValue]]]:
    """Tags and fields of one measurement's points."""
    made = to_points(
        Assessment(compute_lags(SNAPSHOT)), SNAPSHOT, cluster="c", time_ns=NOW, skipped_ticks=2
    )
    assert {point.time_ns for point in made} == {NOW}
    return [(dict(p.tags), dict(p.fields)) for p in made if p.measurement == measurement]


def test_a_partition_has_its_offsets_and_its_lag() -> None:
    """`ahead` is written only where the commit is beyond the end."""
    where = {"cluster": "c", "group": "g", "topic": "t"}
    assert points("kafka_consumer_lag") == [
        (where | {"partition": "0"}, {"offset": 4, "end_offset": 10, "lag": 6}),
        (where | {"partition": "1"}, {"offset": 12, "end_offset": 10, "lag": 0, "ahead": 2}),
    ]


def test_a_topic_has_sums_where_something_is_known() -> None:
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


def test_a_group_whose_coordinator_answered_has_a_row() -> None:
    """The one whose coordinator did not answer has none, and the one without commits no sum."""
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


def test_a_group_says_what_its_broker_says_of_it() -> None:
    """All groups, those included that could not be read; unknown state and type are left out."""
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


def test_a_poll_reports_itself() -> None:
    """Cost, completeness and what was left out."""
    ((tags, fields),) = points("jmxbridge_lag_poll")

    assert tags == {"cluster": "c"}
    assert fields == {
        "complete": False,
        "duration_ms": 6.0,
        "list_groups_ms": 1.0,
        "fetch_commits_ms": 2.0,
        "list_ends_ms": 3.0,
        "aside_ms": 0.0,
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


def test_a_failed_poll_has_the_types_of_a_good_one() -> None:
    """InfluxDB refuses a field that changes its type."""
    failed = failed_poll(cluster="c", time_ns=NOW, duration_ms=5.0)
    ((_, good),) = points("jmxbridge_lag_poll")

    assert isinstance(failed, Point)
    assert failed.fields["complete"] is False
    assert {name: type(value) for name, value in failed.fields.items()} == {
        name: type(good[name]) for name in failed.fields
    }


def test_what_was_deleted_unread_is_written_where_there_is_some() -> None:
    """`start_offset` wherever it is known; the two others would be 0 and the lag, elsewhere."""
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


def test_rates_are_floats_and_arrival_is_left_out_where_there_is_none() -> None:
    """Beside the sums of the topic, from the second poll on."""
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


def test_the_longest_delay_says_whether_it_is_a_lower_bound() -> None:
    """Of topic and group, as of the partition; exact ones say nothing."""
    waiting, caught_up = (
        Snapshot(groups={}, commits={"g": {"t": {0: at}}}, end_offsets={"t": {0: 10}})
        for at in (4, 10)
    )
    for snapshot, said in ((waiting, [True, True, True]), (caught_up, [None, None, None])):
        lags = compute_lags(snapshot)
        assessment = LagHistory(interval_ns=10**10).take(lags, snapshot, NOW)
        made = [point.fields for point in to_points(assessment, snapshot, cluster="c",
                                                    time_ns=NOW)]  # fmt: skip
        delays = [each for each in made if {"lag_seconds", "lag_seconds_max"} & each.keys()]
        assert [each.get("lag_seconds_min") for each in delays] == said


def described() -> Snapshot:
    """The group `g` with one member, which has a partition nobody has committed."""
    member = Member("c-1", "orders", "/10.0.0.7", (("t", 0), ("t", 7)))
    return replace(SNAPSHOT, memberships={"g": Membership("g", "Stable", (member,))})


def test_who_reads_a_partition_is_a_field() -> None:
    """Owner, client and host on the rows that have one; how many, beside the group's state."""
    found = described()
    made = to_points(Assessment(compute_lags(found)), found, cluster="c", time_ns=NOW)
    rows = [p for p in made if p.measurement == "kafka_consumer_lag"]
    reader = {"owner": "c-1", "client_id": "orders", "host": "10.0.0.7"}
    assert reader.items() <= rows[0].fields.items()
    assert not reader.keys() & rows[1].fields.keys()
    assert set(rows[0].tags) == {"cluster", "group", "topic", "partition"}
    groups = {p.tags["group"]: p.fields for p in made if p.measurement == "kafka_consumer_group"}
    assert groups["g"]["members"] == 1
    assert "members" not in groups["s"]


def test_what_is_assigned_and_not_committed_is_counted() -> None:
    """Known where members were asked for; a commit that could not be read may be one."""
    found = described()
    made = to_points(Assessment(compute_lags(found)), found, cluster="c", time_ns=NOW)
    groups = {
        p.tags["group"]: p.fields for p in made if p.measurement == "kafka_consumer_lag_group"
    }
    assert groups["g"]["partitions_uncommitted"] == 1
    assert "partitions_uncommitted" not in groups["s"]
    assert [p.fields["uncommitted"] for p in made if p.measurement == "jmxbridge_lag_poll"] == [1]
    unread = replace(found, commits={"g": {"t": {0: None, 7: None}}})
    assert [
        p.fields["partitions_uncommitted"]
        for p in to_points(Assessment(compute_lags(unread)), unread, cluster="c", time_ns=NOW)
        if p.measurement == "kafka_consumer_lag_group"
    ] == [0]


def test_a_row_at_rest_is_written_with_its_reader() -> None:
    """Who reads is told once a minute, whatever the thinning leaves out."""
    plain, told = SNAPSHOT, described()
    history, thinning = LagHistory(interval_ns=NOW), RowThinning(heartbeat_s=3600)

    def rows(found: Snapshot, second: int) -> int:
        time_ns = NOW + second * 1_000_000_000
        lags = compute_lags(found)
        assessment = history.take(lags, found, time_ns)
        made = to_points(assessment, found, thinning, cluster="c", time_ns=time_ns)
        return sum(p.measurement == "kafka_consumer_lag" for p in made)

    assert [rows(plain, 0), rows(plain, 10)] == [2, 1]  # beyond the end for the second time
    assert [rows(plain, 30), rows(told, 60), rows(plain, 90)] == [0, 1, 0]


def test_a_delay_says_how_well_it_is_known() -> None:
    """A bound, a record near it, or the record itself; beside it how long until it may be gone."""
    snapshot = Snapshot(
        groups={},
        commits={"g": {"t": {0: 4, 1: 4, 2: 4}}},
        end_offsets={"t": {0: 10, 1: 10, 2: 10}},
    )
    delays = [TimeLag(5.0), TimeLag(6.0, at_least=True), TimeLag(7.0, approximate=True)]
    assessment = Assessment(
        compute_lags(snapshot),
        partitions=tuple(RowStatus(behind, Status.OK) for behind in delays),
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
    """Without a lag where the broker counts none: the name means one thing."""
    shares = (SharePartition("s", "t", 0, 4, None), SharePartition("s", "t", 1, 4, 0))
    snapshot = Snapshot(groups={}, commits={}, end_offsets={}, extras=Extras(shares=shares))

    made = to_points(Assessment(compute_lags(snapshot)), snapshot, cluster="c", time_ns=NOW)

    where = {"cluster": "c", "group": "s", "topic": "t"}
    assert [(dict(p.tags), dict(p.fields)) for p in made if p.measurement == SHARE] == [
        (where | {"partition": "0"}, {"start_offset": 4}),
        (where | {"partition": "1"}, {"start_offset": 4, "lag": 0}),
    ]


def test_points_made_when_they_are_looked_at_are_the_same_every_time() -> None:
    """As many as they say; looking again writes nothing anew and leaves nothing out."""
    history = LagHistory(interval_ns=10**10)
    lags = compute_lags(SNAPSHOT)
    assessment = history.take(lags, SNAPSHOT, NOW)
    thinning = RowThinning()

    made = to_points(assessment, SNAPSHOT, thinning, cluster="c", time_ns=NOW)

    found = list(made)
    assert len(made) == len(found) == 10
    assert list(made) == found
    assert found[0] in made
    assert failed_poll(cluster="c", time_ns=NOW, duration_ms=1.0) not in made
    again = to_points(assessment, SNAPSHOT, thinning, cluster="c", time_ns=NOW + 10**10)
    assert [p for p in again if p.measurement == "kafka_consumer_lag"] == []
