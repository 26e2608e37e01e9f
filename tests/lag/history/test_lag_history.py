"""Seconds and status stand beside the rows they are about."""

from dataclasses import replace

import pytest

from jmxbridge.kafka.facts.extras import Extras, TimestampedOffset
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.history.assessment import RowStatus
from jmxbridge.lag.history.end_offset_history import EndOffsetHistory, TimeLag
from jmxbridge.lag.history.lag_history import AllowedLag, LagHistory, lowest_unread
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.rows import compute_lags

NS = 1_000_000_000


def snapshot(committed: int, end: int, *, state: str | None = "Stable", kind: str = "consumer",
             vanished: bool = False) -> Snapshot:  # fmt: skip
    """One group, `g`, on one partition of `t`."""
    return Snapshot(
        groups={} if vanished else {"g": Group("g", 1, kind, state)},
        commits={"g": {"t": {0: committed}}},
        end_offsets={"t": {0: end}},
        vanished=frozenset({"g"} if vanished else ()),
    )


def outlook(allowed_lag: dict[str, int] | None = None) -> LagHistory:
    return LagHistory(interval_ns=10 * NS, allowed_lag=allowed_lag)


def after(polls: list[Snapshot], allowed_lag: dict[str, int] | None = None) -> RowStatus:
    """What the last of these polls, 10 s apart, makes of the one row."""
    looked = outlook(allowed_lag)
    verdicts = [
        looked.take(compute_lags(each), each, n * 10 * NS).partitions
        for n, each in enumerate(polls)
    ]
    ((judged,), *_) = reversed(verdicts)
    return judged


def test_a_row_has_its_delay_and_its_status() -> None:
    """The ends of earlier polls say how old the oldest unread record is."""
    assert after([snapshot(0, 0), snapshot(50, 100)]) == RowStatus(TimeLag(5.0), Status.OK)


def test_who_is_caught_up_is_no_second_behind() -> None:
    """Exactly 0, from the first poll on; and so is who is within the lag allowed."""
    assert after([snapshot(100, 100)]) == RowStatus(TimeLag(0.0), Status.OK)
    assert after([snapshot(99, 100)], {"g": 1}) == RowStatus(TimeLag(0.0), Status.OK)


def test_nobody_reads_for_an_empty_a_dead_or_a_vanished_group() -> None:
    """Two polls with a backlog: STOP. Where members cannot be seen, not before a full window."""
    for stopped in (
        snapshot(0, 5, state="Empty"),
        snapshot(0, 5, state="DEAD"),
        snapshot(0, 5, vanished=True),
    ):
        assert after([stopped, stopped]).status is Status.STOP
    for unseen in (snapshot(0, 5, state=None), snapshot(0, 5, state="Empty", kind="")):
        assert after([unseen] * 10).status is Status.OK
        assert after([unseen] * 11).status is Status.STOP
    assert after([snapshot(0, 5)] * 11).status is Status.STALL


def test_a_group_and_a_topic_have_the_worst_of_their_rows() -> None:
    """The longest delay; ERR where any partition is in error; UNKNOWN where nothing is known."""
    both = Snapshot(
        groups={"g": Group("g", 1, "consumer", "Empty"), "idle": Group("idle", 1)},
        commits={"g": {"t": {0: 0, 1: 10}, "u": {0: 10}}, "idle": {}},
        end_offsets={"t": {0: 10, 1: 10}, "u": {0: 10}},
    )
    looked = outlook()
    looked.take(compute_lags(both), both, 0)

    verdicts = looked.take(compute_lags(both), both, 10 * NS)

    stopped = RowStatus(TimeLag(10.0, at_least=True), Status.ERR)
    assert verdicts.topics == {("g", "t"): stopped, ("g", "u"): RowStatus(TimeLag(0.0), Status.OK)}
    assert verdicts.groups == {"g": stopped, "idle": RowStatus(None, Status.UNKNOWN)}
    assert [each.status for each in verdicts.partitions] == [Status.STOP, Status.OK, Status.OK]


def test_the_longest_delay_is_a_lower_bound_where_one_of_them_is() -> None:
    """Also where that one is shorter: nobody knows by how much it is longer."""

    def at(end: int, other: int) -> Snapshot:
        commits = {"t": {0: 50, 1: other}}
        return Snapshot(groups={}, commits={"g": commits}, end_offsets={"t": {0: end, 1: 100}})

    looked = outlook()
    for n, end in enumerate((50, 150)):  # 50 was committed when the first one ended there
        looked.take(compute_lags(at(end, 100)), at(end, 100), n * 10 * NS)
    caught_up = looked.take(compute_lags(at(150, 100)), at(150, 100), 20 * NS)
    behind = looked.take(compute_lags(at(150, 10)), at(150, 10), 30 * NS)

    assert caught_up.groups["g"].time_lag == TimeLag(20.0)
    assert [each.time_lag for each in behind.partitions] == [TimeLag(30.0), TimeLag(30.0, True)]
    assert behind.groups["g"].time_lag == behind.topics["g", "t"].time_lag == TimeLag(30.0, True)


