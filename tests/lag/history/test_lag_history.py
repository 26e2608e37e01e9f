"""History of lag: time lag and status of each row, topic and group."""

from dataclasses import replace

import pytest

from jmxbridge.kafka.facts.extras import Extras, TimestampedOffset
from jmxbridge.kafka.facts.snapshot import Group, Snapshot
from jmxbridge.lag.history.assessment import RowStatus
from jmxbridge.lag.history.end_offset_history import EndOffsetHistory, TimeLag
from jmxbridge.lag.history.lag_history import AllowedLag, LagHistory, lowest_unread
from jmxbridge.lag.history.open_transactions import OpenTransactions, UnmovedEnd
from jmxbridge.lag.history.status import Status
from jmxbridge.lag.rows import compute_lags
from jmxbridge.times import NS


def snapshot(committed: int, end: int, *, state: str | None = "Stable", kind: str = "consumer",
             vanished: bool = False) -> Snapshot:  # fmt: skip
    """One group, `g`, on one partition of `t`."""
    return Snapshot(
        groups={} if vanished else {"g": Group("g", 1, kind, state)},
        commits={"g": {"t": {0: committed}}},
        end_offsets={"t": {0: end}},
        vanished=frozenset({"g"} if vanished else ()),
    )


def new_history(allowed_lag: dict[str, int] | None = None) -> LagHistory:
    return LagHistory(interval_ns=10 * NS, allowed_lag=allowed_lag)


def after(polls: list[Snapshot], allowed_lag: dict[str, int] | None = None) -> RowStatus:
    """Return the status of the one row after these polls, 10 s apart."""
    history = new_history(allowed_lag)
    assessment = [
        history.take(compute_lags(poll), poll, n * 10 * NS).partitions
        for n, poll in enumerate(polls)
    ]
    ((row_status,), *_) = reversed(assessment)
    return row_status


def test_a_row_has_its_time_lag_and_its_status() -> None:
    """The ends of earlier polls give the age of the oldest unread record."""
    assert after([snapshot(0, 0), snapshot(50, 100)]) == RowStatus(TimeLag(5.0), Status.OK)


def test_a_row_that_is_caught_up_has_a_time_lag_of_0() -> None:
    """From the first poll on; the same for a lag within allowed_lag."""
    assert after([snapshot(100, 100)]) == RowStatus(TimeLag(0.0), Status.OK)
    assert after([snapshot(99, 100)], {"g": 1}) == RowStatus(TimeLag(0.0), Status.OK)


def test_an_empty_a_dead_and_a_vanished_group_stop() -> None:
    """Two polls with a lag: STOP. Where members cannot be seen, after a full window."""
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
    """The longest time lag; ERR where a partition is in error; NONE without any row."""
    both = Snapshot(
        groups={"g": Group("g", 1, "consumer", "Empty"), "idle": Group("idle", 1)},
        commits={"g": {"t": {0: 0, 1: 10}, "u": {0: 10}}, "idle": {}},
        end_offsets={"t": {0: 10, 1: 10}, "u": {0: 10}},
    )
    history = new_history()
    history.take(compute_lags(both), both, 0)

    assessment = history.take(compute_lags(both), both, 10 * NS)

    stopped = RowStatus(TimeLag(10.0, at_least=True), Status.ERR)
    assert assessment.topics == {
        ("g", "t"): stopped,
        ("g", "u"): RowStatus(TimeLag(0.0), Status.OK),
    }
    assert assessment.groups == {"g": stopped, "idle": RowStatus(None, Status.NONE)}
    assert [row.status for row in assessment.partitions] == [Status.STOP, Status.OK, Status.OK]


def test_the_longest_time_lag_is_a_lower_bound_if_any_row_has_one() -> None:
    """Also if that row's bound is shorter: its real age is not known."""

    def at(end: int, other: int) -> Snapshot:
        commits = {"t": {0: 50, 1: other}}
        return Snapshot(groups={}, commits={"g": commits}, end_offsets={"t": {0: end, 1: 100}})

    history = new_history()
    for n, end in enumerate((50, 150)):  # 50 was committed when the first one ended there
        history.take(compute_lags(at(end, 100)), at(end, 100), n * 10 * NS)
    caught_up = history.take(compute_lags(at(150, 100)), at(150, 100), 20 * NS)
    behind = history.take(compute_lags(at(150, 10)), at(150, 10), 30 * NS)

    assert caught_up.groups["g"].time_lag == TimeLag(20.0)
    assert [row.time_lag for row in behind.partitions] == [TimeLag(30.0), TimeLag(30.0, True)]
    assert behind.groups["g"].time_lag == behind.topics["g", "t"].time_lag == TimeLag(30.0, True)


def test_groups_at_one_offset_have_statuses_of_their_own() -> None:
    """The same time lag, and each group's members and allowed lag."""
    groups = {"empty": "Empty", "full": "Stable", "lax": "Stable"}
    three = Snapshot(
        groups={name: Group(name, 1, "consumer", state) for name, state in groups.items()},
        commits={name: {"t": {0: 5, 1: 7}} for name in groups},
        end_offsets={"t": {0: 10, 1: 10}},
    )
    history = new_history({"lax": 5})
    history.take(compute_lags(three), three, 0)

    found = history.take(compute_lags(three), three, 10 * NS).partitions

    time_lag, caught_up = TimeLag(10.0, at_least=True), RowStatus(TimeLag(0.0), Status.OK)
    stopped, reading = RowStatus(time_lag, Status.STOP), RowStatus(time_lag, Status.OK)
    assert found == (stopped, stopped, reading, reading, caught_up, caught_up)


