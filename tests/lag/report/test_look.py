"""LagReader at a cluster, once or again and again."""

from dataclasses import replace

from jmxbridge.cli.lag_look import SEARCH_ROUNDS
from jmxbridge.kafka.facts.extras import Extras, TimestampedOffset
from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Description, Group, Snapshot
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.summary import GroupSummary, PollSummary
from jmxbridge.lag.report.look import LagLooks
from jmxbridge.lag.report.trends import LOOKS

S = 1_000_000_000
ROW = ("g", "t", 0)
MEMBER = Member("c-1", "c", "/10.0.0.7", (("t", 0),))


def description(committed: int = 10, end: int = 50) -> Description:
    """A group with one member on one partition."""
    snapshot = Snapshot(
        groups={"g": Group("g", 1, state="Stable")},
        commits={"g": {"t": {0: committed}}},
        end_offsets={"t": {0: end}},
    )
    return Description(snapshot, {"g": Membership("g", "Stable", (MEMBER,))})


def memory(second: int) -> SavedState:
    """What a service wrote at this second: the partition grew ten records a second from 0 on."""
    said = GroupSummary(Status.ERR, {"t": {0: Status.STALL}}, ("client c of target app is slow",))
    return SavedState(
        tables={("t", 0): ((0, second * S), (0, 10 * second))},
        summary=PollSummary(second * S, {"g": said}),
    )


def test_the_first_look_of_all_says_nothing_of_the_past() -> None:
    """No service has written anything: no seconds, no status, but the lag of now in the graph."""
    look = LagLooks(interval_ns=2 * S).take(description(), (), 100 * S)
    assert (look.time_lags, look.statuses, look.clients) == ({}, {}, {})
    assert look.trends == {("g", "t"): (40,)}


def test_the_first_look_has_the_past_that_the_service_wrote_down() -> None:
    """Seconds from its tables, status and words from its last poll, with their age."""
    look = LagLooks(memory(20), interval_ns=2 * S).take(description(10, 200), (), 50 * S)
    assert look.time_lags == {ROW: TimeLag(49.0)}
    assert look.statuses == {ROW: Status.STALL}
    assert look.clients == {
        "g": ["client c of target app is slow, according to `jmxbridge run` 30 s ago"]
    }


def test_a_service_that_is_away_has_no_opinion() -> None:
    """What it saw is as true as ever; what it thought is old."""
    look = LagLooks(memory(20), interval_ns=2 * S).take(description(10, 200), (), 500 * S)
    assert (look.statuses, look.clients) == ({}, {})
    assert look.time_lags == {ROW: TimeLag(499.0)}


def test_what_the_service_does_not_mention_is_well() -> None:
    """It writes down what is not; of a group it does not know it says nothing."""
    judged = PollSummary(20 * S, {"g": GroupSummary(Status.OK)})
    look = LagLooks(SavedState(summary=judged), interval_ns=S).take(description(), (), 21 * S)
    assert look.statuses == {ROW: Status.OK}
    nobody = PollSummary(20 * S, {})
    look = LagLooks(SavedState(summary=nobody), interval_ns=S).take(description(), (), 21 * S)
    assert look.statuses == {}


def test_a_graph_ends_with_its_topic() -> None:
    """What is gone has no lag now; what could not be read at one look goes on at the next."""
    watching = LagLooks(interval_ns=2 * S)
    watching.take(description(10, 50), (), 100 * S)
    seen = description(10, 60)
    silent = replace(seen, snapshot=replace(seen.snapshot, commits={}, complete=False))
    gone = replace(seen, snapshot=replace(seen.snapshot, commits={"g": {}}))

    assert watching.take(silent, (), 102 * S).trends == {}
    assert watching.take(seen, (), 104 * S).trends == {("g", "t"): (40, 50)}
    assert watching.take(gone, (), 106 * S).trends == {}
    assert watching.take(seen, (), 108 * S).trends == {("g", "t"): (50,)}