def test_groups_at_one_offset_differ_in_status_and_in_what_is_allowed() -> None:
    """As far behind as each other, and each judged by its own members and its own limit."""
    groups = {"empty": "Empty", "full": "Stable", "lax": "Stable"}
    three = Snapshot(
        groups={name: Group(name, 1, "consumer", state) for name, state in groups.items()},
        commits={name: {"t": {0: 5, 1: 7}} for name in groups},
        end_offsets={"t": {0: 10, 1: 10}},
    )
    looked = outlook({"lax": 5})
    looked.take(compute_lags(three), three, 0)

    found = looked.take(compute_lags(three), three, 10 * NS).partitions

    behind, caught_up = TimeLag(10.0, at_least=True), RowStatus(TimeLag(0.0), Status.OK)
    stopped, reading = RowStatus(behind, Status.STOP), RowStatus(behind, Status.OK)
    assert found == (stopped, stopped, reading, reading, caught_up, caught_up)


def test_the_first_pattern_says_what_is_allowed() -> None:
    """Whole names, in the order of the file; no pattern, no lag."""
    allowed = AllowedLag({"billing": 1, "bill.*": 5})
    assert [allowed(name) for name in ("billing", "bills", "a-billing")] == [1, 5, 0]


def test_only_what_is_unread_needs_a_past() -> None:
    """The lowest commit of the groups that are behind, by partition."""
    many = Snapshot(
        groups={},
        commits={"a": {"t": {0: 5, 1: 9}}, "b": {"t": {0: 3}}, "c": {"t": {0: 9}}},
        end_offsets={"t": {0: 9, 1: 9}},
    )
    assert lowest_unread(compute_lags(many)) == {("t", 0): 3}


def test_a_topic_made_anew_leaves_no_absurd_delay() -> None:
    """Ahead of its end while it is shorter, then behind by the time since it was made, no more."""
    looked = outlook()
    offsets = [(5000, 9000)] * 5 + [(5000, 3)] * 3 + [(5000, 6000), (5000, 6100)]
    found = []
    for n, (committed, end) in enumerate(offsets):
        poll = snapshot(committed, end)
        lags = compute_lags(poll)
        found.append((looked.take(lags, poll, n * 10 * NS).partitions[0], lags.partitions[0].ahead))

    before, ahead, again, after = found[4], found[6], found[8], found[9]
    assert before == (RowStatus(TimeLag(40.0, at_least=True), Status.OK), 0)
    assert ahead == (RowStatus(TimeLag(0.0), Status.AHEAD), 4997)
    assert again[0].time_lag is not None
    assert again[0].time_lag.seconds == pytest.approx(10 * 1000 / 5997)
    assert after[0].time_lag is not None
    assert after[0].time_lag.seconds == pytest.approx(10 + 10 * 1000 / 5997)


def test_a_clock_that_was_set_back_keeps_no_past_for_ever() -> None:
    """Groups and topics come and go; those of a time to come are swept out with the others."""
    looked = outlook()
    year_ns = 365 * 86_400 * NS
    for name, at in (("early", year_ns), ("now", NS), ("later", 2 * 86_400 * NS)):
        poll = Snapshot(
            groups={name: Group(name, 1, "consumer", "Stable")},
            commits={name: {name: {0: 1}}},
            end_offsets={name: {0: 9}},
            topic_ids={name: "id"},
        )
        looked.take(compute_lags(poll), poll, at)

    assert looked.topic_ids == {"later": "id"}


def test_a_topic_of_another_id_has_no_past() -> None:
    """Deleted and filled again every night, to the same end or beyond: the end never went back."""
    old = [replace(snapshot(900, 1000), topic_ids={"t": "old"})] * 30
    new = [replace(snapshot(10, end), topic_ids={"t": "new"}) for end in (1000, 1000, 1500)]

    assert after([*old, *new[:1]]) == RowStatus(TimeLag(0.0, at_least=True), Status.OK)
    assert after([*old, *new]) == RowStatus(TimeLag(20.0, at_least=True), Status.OK)


def test_the_past_of_an_earlier_run_is_of_the_topic_it_saw() -> None:
    """A topic may be deleted and created anew while nobody looks."""
    ends = EndOffsetHistory({("t", 0): ([0, 100 * NS], [0, 1000])})
    looked = LagHistory(interval_ns=10 * NS, ends=ends, topic_ids={"t": "old"})
    poll = replace(snapshot(10, 1500), topic_ids={"t": "new"})

    verdicts = looked.take(compute_lags(poll), poll, 200 * NS)

    assert verdicts.partitions == (RowStatus(TimeLag(0.0, at_least=True), Status.OK),)
    assert looked.topic_ids == {"t": "new"}


def test_a_search_goes_on_from_poll_to_poll_until_the_record_is_found() -> None:
    """What was asked at one poll is answered at the next; the row stands beside what it learns."""
    looked = outlook()
    start = snapshot(5, 10)
    seconds = []
    written_ms = [1_000_000 * n for n in range(10)]
    answers: dict[tuple[str, int], TimestampedOffset | None] = {}
    for n in range(20):
        now_ns = (20_000 + n * 10) * NS
        poll = replace(start, extras=Extras(offsets_for_times=answers))
        behind = looked.take(compute_lags(poll), poll, now_ns).partitions[0].time_lag
        assert behind is not None
        seconds.append((behind.seconds - n * 10, behind.at_least))
        answers = {
            at: next(
                (TimestampedOffset(o, ms) for o, ms in enumerate(written_ms) if ms >= asked),
                TimestampedOffset(-1, -1),
            )
            for at, asked in looked.searches.questions().items()
        }

    assert seconds[0] == (0.0, True)
    assert seconds[-1] == (20_000 - 5_000.0, False)
    assert [least for _, least in seconds] == sorted([least for _, least in seconds], reverse=True)
