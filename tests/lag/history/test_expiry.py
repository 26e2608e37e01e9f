"""How long Kafka keeps what a stopped group had read."""

from dataclasses import replace

from jmxbridge.kafka.facts.extras import Extras
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.history.expiry import OffsetsExpiry

S = 1_000_000_000
DAY_S = 86_400.0


def snapshot(
    state: str | None, *, protocol: str = "consumer", commits: bool = True, complete: bool = True
) -> Snapshot:
    """One group, `g`."""
    return Snapshot(
        groups={"g": Group("g", 1, protocol, state)},
        commits={"g": {"t": {0: 1}} if commits else {}},
        end_offsets={"t": {0: 1}},
        complete=complete,
    )


def test_the_countdown_begins_when_the_last_member_leaves() -> None:
    """And ends when one comes back; the next one is a new one."""
    expiry = OffsetsExpiry(retention_s=DAY_S)
    assert expiry.take(snapshot("Stable"), 0) == {}
    assert expiry.take(snapshot("Empty"), 10 * S) == {"g": DAY_S}
    assert expiry.take(snapshot("EMPTY"), 3610 * S) == {"g": DAY_S - 3600}
    assert expiry.take(snapshot("Stable"), 3620 * S) == {}
    assert expiry.take(snapshot("Empty"), 3630 * S) == {"g": DAY_S}


def test_it_goes_on_after_a_restart_and_does_not_go_below_0() -> None:
    """Kafka looks for expired offsets every ten minutes only."""
    expiry = OffsetsExpiry({"g": 0}, retention_s=DAY_S)
    assert expiry.take(snapshot("Empty"), 3600 * S) == {"g": DAY_S - 3600}
    assert expiry.take(snapshot("Empty"), 90_000 * S) == {"g": 0.0}


def test_nothing_is_said_where_nothing_is_known() -> None:
    """No state, members that a broker never sees, nothing committed."""
    for other in (
        snapshot(None),
        snapshot("Empty", protocol=""),
        snapshot("Empty", commits=False),
    ):
        assert OffsetsExpiry().take(other, 0) == {}


def test_a_broker_that_did_not_answer_ends_no_countdown() -> None:
    """A group is forgotten when a complete poll does not have it."""
    nobody = Snapshot(groups={}, commits={}, end_offsets={}, complete=False)
    expiry = OffsetsExpiry(retention_s=DAY_S)
    expiry.take(snapshot("Empty"), 0)
    expiry.take(nobody, 10 * S)
    assert expiry.empty_since == {"g": 0}
    assert expiry.take(snapshot("Empty"), 20 * S) == {"g": DAY_S - 20}

    expiry.take(Snapshot(groups={}, commits={}, end_offsets={}), 30 * S)

    assert expiry.empty_since == {}


def test_a_group_that_is_gone_is_forgotten_though_no_poll_is_complete() -> None:
    """One partition without a leader, for months, in which groups come and go."""
    expiry = OffsetsExpiry(retention_s=DAY_S)
    expiry.take(snapshot("Empty", complete=False), 0)
    gone = Snapshot(groups={}, commits={}, end_offsets={}, gone=frozenset("g"), complete=False)

    expiry.take(gone, 10 * S)

    assert expiry.empty_since == {}


def test_a_clock_that_was_set_back_makes_no_longer_countdown() -> None:
    """It is an upper bound, and Kafka keeps nothing longer than it says."""
    expiry = OffsetsExpiry(retention_s=DAY_S)
    expiry.take(snapshot("Empty"), 7200 * S)
    assert expiry.take(snapshot("Empty"), 0) == {"g": DAY_S}
    assert expiry.take(snapshot("Empty"), 60 * S) == {"g": DAY_S - 60}


def test_the_file_is_believed_before_the_brokers_and_they_before_kafkas_default() -> None:
    """How long offsets are kept: the brokers may say so, and may not be allowed to."""
    said = replace(snapshot("Empty"), extras=Extras(offsets_retention_s=60.0))
    assert OffsetsExpiry(retention_s=DAY_S).take(said, 0) == {"g": DAY_S}
    assert OffsetsExpiry().take(said, 0) == {"g": 60.0}
    assert OffsetsExpiry().take(snapshot("Empty"), 0) == {"g": 7 * DAY_S}
