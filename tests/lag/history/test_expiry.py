"""Countdowns to the deletion of unread records and of an empty group's offsets."""

from dataclasses import replace

import pytest

from jmxbridge.kafka.facts.extras import Extras
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.expiry import OffsetsExpiry, retention_risk_s
from jmxbridge.lag.rows import PartitionLag
from jmxbridge.times import NS

DAY_S = 86_400.0


def snapshot(
    state: str | None, *, protocol: str = "consumer", commits: bool = True, complete: bool = True
) -> Snapshot:
    """Return a snapshot of one group, `g`."""
    return Snapshot(
        groups={"g": Group("g", 1, protocol, state)},
        commits={"g": {"t": {0: 1}} if commits else {}},
        end_offsets={"t": {0: 1}},
        complete=complete,
    )


def test_offsets_countdown_begins_when_the_last_member_leaves() -> None:
    """It ends when a member joins; the next one starts from the full time."""
    expiry = OffsetsExpiry(retention_s=DAY_S)
    assert expiry.take(snapshot("Stable"), 0) == {}
    assert expiry.take(snapshot("Empty"), 10 * NS) == {"g": DAY_S}
    assert expiry.take(snapshot("EMPTY"), 3610 * NS) == {"g": DAY_S - 3600}
    assert expiry.take(snapshot("Stable"), 3620 * NS) == {}
    assert expiry.take(snapshot("Empty"), 3630 * NS) == {"g": DAY_S}


def test_offsets_countdown_continues_after_a_restart_and_stops_at_0() -> None:
    """Kafka deletes expired offsets every ten minutes only."""
    expiry = OffsetsExpiry({"g": 0}, retention_s=DAY_S)
    assert expiry.take(snapshot("Empty"), 3600 * NS) == {"g": DAY_S - 3600}
    assert expiry.take(snapshot("Empty"), 90_000 * NS) == {"g": 0.0}


def test_offsets_have_no_countdown_without_state_members_or_commits() -> None:
    """No state, a group whose members the broker never sees, no commits."""
    for other in (
        snapshot(None),
        snapshot("Empty", protocol=""),
        snapshot("Empty", commits=False),
    ):
        assert OffsetsExpiry().take(other, 0) == {}


def test_an_incomplete_poll_ends_no_offsets_countdown() -> None:
    """A group is forgotten when a complete poll does not have it."""
    no_group = Snapshot(groups={}, commits={}, end_offsets={}, complete=False)
    expiry = OffsetsExpiry(retention_s=DAY_S)
    expiry.take(snapshot("Empty"), 0)
    expiry.take(no_group, 10 * NS)
    assert expiry.empty_since == {"g": 0}
    assert expiry.take(snapshot("Empty"), 20 * NS) == {"g": DAY_S - 20}

    expiry.take(Snapshot(groups={}, commits={}, end_offsets={}), 30 * NS)

    assert expiry.empty_since == {}


def test_a_gone_group_loses_its_countdown_in_incomplete_polls_too() -> None:
    """A partition without a leader may keep every poll incomplete for months."""
    expiry = OffsetsExpiry(retention_s=DAY_S)
    expiry.take(snapshot("Empty", complete=False), 0)
    gone = Snapshot(groups={}, commits={}, end_offsets={}, gone=frozenset("g"), complete=False)

    expiry.take(gone, 10 * NS)

    assert expiry.empty_since == {}


def test_a_clock_set_back_makes_no_countdown_longer() -> None:
    """The countdown is an upper bound: Kafka keeps no offsets longer than its retention."""
    expiry = OffsetsExpiry(retention_s=DAY_S)
    expiry.take(snapshot("Empty"), 7200 * NS)
    assert expiry.take(snapshot("Empty"), 0) == {"g": DAY_S}
    assert expiry.take(snapshot("Empty"), 60 * NS) == {"g": DAY_S - 60}


def test_offsets_retention_is_of_the_file_then_the_brokers_then_the_default() -> None:
    """Brokers may not be allowed to report it."""
    said = replace(snapshot("Empty"), extras=Extras(offsets_retention_s=60.0))
    assert OffsetsExpiry(retention_s=DAY_S).take(said, 0) == {"g": DAY_S}
    assert OffsetsExpiry().take(said, 0) == {"g": 60.0}
    assert OffsetsExpiry().take(snapshot("Empty"), 0) == {"g": 7 * DAY_S}


HOUR_S = 3600.0
KEPT = {"t": HOUR_S}


def row(
    offset: int, *, partition: int = 0, topic: str = "t", start: int | None = 0
) -> PartitionLag:
    """Return one row of a topic that ends at 10."""
    return PartitionLag("g", topic, partition, offset, 10, max(0, 10 - offset), 0, start)


@pytest.mark.parametrize(
    ("why", "at", "time_lag", "expected"),
    [
        ("a record ten minutes old has fifty left", row(5), TimeLag(600.0), 3000.0),
        ("about ten minutes, about fifty left", row(5), TimeLag(600.0, approximate=True), 3000.0),
        ("older than retention: at any moment", row(5), TimeLag(4000.0), 0.0),
        ("already deleted unread", row(5, start=7), TimeLag(60.0, at_least=True), 0.0),
        (
            "at least ten minutes old: maybe an hour",
            row(5),
            TimeLag(600.0, at_least=True),
            None,
        ),
        ("its age is not known", row(5), None, None),
        ("start not known, age known", row(5, start=None), TimeLag(600.0), 3000.0),
        ("everything read", row(10), TimeLag(0.0), None),
        ("a lag within allowed_lag", row(9), TimeLag(0.0), None),
        ("everything read, older records deleted", row(10, start=9), TimeLag(0.0), None),
        ("no retention by age, or not known", row(5, topic="u"), TimeLag(9e9), None),
    ],
)
def test_retention_risk_of_one_partition(
    why: str, at: PartitionLag, time_lag: TimeLag | None, expected: float | None
) -> None:
    """Seconds until its oldest unread record reaches retention.ms, or None."""
    assert retention_risk_s([at], [time_lag], KEPT.get(at.topic)) == expected


def test_retention_risk_of_a_topic_is_its_shortest() -> None:
    """Partitions whose age is not known do not count."""
    rows = [row(5), row(6, partition=1), row(7, partition=2)]
    delays = [TimeLag(600.0), TimeLag(900.0), TimeLag(1.0, at_least=True)]
    assert retention_risk_s(rows, delays, HOUR_S) == 2700.0