def test_allowed_lag_is_that_of_the_first_pattern() -> None:
    """Whole names, in the order of the file; 0 without a pattern."""
    allowed = AllowedLag({"billing": 1, "bill.*": 5})
    assert [allowed(name) for name in ("billing", "bills", "a-billing")] == [1, 5, 0]


def test_lowest_unread_is_the_lowest_commit_by_partition() -> None:
    """Of the groups that have not read everything."""
    many = Snapshot(
        groups={},
        commits={"a": {"t": {0: 5, 1: 9}}, "b": {"t": {0: 3}}, "c": {"t": {0: 9}}},
        end_offsets={"t": {0: 9, 1: 9}},
    )
    assert lowest_unread(compute_lags(many)) == {("t", 0): 3}


def test_a_recreated_topic_gives_no_absurd_time_lag() -> None:
    """Ahead of the new log while that is shorter, then behind since the topic was created."""
    history = new_history()
    offsets = [(5000, 9000)] * 5 + [(5000, 3)] * 3 + [(5000, 6000), (5000, 6100)]
    found = []
    for n, (committed, end) in enumerate(offsets):
        poll = snapshot(committed, end)
        lags = compute_lags(poll)
        found.append(
            (history.take(lags, poll, n * 10 * NS).partitions[0], lags.partitions[0].ahead)
        )

    before, ahead, again, after = found[4], found[6], found[8], found[9]
    assert before == (RowStatus(TimeLag(40.0, at_least=True), Status.OK), 0)
    assert ahead == (RowStatus(TimeLag(0.0), Status.AHEAD), 4997)
    assert again[0].time_lag is not None
    assert again[0].time_lag.seconds == pytest.approx(10 * 1000 / 5997)
    assert after[0].time_lag is not None
    assert after[0].time_lag.seconds == pytest.approx(10 + 10 * 1000 / 5997)


def test_history_from_the_future_is_swept() -> None:
    """Groups and topics come and go; those seen at a future time go with the others."""
    history = new_history()
    year_ns = 365 * 86_400 * NS
    for name, time_ns in (("early", year_ns), ("now", NS), ("later", 2 * 86_400 * NS)):
        poll = Snapshot(
            groups={name: Group(name, 1, "consumer", "Stable")},
            commits={name: {name: {0: 1}}},
            end_offsets={name: {0: 9}},
            topic_ids={name: "id"},
        )
        history.take(compute_lags(poll), poll, time_ns)

    assert history.topic_ids == {"later": "id"}


def test_the_id_of_a_topic_with_an_open_transaction_is_kept() -> None:
    """Without it the age would be given to the next topic of that name."""
    unmoved = {("open", 0): UnmovedEnd(5, 0)}
    history = LagHistory(
        interval_ns=10 * NS,
        transactions=OpenTransactions(unmoved),
        topic_ids={"open": "1", "other": "1"},
    )
    poll = Snapshot(groups={}, commits={}, end_offsets={}, complete=False)

    history.take(compute_lags(poll), poll, NS)

    assert history.topic_ids == {"open": "1"}


def test_a_topic_of_another_id_has_no_history() -> None:
    """Deleted and filled again every night, to the same end or beyond: the end never went back."""
    old = [replace(snapshot(900, 1000), topic_ids={"t": "old"})] * 30
    new = [replace(snapshot(10, end), topic_ids={"t": "new"}) for end in (1000, 1000, 1500)]

    assert after([*old, *new[:1]]) == RowStatus(TimeLag(0.0, at_least=True), Status.OK)
    assert after([*old, *new]) == RowStatus(TimeLag(20.0, at_least=True), Status.OK)


def test_history_of_an_earlier_run_is_of_the_topic_id_it_saw() -> None:
    """A topic may be deleted and created again between two runs."""
    ends = EndOffsetHistory({("t", 0): ([0, 100 * NS], [0, 1000])})
    history = LagHistory(interval_ns=10 * NS, ends=ends, topic_ids={"t": "old"})
    poll = replace(snapshot(10, 1500), topic_ids={"t": "new"})

    assessment = history.take(compute_lags(poll), poll, 200 * NS)

    assert assessment.partitions == (RowStatus(TimeLag(0.0, at_least=True), Status.OK),)
    assert history.topic_ids == {"t": "new"}


def test_a_timestamp_search_continues_from_poll_to_poll() -> None:
    """A question of one poll is answered at the next, until the record is found."""
    history = new_history()
    start = snapshot(5, 10)
    seconds = []
    written_ms = [1_000_000 * n for n in range(10)]
    answers: dict[tuple[str, int], TimestampedOffset | None] = {}
    for n in range(20):
        now_ns = (20_000 + n * 10) * NS
        poll = replace(start, extras=Extras(offsets_for_times=answers))
        time_lag = history.take(compute_lags(poll), poll, now_ns).partitions[0].time_lag
        assert time_lag is not None
        seconds.append((time_lag.seconds - n * 10, time_lag.at_least))
        answers = {
            partition: next(
                (TimestampedOffset(o, ms) for o, ms in enumerate(written_ms) if ms >= asked),
                TimestampedOffset(-1, -1),
            )
            for partition, asked in history.searches.questions().items()
        }

    assert seconds[0] == (0.0, True)
    assert seconds[-1] == (20_000 - 5_000.0, False)
    assert [least for _, least in seconds] == sorted([least for _, least in seconds], reverse=True)


def test_search_asks_about_rows_beyond_their_allowed_lag_only() -> None:
    """Between two polls; a row within its allowed lag has no question."""
    two = Snapshot(
        groups={},
        commits={"g": {"t": {0: 0}}, "lax": {"u": {0: 5}}},
        end_offsets={"t": {0: 9}, "u": {0: 9}},
    )
    history = new_history({"lax": 5})

    assert history.search(compute_lags(two), two, {}, 10 * NS) == {("t", 0): 0}
