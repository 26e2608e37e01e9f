"""Details of looks at a cluster, the first one and later ones."""

from dataclasses import replace

import pytest

from jmxbridge.cli.lag_look import SEARCH_ROUNDS
from jmxbridge.kafka.facts.extras import Extras, TimestampedOffset
from jmxbridge.kafka.facts.members import Member, Membership
from jmxbridge.kafka.facts.snapshot import Description, Group, Partition, Snapshot
from jmxbridge.lag.consumers.consumer import Consumer
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.open_transactions import UnmovedEnd
from jmxbridge.lag.history.saved_state import SavedState
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.history.summary import GroupSummary, PollSummary
from jmxbridge.lag.history.vanished_groups import LastCommits
from jmxbridge.lag.report.look import LagLooks
from jmxbridge.lag.report.trends import LOOKS
from jmxbridge.times import NS

ROW = ("g", "t", 0)
OK = GroupSummary(Status.OK)
MEMBER = Member("c-1", "c", "/10.0.0.7", (("t", 0),))


def description(committed: int = 10, end: int = 50) -> Description:
    """Return a group with one member on one partition."""
    snapshot = Snapshot(
        groups={"g": Group("g", 1, state="Stable")},
        commits={"g": {"t": {0: committed}}},
        end_offsets={"t": {0: end}},
    )
    return Description(snapshot, {"g": Membership("g", "Stable", (MEMBER,))})


def saved(second: int) -> SavedState:
    """Return what `run` saved at this second; the partition grew ten records a second from 0."""
    summary = GroupSummary(
        Status.ERR, {"t": {0: Status.STALL}}, ("client c of target app is slow",)
    )
    return SavedState(
        tables={("t", 0): ((0, second * NS), (0, 10 * second))},
        summary=PollSummary(second * NS, {"g": summary}),
    )


def test_a_first_look_without_saved_state_has_no_history() -> None:
    """No time lag, no status; the lag of now is in the trend."""
    details = LagLooks(interval_ns=2 * NS).take(description(), (), 100 * NS)
    assert (details.time_lags, details.statuses, details.clients) == ({}, {}, {})
    assert (details.status_age_s, details.statuses_too_old) == (None, False)
    assert details.trends == {("g", "t"): (40,)}


def test_a_first_look_shows_what_run_saved() -> None:
    """Time lags from its tables, statuses and sentences from its last poll, with their age."""
    details = LagLooks(saved(20), interval_ns=2 * NS).take(description(10, 200), (), 50 * NS)
    assert details.time_lags == {ROW: TimeLag(49.0)}
    assert details.statuses == {ROW: Status.STALL}
    assert (details.status_age_s, details.statuses_too_old) == (30.0, False)
    assert details.clients == {
        "g": ["client c of target app is slow, according to `jmxbridge run` 30 s ago"]
    }


def test_an_old_summary_is_not_shown() -> None:
    """The saved end offsets still count; the assessment is too old, and its age says so."""
    details = LagLooks(saved(20), interval_ns=2 * NS).take(description(10, 200), (), 500 * NS)
    assert (details.statuses, details.clients) == ({}, {})
    assert (details.status_age_s, details.statuses_too_old) == (480.0, True)
    assert details.time_lags == {ROW: TimeLag(499.0)}


@pytest.mark.parametrize(
    ("run_interval_s", "age_s", "is_shown"),
    [
        (10, 0, True),
        (10, 179, True),
        (10, 180, False),
        (300, 899, True),
        (300, 900, False),
        (10, -1, False),
    ],
)
def test_a_summary_may_be_as_old_as_three_saves(
    run_interval_s: int, age_s: int, is_shown: bool
) -> None:
    """Saves come once a minute, or at every poll if those are rarer; none is of the future."""
    looks = LagLooks(saved(1000), interval_ns=2 * NS, run_interval_ns=run_interval_s * NS)
    details = looks.take(description(10, 200), (), (1000 + age_s) * NS)
    assert (details.statuses == {ROW: Status.STALL}) is is_shown
    assert bool(details.clients) is is_shown
    assert details.status_age_s == (None if age_s < 0 else age_s)
    assert details.statuses_too_old is (age_s > 0 and not is_shown)


