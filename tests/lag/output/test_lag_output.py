"""Output of the lag poll: thinned, tagged and renamed points."""

from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.history.assessment import Assessment, RowStatus
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.output.lag_output import LagOutput
from jmxbridge.lag.output.row_thinning import Granularity, RowThinning
from jmxbridge.lag.rows import compute_lags

SNAPSHOT = Snapshot(
    groups={"g": Group("g", 1)}, commits={"g": {"t": {0: 4}}}, end_offsets={"t": {0: 10}}
)
ASSESSMENT = Assessment(compute_lags(SNAPSHOT), (RowStatus(None, Status.OK),))


def test_points_have_cluster_timestamp_and_new_names() -> None:
    """Of all measurements; the poll's own point counts skipped ticks and keeps its name."""
    output = LagOutput(cluster="prod", names={"kafka_consumer_lag": "burrow_partition"})

    points = list(output.points(ASSESSMENT, SNAPSHOT, time_ns=7, skipped_ticks=2))

    assert {(point.tags["cluster"], point.time_ns) for point in points} == {("prod", 7)}
    assert (points[0].measurement, points[0].fields["lag"]) == ("burrow_partition", 6)
    assert points[-1].measurement == "jmxbridge_lag_poll"
    assert points[-1].fields["skipped_ticks"] == 2


def test_points_are_thinned_from_poll_to_poll() -> None:
    """An unchanged partition row has a point a minute, a configured group none."""
    output = LagOutput(cluster="prod")
    counts = [len(output.points(ASSESSMENT, SNAPSHOT, time_ns=time_ns)) for time_ns in (7, 8)]
    assert counts[0] - counts[1] == 1
    thinning = RowThinning(granularity={"g": Granularity.TOPIC})
    output = LagOutput(cluster="prod", thinning=thinning)
    assert len(output.points(ASSESSMENT, SNAPSHOT, time_ns=7)) == counts[1]


def test_a_failed_poll_has_one_point() -> None:
    """It says that the poll is not complete."""
    point = LagOutput(cluster="prod").failed_poll(time_ns=7, duration_ms=5.0, skipped_ticks=1)

    assert (point.measurement, point.tags, point.time_ns) == (
        "jmxbridge_lag_poll",
        {"cluster": "prod"},
        7,
    )
    assert point.fields == {
        "complete": False,
        "duration_ms": 5.0,
        "errors": 1,
        "brokers_answered": 0,
        "skipped_ticks": 1,
    }
