"""Tracker of one cluster's lag: snapshots and saved state in, assessments and state out."""

from dataclasses import replace

from jmxbridge.kafka.facts.extras import Extras, TimestampedOffset
from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.consumers.client_verdict import ClientVerdict
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.assessment import Assessment, RowStatus
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.open_transactions import OpenTransaction
from jmxbridge.lag.history.saved_state import SavedState, encode
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.vanished_groups import LastCommits
from jmxbridge.lag.tracker import LagTracker
from jmxbridge.lag.uncommitted import Uncommitted
from jmxbridge.times import NS
from tests.lag.history.test_saved_state import VERSION_1, read_back

MEMBER = Member("c-1", "c", "/10.0.0.7", (("t", 0), ("t", 1)))
SNAPSHOT = Snapshot(
    groups={"g": Group("g", 1, state="Stable")},
    commits={"g": {"t": {0: 4}}},
    end_offsets={"t": {0: 10, 1: 7}},
    start_offsets={"t": {0: 0, 1: 2}},
    topic_ids={"t": "1"},
)
DESCRIBED = replace(SNAPSHOT, memberships={"g": Membership("g", "Stable", (MEMBER,))})
GONE = replace(SNAPSHOT, groups={}, commits={}, gone=frozenset("g"))


def poll(tracker: LagTracker, snapshot: Snapshot, second: int, *consumers: Consumer) -> Assessment:
    """Take one poll as LagPoll does: commits, last commits of vanished groups, the rest."""
    last_commits = tracker.merge(snapshot.commits, snapshot.gone, second * NS)
    merged = replace(
        snapshot,
        commits={**snapshot.commits, **last_commits},
        vanished=frozenset(last_commits),
    )
    return tracker.take(merged, consumers, second * NS)


def saved(tracker: LagTracker) -> SavedState:
    """Return the tracker's state after a poll."""
    state = tracker.state()
    assert state is not None
    return state


def test_take_assesses_rows_expiry_and_consumers() -> None:
    """One assessment has the lag and all that history, brokers and JMX add."""
    tracker = LagTracker(offsets_retention_s=100)
    empty = replace(DESCRIBED, groups={"g": Group("g", 1, "consumer", "Empty")})
    gone = Consumer("c", "app", 0, gone="Connection refused")

    for n in range(3):
        assessment = poll(tracker, empty, n * 10, gone)

    (row,) = assessment.lags.partitions
    assert (row.offset, row.lag) == (4, 6)
    assert assessment.partitions == (RowStatus(TimeLag(20.0, at_least=True), Status.STOP),)
    assert assessment.groups["g"].status is Status.ERR
    assert assessment.expires_in_s == {"g": 80.0}
    (finding,) = assessment.clients["g"]
    assert (finding.verdict, finding.lag) == (ClientVerdict.DEAD, 6)


def test_members_are_needed_once_a_minute() -> None:
    """And asked for again where a poll did not bring them."""
    tracker = LagTracker()
    needed = []
    for second, snapshot in ((0, SNAPSHOT), (10, DESCRIBED), (20, SNAPSHOT), (70, DESCRIBED)):
        needed.append(tracker.needs_members(second * NS))
        poll(tracker, snapshot, second)

    assert needed == [True, True, False, True]


def test_uncommitted_partitions_need_members_and_get_a_lag() -> None:
    """Only where a position is configured; from the poll on that brought the members."""
    skipping, earliest = LagTracker(), LagTracker(uncommitted=Uncommitted.EARLIEST)
    for tracker in (skipping, earliest):
        assert len(poll(tracker, SNAPSHOT, 0).lags.partitions) == 1
        poll(tracker, DESCRIBED, 10)

    assert skipping.assigned() == {}
    assert earliest.assigned() == DESCRIBED.memberships
    assert [row.lag for row in poll(skipping, SNAPSHOT, 20).lags.partitions] == [6]
    assert [row.lag for row in poll(earliest, SNAPSHOT, 20).lags.partitions] == [6, 5]


def test_a_vanished_group_keeps_its_lag_until_it_is_forgotten() -> None:
    """From its last commits; `vanished` has its name."""
    tracker = LagTracker(forget_after_s=60)
    poll(tracker, SNAPSHOT, 0)

    for second, groups in ((10, {"g"}), (69, {"g"}), (70, set())):
        assessment = poll(tracker, GONE, second)
        assert {row.group for row in assessment.lags.partitions} == groups
        assert tracker.vanished == groups


def test_a_deleted_partition_is_dropped_from_a_vanished_group() -> None:
    """Orphaned, or of a topic that was created again: its next poll has no row."""
    orphaned = replace(GONE, end_offsets={}, orphaned=frozenset({("t", 0)}))
    recreated = replace(GONE, topic_ids={"t": "2"})
    for deleted in (orphaned, recreated):
        tracker = LagTracker()
        for n, snapshot in enumerate((SNAPSHOT, GONE, deleted)):
            poll(tracker, snapshot, n * 10)
        assert tracker.vanished == frozenset()
        assert saved(tracker).groups == {}


def test_deleted_has_partitions_of_vanished_groups_that_no_longer_exist() -> None:
    """Those that are gone, and those of a topic that was created again under its name."""
    tracker = LagTracker()
    poll(tracker, SNAPSHOT, 0)
    vanished = replace(SNAPSHOT, groups={}, vanished=frozenset("g"))
    recreated = replace(vanished, topic_ids={"t": "2"})
    orphaned = frozenset({("t", 0)})

    assert tracker.deleted(vanished) == frozenset()
    assert tracker.deleted(recreated) == {("t", 0)}
    assert tracker.deleted(replace(vanished, orphaned=orphaned)) == orphaned
    assert tracker.deleted(replace(SNAPSHOT, topic_ids={"t": "2"})) == frozenset()


