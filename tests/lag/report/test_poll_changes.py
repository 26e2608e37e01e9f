"""Changes between lag polls, as sentences for the log."""

from dataclasses import replace

import pytest

from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.consumers.client_verdict import ClientFinding, ClientVerdict
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.assessment import Assessment
from jmxbridge.lag.history.open_transactions import OpenTransaction
from jmxbridge.lag.output.row_thinning import RowThinning
from jmxbridge.lag.report.poll_changes import CALM_POLLS, PollChanges
from jmxbridge.lag.rows import Lags

NOTHING = Snapshot(groups={}, commits={}, end_offsets={})
LAGS = Lags((), (), ())


def texts(
    changes: PollChanges,
    snapshot: Snapshot = NOTHING,
    assessment: Assessment | None = None,
    thinning: RowThinning | None = None,
) -> list[str]:
    """Return the warnings of one poll."""
    taken = changes.take(snapshot, assessment or Assessment(LAGS), thinning or RowThinning())
    assert all(change.is_warning for change in taken)
    return [change.text for change in taken]


def test_an_error_is_reported_when_it_begins() -> None:
    """Of a poll, or of one that no broker answered; again after a poll without it."""
    changes = PollChanges()
    bad = replace(NOTHING, errors=("broker 1: refused", "broker 2: refused"))
    assert texts(changes, bad) == ["broker 1: refused", "broker 2: refused"]
    assert texts(changes, replace(NOTHING, errors=("broker 2: refused",))) == []
    assert [change.text for change in changes.failed("broker 2: refused")] == []
    assert [change.text for change in changes.failed("no broker")] == ["no broker"]
    assert texts(changes) == []
    assert texts(changes, bad) == ["broker 1: refused", "broker 2: refused"]


def test_a_describe_error_lasts_until_members_are_read_again() -> None:
    """Polls that do not ask for members say nothing of it."""
    changes = PollChanges()
    bad = replace(NOTHING, memberships={}, describe_errors=("group 'g': refused",))
    assert [texts(changes, snapshot) for snapshot in (bad, NOTHING, bad)] == [
        ["group 'g': refused"],
        [],
        [],
    ]
    assert texts(changes, replace(NOTHING, memberships={})) == []
    assert texts(changes, bad) == ["group 'g': refused"]


def test_a_delay_by_a_quota_is_reported_once_for_each_broker() -> None:
    """Delays come and go with each poll; a broker is named again after a long time without one."""
    changes = PollChanges()
    first = replace(NOTHING, throttled_ms={"broker 1": 1000, "broker 2": 5})
    both = replace(NOTHING, throttled_ms={"broker 1": 900, "broker 2": 800})
    (sentence,) = texts(changes, first)
    assert sentence.startswith("broker 1 throttled us for 1,000 ms in one poll")
    (sentence,) = texts(changes, both)
    assert sentence.startswith("broker 2 throttled us for 800 ms in one poll")

    assert [texts(changes) for _ in range(CALM_POLLS - 1)] == [[]] * (CALM_POLLS - 1)
    assert texts(changes, both) == []
    for _ in range(CALM_POLLS):
        texts(changes)

    assert len(texts(changes, both)) == 2


def test_a_vanished_group_is_reported_once_and_its_return_is_no_warning() -> None:
    """A group that was gone before the restart is not reported again."""
    changes = PollChanges({"old"})
    vanished = replace(NOTHING, vanished=frozenset({"old", "g"}))
    assert texts(changes, vanished) == [
        "group g has vanished; its lag goes on from its last commits"
    ]
    assert texts(changes, vanished) == []

    back = replace(NOTHING, groups={"g": Group("g", 1)}, vanished=frozenset({"old"}))
    (change,) = changes.take(back, Assessment(LAGS), RowThinning())

    assert change == ("group g is back", False)