def test_partitions_that_the_summary_leaves_out_are_ok() -> None:
    """A group that it does not have has no status."""
    summary = PollSummary(20 * NS, {"g": GroupSummary(Status.OK)})
    details = LagLooks(SavedState(summary=summary), interval_ns=NS).take(description(), (), 21 * NS)
    assert details.statuses == {ROW: Status.OK}
    empty = PollSummary(20 * NS, {})
    details = LagLooks(SavedState(summary=empty), interval_ns=NS).take(description(), (), 21 * NS)
    assert details.statuses == {}


def test_a_graph_ends_with_its_topic() -> None:
    """What is gone has no lag now; what could not be read at one look goes on at the next."""
    looks = LagLooks(interval_ns=2 * NS)
    looks.take(description(10, 50), (), 100 * NS)
    seen = description(10, 60)
    silent = replace(seen, snapshot=replace(seen.snapshot, commits={}, complete=False))
    gone = replace(seen, snapshot=replace(seen.snapshot, commits={"g": {}}))

    assert looks.take(silent, (), 102 * NS).trends == {}
    assert looks.take(seen, (), 104 * NS).trends == {("g", "t"): (40, 50)}
    assert looks.take(gone, (), 106 * NS).trends == {}
    assert looks.take(seen, (), 108 * NS).trends == {("g", "t"): (50,)}


def test_a_graph_waits_for_a_broker_that_does_not_answer() -> None:
    """Its groups are in no list then: they are gone where all answered, or theirs says so."""
    looks = LagLooks(interval_ns=2 * NS)
    seen = description(10, 50)
    unlisted = Description(Snapshot(groups={}, commits={}, end_offsets={}), {})
    silent = replace(unlisted, snapshot=replace(unlisted.snapshot, complete=False))
    gone = replace(silent, snapshot=replace(silent.snapshot, gone=frozenset({"g"})))

    looks.take(seen, (), 100 * NS)
    assert looks.take(silent, (), 102 * NS).trends == {}
    assert looks.take(seen, (), 104 * NS).trends == {("g", "t"): (40, 40)}
    for second, without in ((106, unlisted), (110, gone)):
        looks.take(without, (), second * NS)
        assert looks.take(seen, (), (second + 2) * NS).trends == {("g", "t"): (40,)}


def test_later_looks_have_a_history_of_their_own() -> None:
    """Time lags since the first look, a status of our own, a growing trend."""
    looks = LagLooks(interval_ns=2 * NS)
    for n in range(15):
        details = looks.take(description(10, 50 + 10 * n), (), (100 + 2 * n) * NS)
    assert details.time_lags == {ROW: TimeLag(28.0, at_least=True)}
    assert details.statuses == {ROW: Status.STALL}
    assert (details.status_age_s, details.statuses_too_old) == (0.0, False)
    assert details.trends[("g", "t")][:3] == (40, 50, 60)
    for n in range(LOOKS):
        details = looks.take(description(10, 500), (), (200 + 2 * n) * NS)
    assert details.trends == {("g", "t"): (490,) * LOOKS}


def test_a_group_that_gains_has_a_time_to_catch_up() -> None:
    """From the second look on, and not while it falls behind."""
    looks = LagLooks(interval_ns=2 * NS)
    gained = [looks.take(description(10 + 10 * n, 500), (), 2 * n * NS) for n in range(3)]
    assert [details.eta_s for details in gained] == [{}, {("g", "t"): 96.0}, {("g", "t"): 94.0}]
    lost = looks.take(description(30, 900), (), 6 * NS)
    assert lost.eta_s == {}