def test_questions_of_one_poll_are_answered_at_the_next() -> None:
    """The search by timestamp improves the lower bound of the first poll."""
    tracker = LagTracker()
    poll(tracker, SNAPSHOT, 1000)
    assert tracker.questions() == {("t", 0): 0}
    answers = {("t", 0): TimestampedOffset(4, 900_000)}

    assessment = poll(tracker, replace(SNAPSHOT, extras=Extras(answers)), 1010)

    assert assessment.partitions[0].time_lag == TimeLag(110.0)
    assert tracker.questions() == {}


def test_search_asks_between_two_polls() -> None:
    """Until no question is left; `take` at the same instant has the answer."""
    tracker = LagTracker()
    questions = tracker.search(SNAPSHOT, {}, 1000 * NS)
    assert questions == {("t", 0): 0}
    answers = {("t", 0): TimestampedOffset(4, 900_000)}
    assert tracker.search(SNAPSHOT, answers, 1000 * NS) == {}

    assert poll(tracker, SNAPSHOT, 1000).partitions[0].time_lag == TimeLag(100.0)


def test_offsets_retention_is_that_of_the_file_or_the_brokers() -> None:
    """As the countdown of an empty group counts it."""
    reported = replace(SNAPSHOT, extras=Extras(offsets_retention_s=60.0))
    assert LagTracker().offsets_retention_s(reported) == 60.0
    assert LagTracker(offsets_retention_s=5.0).offsets_retention_s(reported) == 5.0


def test_state_is_none_before_the_first_poll() -> None:
    """A cluster that never answered must not replace what the last run saved."""
    tracker = LagTracker(SavedState({"g": LastCommits({"t": {0: 1}}, 5)}))
    assert tracker.state() is None


def test_a_tracker_continues_from_its_saved_state() -> None:
    """With the same assessment as one that never stopped."""
    first = LagTracker()
    for n in range(3):
        poll(first, replace(SNAPSHOT, end_offsets={"t": {0: 10 + n}}), n * 10)
    last = replace(SNAPSHOT, end_offsets={"t": {0: 13}})

    second = LagTracker(saved(first))

    expected, assessment = poll(first, last, 30), poll(second, last, 30)
    assert assessment.partitions == expected.partitions
    assert saved(second).groups == saved(first).groups
    assert saved(second).tables == saved(first).tables


def test_a_tracker_continues_from_a_file_of_version_1() -> None:
    """Vanished group, time lags by tables and by searches, and the countdown."""
    tracker = LagTracker(read_back(VERSION_1), offsets_retention_s=1000)
    snapshot = Snapshot(
        groups={"slow": Group("slow", 1), "stopped": Group("stopped", 1, "consumer", "Empty")},
        commits={
            "slow": {"orders": {0: 100, 1: None}},
            "stopped": {"orders": {0: 930}, "bills": {0: 7}},
        },
        end_offsets={"orders": {0: 1500, 1: 50}, "bills": {0: 7}},
        topic_ids={"orders": "id-of-orders", "bills": "id-of-bills"},
    )

    assessment = poll(tracker, snapshot, 1_700_000_200)

    rows = zip(assessment.lags.partitions, assessment.partitions, strict=True)
    assert {(row.group, row.topic): (row.lag, status.time_lag) for row, status in rows} == {
        ("slow", "orders"): (1400, TimeLag(75_800.0, at_least=True)),
        ("stopped", "orders"): (570, TimeLag(30_800.0)),
        ("stopped", "bills"): (0, TimeLag(0.0)),
        ("deleted", "orders"): (550, TimeLag(29_600.0)),
    }
    assert tracker.vanished == {"deleted"}
    assert assessment.expires_in_s == {"stopped": 800.0}


HELD_UP = replace(
    SNAPSHOT,
    commits={"g": {"t": {0: 6}}},
    stable_ends={"t": {0: 6}},
    read_committed=frozenset("g"),
)


def test_an_open_transaction_keeps_its_age_across_a_restart() -> None:
    """The transaction that begins at the same offset is the same one."""
    first = LagTracker()
    poll(first, HELD_UP, 100)
    kept = read_back(encode(saved(first)))

    same = poll(LagTracker(kept), HELD_UP, 500)
    moved = poll(LagTracker(kept), replace(HELD_UP, stable_ends={"t": {0: 7}}), 500)

    assert same.open_transactions == {("g", "t"): (OpenTransaction(0, 6, 4, 100 * NS, 400.0),)}
    assert moved.open_transactions == {("g", "t"): (OpenTransaction(0, 7, 3, 500 * NS, 0.0),)}


def test_an_open_transaction_of_a_recreated_topic_is_forgotten() -> None:
    """The same offset is another transaction there, also after a restart."""
    first = LagTracker()
    poll(first, HELD_UP, 100)
    kept = read_back(encode(saved(first)))

    recreated = poll(LagTracker(kept), replace(HELD_UP, topic_ids={"t": "2"}), 500)

    (transaction,) = recreated.open_transactions["g", "t"]
    assert transaction.age_s == 0.0


def test_topics_of_other_groups_have_no_transactions() -> None:
    """Whether they skip open transactions is not known."""
    assert poll(LagTracker(), SNAPSHOT, 100).open_transactions == {}