def test_a_graph_waits_for_a_broker_that_does_not_answer() -> None:
    """Its groups are in no list then: they are gone where all answered, or theirs says so."""
    watching = LagLooks(interval_ns=2 * S)
    seen = description(10, 50)
    unlisted = Description(Snapshot(groups={}, commits={}, end_offsets={}), {})
    silent = replace(unlisted, snapshot=replace(unlisted.snapshot, complete=False))
    gone = replace(silent, snapshot=replace(silent.snapshot, gone=frozenset({"g"})))

    watching.take(seen, (), 100 * S)
    assert watching.take(silent, (), 102 * S).trends == {}
    assert watching.take(seen, (), 104 * S).trends == {("g", "t"): (40, 40)}
    for second, without in ((106, unlisted), (110, gone)):
        watching.take(without, (), second * S)
        assert watching.take(seen, (), (second + 2) * S).trends == {("g", "t"): (40,)}


def test_from_the_second_look_on_there_is_a_past_of_our_own() -> None:
    """Seconds since what was seen, a status of our own judgement, a line that grows."""
    watching = LagLooks(interval_ns=2 * S)
    for n in range(15):
        look = watching.take(description(10, 50 + 10 * n), (), (100 + 2 * n) * S)
    assert look.time_lags == {ROW: TimeLag(28.0, at_least=True)}
    assert look.statuses == {ROW: Status.STALL}
    assert look.trends[("g", "t")][:3] == (40, 50, 60)
    for n in range(LOOKS):
        look = watching.take(description(10, 500), (), (200 + 2 * n) * S)
    assert look.trends == {("g", "t"): (490,) * LOOKS}


def test_a_group_that_gains_says_when_it_will_have_caught_up() -> None:
    """From the second look on, and not while it falls behind."""
    watching = LagLooks(interval_ns=2 * S)
    gained = [watching.take(description(10 + 10 * n, 500), (), 2 * n * S) for n in range(3)]
    assert [look.eta_s for look in gained] == [{}, {("g", "t"): 96.0}, {("g", "t"): 94.0}]
    lost = watching.take(description(30, 900), (), 6 * S)
    assert lost.eta_s == {}


def test_the_log_is_asked_for_a_past_that_nobody_saw() -> None:
    """Question by question, of one instant: the first look says how old the record is, and why."""
    now_s, written_s = 1_700_000_000, 1_700_000_000 - 6 * 3600
    kept = Extras(retention_s={"t": 7 * 3600.0})
    looked = description(10, 50)
    looked = replace(looked, snapshot=replace(looked.snapshot, extras=kept))
    watching = LagLooks(interval_ns=2 * S)
    answers: dict[tuple[str, int], TimestampedOffset | None] = {}
    rounds = 0
    while questions := watching.search(looked, answers, now_s * S):
        # A record a minute up to the one that was not read, and none since.
        asked_s = questions["t", 0] // 1000
        offset = max(0, 10 - (written_s - asked_s) // 60)
        found = TimestampedOffset(offset, (written_s - (10 - offset) * 60) * 1000)
        answers = {("t", 0): found if asked_s <= written_s else TimestampedOffset(-1, -1)}
        rounds += 1
    look = watching.take(looked, (), now_s * S)

    assert look.time_lags == {ROW: TimeLag(6 * 3600.0)}
    assert look.losses == {
        "g": ("unread records of t may be deleted in 1 h, when they reach retention.ms",)
    }
    assert look.statuses == {}
    assert rounds < SEARCH_ROUNDS


def test_one_look_at_a_consumer_is_no_verdict() -> None:
    """It says what it sees: numbers of both sides. Many looks give one."""
    watching = LagLooks(interval_ns=2 * S)
    sentences: list[str] = []
    for n in range(14):
        consumer = Consumer(
            "c", "app", n * S, lag_max=0.0, consumed_total=50.0 + n, consumed_rate=1.0
        )
        look = watching.take(description(10, 50 + n), [consumer], (100 + 2 * n) * S)
        sentences += look.clients["g"]
    assert sentences[0].startswith(
        "client c of target app reads, and is well ahead of what it has committed (40 records"
    )
    assert sentences[-1].startswith("client c of target app reads but does not commit: ")