def test_search_finds_the_age_before_the_first_look() -> None:
    """Question by question, at one instant: the first look has the age and the coming loss."""
    now_s, written_s = 1_700_000_000, 1_700_000_000 - 6 * 3600
    kept = Extras(retention_s={"t": 7 * 3600.0})
    description_of_g = description(10, 50)
    description_of_g = replace(
        description_of_g, snapshot=replace(description_of_g.snapshot, extras=kept)
    )
    looks = LagLooks(interval_ns=2 * NS)
    answers: dict[tuple[str, int], TimestampedOffset | None] = {}
    rounds = 0
    while questions := looks.search(description_of_g, answers, now_s * NS):
        # A record a minute up to the one that was not read, and none since.
        asked_s = questions["t", 0] // 1000
        offset = max(0, 10 - (written_s - asked_s) // 60)
        found = TimestampedOffset(offset, (written_s - (10 - offset) * 60) * 1000)
        answers = {("t", 0): found if asked_s <= written_s else TimestampedOffset(-1, -1)}
        rounds += 1
    details = looks.take(description_of_g, (), now_s * NS)

    assert details.time_lags == {ROW: TimeLag(6 * 3600.0)}
    assert details.losses == {
        "g": ("unread records of t may be deleted in 1 h, when they reach retention.ms",)
    }
    assert details.statuses == {}
    assert rounds < SEARCH_ROUNDS


def test_one_look_at_a_consumer_gives_no_verdict() -> None:
    """It gives the numbers of both sides. Many looks give a verdict."""
    looks = LagLooks(interval_ns=2 * NS)
    sentences: list[str] = []
    for n in range(14):
        consumer = Consumer(
            "c", "app", n * NS, lag_max=0.0, consumed_total=50.0 + n, consumed_rate=1.0
        )
        details = looks.take(description(10, 50 + n), [consumer], (100 + 2 * n) * NS)
        sentences += details.clients["g"]
    assert sentences[0].startswith(
        "client c of target app reads, and is well ahead of what it has committed (40 records"
    )
    assert sentences[-1].startswith("client c of target app reads but does not commit: ")


def gone_group(topic_id: str = "1", orphaned: frozenset[Partition] = frozenset()) -> Description:
    """A group that has vanished, with its last commits to two topics."""
    snapshot = Snapshot(
        groups={},
        commits={"g": {"t": {0: 10}, "u": {0: 3}}},
        end_offsets={"t": {0: 50}, "u": {0: 4}},
        gone=frozenset({"g"}),
        vanished=frozenset({"g"}),
        topic_ids={"t": topic_id, "u": "2"},
        orphaned=orphaned,
    )
    return Description(snapshot, {})


def saved_group(**commits: dict[int, int | None]) -> SavedState:
    """What `run` saved of a group that still existed, and of the ids of the topics."""
    return SavedState(
        groups={"g": LastCommits(commits)},
        summary=PollSummary(20 * NS, {"g": GroupSummary(Status.ERR, {"t": {0: Status.STOP}})}),
        topic_ids={"t": "1", "u": "2"},
    )


def test_a_vanished_group_has_lag_and_status_and_the_time_it_was_seen() -> None:
    """As `run` goes on to write it; a later look does not make it younger."""
    looks = LagLooks(saved_group(t={0: 10}, u={0: 3}), interval_ns=2 * NS)
    assert looks.last_commits(50 * NS) == {"g": {"t": {0: 10}, "u": {0: 3}}}

    for time_ns in (50 * NS, 52 * NS):
        description = looks.without_deleted(gone_group())
        assert description == gone_group()
        details = looks.take(description, (), time_ns)
        assert details.last_seen_ns == {"g": 20 * NS}
        assert details.trends["g", "t"][-1] == 40
        if time_ns == 50 * NS:
            assert details.statuses[ROW] is Status.STOP


@pytest.mark.parametrize(
    "changed", [gone_group(topic_id="new"), gone_group(orphaned=frozenset({("t", 0)}))]
)
def test_a_vanished_group_loses_what_was_deleted_with_its_topic(changed: Description) -> None:
    """Under the same name the offsets of another topic say nothing; at later looks as well."""
    looks = LagLooks(saved_group(t={0: 10}, u={0: 3}), interval_ns=2 * NS)

    description = looks.without_deleted(changed)
    details = looks.take(description, (), 50 * NS)

    assert description.snapshot.commits == {"g": {"u": {0: 3}}}
    assert details.trends == {("g", "u"): (1,)}
    assert looks.last_commits(52 * NS) == {"g": {"u": {0: 3}}}


@pytest.mark.parametrize(("named", "missing"), [((), ()), (("g",), ("g",))])
def test_a_vanished_group_of_which_nothing_is_left_is_missing_if_it_was_named(
    named: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    """In a list of all groups it has no place."""
    looks = LagLooks(saved_group(t={0: 10}, u={0: 3}), interval_ns=2 * NS)
    orphaned = frozenset({("t", 0), ("u", 0)})

    description = looks.without_deleted(gone_group(orphaned=orphaned), named)
    looks.take(description, (), 50 * NS)

    assert description.missing == missing
    assert description.snapshot.commits == {}
    assert description.snapshot.vanished == frozenset()
    assert looks.last_commits(52 * NS) == {}


def test_without_deleted_keeps_groups_that_exist_as_they_are() -> None:
    """Their commits to a deleted topic are a row without an end, as Kafka answers it."""
    exists = description()
    snapshot = replace(exists.snapshot, orphaned=frozenset({("t", 0)}))
    changed = replace(exists, snapshot=snapshot, missing=("other",))

    assert LagLooks(interval_ns=2 * NS).without_deleted(changed, ("g", "other")) == changed


def test_a_look_says_what_waits_behind_a_transaction_that_run_saw_open() -> None:
    """Its own looks see it for seconds only, unless they go on for long."""
    plain = description(10, 50)
    snapshot = replace(plain.snapshot, stable_ends={"t": {0: 10}}, read_committed=frozenset({"g"}))
    held_up = replace(plain, snapshot=snapshot)
    state = SavedState(transactions={("t", 0): UnmovedEnd(10, 100 * NS)})

    early = LagLooks(state, interval_ns=2 * NS).take(held_up, (), 399 * NS)
    late = LagLooks(state, interval_ns=2 * NS).take(held_up, (), 400 * NS)
    unsaved = LagLooks(interval_ns=2 * NS).take(held_up, (), 400 * NS)

    assert (early.transactions, unsaved.transactions) == ({}, {})
    assert late.transactions == {
        "g": (
            "40 records of t wait behind a transaction that has been open since"
            " 1970-01-01T00:01:40Z (partition 0 from offset 10); it cannot read them until that"
            " has ended",
        )
    }


@pytest.mark.parametrize("time_ns", [50 * NS, 9999 * NS], ids=["fresh", "too old"])
@pytest.mark.parametrize(
    ("committed", "start", "status"),
    [(10, 0, Status.STOP), (50, 0, Status.OK), (48, 0, Status.OK), (10, 20, Status.EXPIRED)],
)
def test_a_vanished_group_is_judged_from_one_look(
    committed: int, start: int, status: Status, time_ns: int
) -> None:
    """Nothing reads it, so `run` will judge the same, whatever it saw while the group existed."""
    state = replace(saved_group(t={0: committed}), summary=PollSummary(20 * NS, {"g": OK}))
    gone = gone_group()
    snapshot = replace(
        gone.snapshot, commits={"g": {"t": {0: committed}}}, start_offsets={"t": {0: start}}
    )
    looks = LagLooks(state, interval_ns=2 * NS, allowed_lag={"g": 2})

    details = looks.take(replace(gone, snapshot=snapshot), (), time_ns)

    assert details.statuses == {ROW: status}
    assert (details.status_age_s, details.statuses_too_old) == (0.0, False)


@pytest.mark.parametrize(("time_ns", "statuses"), [(50 * NS, {ROW: Status.AHEAD}), (9999 * NS, {})])
def test_a_vanished_group_beyond_the_end_has_the_status_of_run_only(
    time_ns: int, statuses: dict[tuple[str, str, int], Status]
) -> None:
    """It takes two looks: an election of leaders may look like that."""
    ahead = GroupSummary(Status.ERR, {"t": {0: Status.AHEAD}})
    state = replace(saved_group(t={0: 60}), summary=PollSummary(20 * NS, {"g": ahead}))
    gone = gone_group()
    snapshot = replace(gone.snapshot, commits={"g": {"t": {0: 60}}})

    details = LagLooks(state, interval_ns=2 * NS).take(
        replace(gone, snapshot=snapshot), (), time_ns
    )

    assert details.statuses == statuses


def test_a_group_that_has_caught_up_since_is_ok() -> None:
    """`run` saw it stall a while ago; that nothing waits now needs no history."""
    details = LagLooks(saved(20), interval_ns=2 * NS).take(description(200, 200), (), 50 * NS)
    assert details.statuses == {ROW: Status.OK}
    assert details.status_age_s == 30.0


def test_a_look_without_rows_has_no_age_of_statuses() -> None:
    """There is nothing that the age would be of."""
    nothing = Description(Snapshot(groups={}, commits={}, end_offsets={}), {})
    details = LagLooks(saved(20), interval_ns=2 * NS).take(nothing, (), 999 * NS)
    assert (details.status_age_s, details.statuses_too_old) == (None, False)