def test_orphaned_topics_are_reported_by_name() -> None:
    """Once a topic, three names at most."""
    changes = PollChanges()
    orphaned = replace(NOTHING, orphaned=frozenset({("a", 0), ("a", 1)}))
    assert texts(changes, orphaned) == ["commits to partitions that no longer exist: a"]
    more = replace(NOTHING, orphaned=frozenset((topic, 2) for topic in "abcde"))
    assert texts(changes, more) == ["commits to partitions that no longer exist: b, c, d, …"]
    assert texts(changes, more) == []


def test_a_verdict_on_a_consumer_is_reported_when_it_changes() -> None:
    """The worst of a group; no verdict is no news."""
    changes = PollChanges()
    finding = ClientFinding("g", ClientVerdict.NONE, "the reason", Consumer("c", "app", 0), 0.0, 0)

    def poll(verdict: ClientVerdict) -> list[str]:
        findings = (finding, replace(finding, verdict=verdict))
        return texts(changes, assessment=Assessment(LAGS, clients={"g": findings}))

    assert poll(ClientVerdict.NONE) == []
    (slow,) = poll(ClientVerdict.SLOW)
    assert slow.startswith("group g: client c of target app is slow: the reason (")
    assert poll(ClientVerdict.SLOW) == []
    (dead,) = poll(ClientVerdict.DEAD)
    assert "is dead" in dead
    assert poll(ClientVerdict.NONE) == []
    assert len(poll(ClientVerdict.DEAD)) == 1


@pytest.mark.parametrize(("groups", "names"), [("a", "a"), ("abcd", "a, b, c, …")])
def test_rolled_up_groups_are_reported_when_they_change(groups: str, names: str) -> None:
    """With the limit and the key that sets it."""
    changes, thinning = PollChanges(), RowThinning(max_rows=50_000)
    thinning.rolled_up = dict.fromkeys(groups, 30_000)
    text = (
        "more than 50,000 partitions (kafka.max_rows), so these groups get rows by topic only:"
        f" {names}"
    )
    assert texts(changes, thinning=thinning) == [text]
    assert texts(changes, thinning=thinning) == []
    assert texts(changes) == []
    assert texts(changes, thinning=thinning) == [text]


def held_up(*partitions: int, groups: str = "g", age_s: float = 300.0) -> Assessment:
    """Return topic `t` of these groups with a transaction open on these partitions."""
    transactions = [OpenTransaction(index, 7, 5, 0, age_s) for index in partitions]
    return Assessment(LAGS, open_transactions={(group, "t"): transactions for group in groups})


def taken(changes: PollChanges, assessment: Assessment, snapshot: Snapshot = NOTHING) -> list[str]:
    """Return what one poll changes about transactions, warnings marked."""
    return [
        ("! " if change.is_warning else "") + change.text
        for change in changes.take(snapshot, assessment, RowThinning())
    ]


def test_a_transaction_open_for_long_is_reported_when_it_begins_and_ends() -> None:
    """Once for a topic, whatever the number of its partitions and groups."""
    changes = PollChanges()
    assert taken(changes, held_up(0, groups="g", age_s=299.0)) == []
    assert taken(changes, held_up(0, groups="ghijk")) == [
        "! 5 records of t wait behind a transaction that has been open since 1970-01-01T00:00:00Z"
        " (partition 0 from offset 7); groups that read committed records cannot read on: g, h,"
        " i, …. Who left it open: kafka-transactions.sh describe-producers --topic t --partition 0"
    ]
    assert taken(changes, held_up(0, 1)) == []
    assert taken(changes, held_up(1)) == []
    over = ["no records of t wait behind a transaction open for long any more"]
    assert taken(changes, held_up()) == over
    assert taken(changes, held_up()) == []
    assert len(taken(changes, held_up(0))) == 1


def test_a_transaction_has_not_ended_where_it_could_not_be_read() -> None:
    """Only a poll that read the partition, or is complete, tells."""
    changes = PollChanges()
    unread = replace(NOTHING, complete=False)
    read = replace(unread, end_offsets={"t": {0: 9}}, stable_ends={"t": {0: 9}})
    assert len(taken(changes, held_up(0))) == 1
    assert taken(changes, held_up(), unread) == []
    assert taken(changes, held_up(0)) == []
    assert len(taken(changes, held_up(), read)) == 1
