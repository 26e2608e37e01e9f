"""Search by timestamp: it ends for every log, and no bound is wrong."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.lag.history.timestamp_search import (
    BUDGET,
    MAX_SEARCHES,
    RESOLUTION_MS,
    SHARE_OF_AGE,
    TURN,
    UNUSED_NS,
    PartitionSearch,
    SearchAnswer,
    TimestampSearch,
)
from jmxbridge.times import MS

AT = ("t", 0)
EPOCH_MS = 1_700_000_000_000
FIRST_MS = EPOCH_MS + 7 * 86_400_000
NOW_MS = FIRST_MS + 60_000
BOUND = TimeLag(60.0, at_least=True)
ROUNDS = 1 + math.ceil(math.log2(FIRST_MS / RESOLUTION_MS))
"""From the epoch down to a second; less wherever the first record is younger."""


@dataclass
class Log:
    """Records' timestamps by offset, the first `start` of them deleted; answers as a broker does.

    It only looks from the front for the first timestamp that is large enough (KIP-79).
    """

    written_ms: list[int]
    start: int = 0
    asked: list[int] = field(default_factory=list)

    def find(self, asked_ms: int) -> TimestampedOffset:
        self.asked.append(asked_ms)
        for offset, written_ms in enumerate(self.written_ms):
            if offset >= self.start and written_ms >= asked_ms:
                return TimestampedOffset(offset, written_ms)
        return TimestampedOffset(-1, -1)


def poll(
    searches: TimestampSearch, log: Log, offset: int, start: int | None = None, now_ms: int = NOW_MS
) -> TimeLag:
    """Poll once: answer the open questions, return the time lag of one offset."""
    questions = searches.questions()
    answers = {partition: log.find(asked_ms) for partition, asked_ms in questions.items()}
    searches.take(answers, {"t": {0: len(log.written_ms)}}, now_ms * MS)
    bound = TimeLag((now_ms - FIRST_MS) / 1000, at_least=True)
    return searches.time_lag(AT, offset, log.start if start is None else start, bound, now_ms * MS)


def settle(searches: TimestampSearch, log: Log, offset: int) -> list[TimeLag]:
    """Poll until there is no question left; return the time lag of each poll."""
    time_lags = [poll(searches, log, offset)]
    for _ in range(10 * ROUNDS):
        asked = len(log.asked)
        time_lags.append(poll(searches, log, offset))
        if len(log.asked) == asked:
            return time_lags
    raise AssertionError("the search does not end")


def age(written_ms: int) -> float:
    """Return the seconds before NOW_MS."""
    return (NOW_MS - written_ms) / 1000


stamps = st.lists(st.integers(EPOCH_MS, FIRST_MS - 1), min_size=1, max_size=60)
clumped = st.lists(
    st.sampled_from([EPOCH_MS + n * 3_600_000 for n in range(5)]), min_size=1, max_size=60
)


@given(stamps | clumped, st.data())
def test_search_of_an_ordered_log_finds_the_age(written: list[int], data: st.DataObject) -> None:
    """Within log2(range / resolution) questions; exact, or approximate to a thousandth."""
    log = Log(sorted(written))
    offset = data.draw(st.integers(0, len(written) - 1))

    time_lags = settle(TimestampSearch(), log, offset)

    true = age(log.written_ms[offset])
    assert not time_lags[-1].at_least
    if time_lags[-1].approximate:
        slack = max(RESOLUTION_MS / 1000, true / SHARE_OF_AGE)
        assert time_lags[-1].seconds == pytest.approx(true, abs=slack)
    else:
        assert time_lags[-1].seconds == pytest.approx(true, abs=0.001)
    width_ms = FIRST_MS - log.written_ms[0]
    assert len(log.asked) <= 2 + math.ceil(math.log2(max(2, width_ms / RESOLUTION_MS)))


@given(stamps, st.data())
def test_search_of_an_unordered_log_keeps_bounds(written: list[int], data: st.DataObject) -> None:
    """Every lower bound holds, and none gets worse."""
    log = Log(written)
    offset = data.draw(st.integers(0, len(written) - 1))

    time_lags = settle(TimestampSearch(), log, offset)

    true = age(log.written_ms[offset])
    bounds = [behind.seconds for behind in time_lags if behind.at_least]
    assert bounds == sorted(bounds)
    assert all(BOUND.seconds <= bound <= true + 0.001 for bound in bounds)
    assert time_lags[-1].seconds >= BOUND.seconds
    if not (time_lags[-1].at_least or time_lags[-1].approximate):
        assert time_lags[-1].seconds == pytest.approx(true, abs=0.001)


@given(stamps, st.lists(st.integers(0, 60), min_size=30, max_size=30), st.integers(0, 59))
def test_search_during_retention_gives_a_lower_bound(
    written: list[int], starts: list[int], offset: int
) -> None:
    """The oldest record that is left bounds the age of a deleted one."""
    log = Log(sorted(written))
    offset = min(offset, len(written) - 1)
    searches = TimestampSearch()
    for start in sorted(starts):
        log.start = min(start, len(written))
        poll(searches, log, offset)
    log.start = min(offset + 1, len(written))

    time_lags = settle(searches, log, offset)

    assert time_lags[-1].at_least
    assert BOUND.seconds <= time_lags[-1].seconds <= age(log.written_ms[offset]) + 0.001


@given(stamps, stamps, st.data())
def test_search_of_another_log_forgets_the_first(
    first: list[int], second: list[int], data: st.DataObject
) -> None:
    """A topic deleted and created again: in the end no answer of the old log counts."""
    searches = TimestampSearch()
    settle(searches, Log(sorted(first)), len(first) - 1)
    log = Log(sorted(second))
    log.written_ms = log.written_ms[: max(1, len(first) - 1)]
    offset = data.draw(st.integers(0, len(log.written_ms) - 1))
    if len(log.written_ms) >= len(first):
        return  # a log of one record that is replaced between two polls: no search can tell

    time_lags = settle(searches, log, offset)

    true = age(log.written_ms[offset])
    assert time_lags[-1].seconds == pytest.approx(true, abs=max(1.0, true / SHARE_OF_AGE))


def test_search_of_an_unmoved_offset_ends_once() -> None:
    """Hours later the same offset costs no question, and is that much older."""
    log = Log([EPOCH_MS + n * 600_000 for n in range(1000)])
    searches = TimestampSearch()
    assert settle(searches, log, 500)[-1] == TimeLag(age(log.written_ms[500]))
    asked = len(log.asked)

    later = NOW_MS + 3_000_000
    for minute in range(1, 51):
        time_lags = poll(searches, log, 500, now_ms=NOW_MS + minute * 60_000)

    assert len(log.asked) == asked <= ROUNDS
    assert time_lags == TimeLag((later - log.written_ms[500]) / 1000)


def test_search_near_a_known_offset_takes_few_questions() -> None:
    """Answers are kept by partition, for all offsets."""
    log = Log([EPOCH_MS + n * 600_000 for n in range(1000)])
    searches = TimestampSearch()
    settle(searches, log, 500)
    asked = len(log.asked)

    time_lags = settle(searches, log, 501)

    assert time_lags[-1] == TimeLag(age(log.written_ms[501]))
    assert len(log.asked) - asked <= 8


def test_search_in_a_batch_with_one_timestamp_is_approximate() -> None:
    """LogAppendTime, or a thousand records a millisecond: only the first of them is ever found.

    The age is right all the same."""
    log = Log([EPOCH_MS] * 10 + [EPOCH_MS + 3_600_000] * 10)

    assert settle(TimestampSearch(), log, 15)[-1] == TimeLag(
        age(EPOCH_MS + 3_600_000), approximate=True
    )
    assert settle(TimestampSearch(), log, 10)[-1] == TimeLag(age(EPOCH_MS + 3_600_000))


@pytest.mark.parametrize(
    ("why", "log", "offset", "expected"),
    [
        ("records without timestamps before it", Log([-1, -1, EPOCH_MS]), 2,
         TimeLag(age(EPOCH_MS))),
        ("it has none: older than the first with one", Log([-1, -1, EPOCH_MS]), 1,
         TimeLag(age(EPOCH_MS), at_least=True)),
        ("no record has a timestamp", Log([-1, -1]), 1, BOUND),
        ("deleted: older than what is left", Log([EPOCH_MS, EPOCH_MS + 1000], start=1), 0,
         TimeLag(age(EPOCH_MS + 1000), at_least=True)),
        ("all records are deleted", Log([EPOCH_MS], start=1), 0, BOUND),
        ("the producer's clock runs ahead", Log([FIRST_MS + 5000]), 0, BOUND),
        ("and is set right later", Log([EPOCH_MS, FIRST_MS + 5000, EPOCH_MS + 5000]), 2, BOUND),
    ],
)  # fmt: skip
def test_search_without_an_answer_keeps_the_bound(
    why: str, log: Log, offset: int, expected: TimeLag
) -> None:
    """The search ends."""
    assert settle(TimestampSearch(), log, offset)[-1] == expected


def test_a_broker_that_cannot_search_is_asked_once() -> None:
    """Message format 0 (error 43): the lower bound stays."""
    searches = TimestampSearch()
    searches.time_lag(AT, 5, 0, BOUND, NOW_MS * MS)
    assert searches.questions() == {AT: 0}

    searches.take({AT: None}, {}, NOW_MS * MS)

    assert searches.time_lag(AT, 5, 0, BOUND, NOW_MS * MS) == BOUND
    assert searches.questions() == {}


def test_a_question_without_an_answer_is_asked_again() -> None:
    """Its leader was away; nothing is learnt from that."""
    searches = TimestampSearch()
    for _ in range(3):
        assert searches.time_lag(AT, 5, None, BOUND, NOW_MS * MS) == BOUND
        assert searches.questions() == {AT: 0}
        searches.take({}, {}, NOW_MS * MS)


def test_questions_of_a_poll_are_limited_and_take_turns() -> None:
    """Three times the budget takes three turns; a search that never ends blocks no other."""
    searches = TimestampSearch()
    asked: list[set[tuple[str, int]]] = []
    for _ in range(3 * TURN):
        for partition in range(3 * BUDGET):
            searches.time_lag(("t", partition), 5, 0, BOUND, NOW_MS * MS)
        asked.append(set(searches.questions()))
        assert len(asked[-1]) == BUDGET
        searches.take({}, {}, NOW_MS * MS)

    assert all(partitions == asked[0] for partitions in asked[:TURN])
    assert len(set().union(*asked)) == 3 * BUDGET


def test_a_search_that_ends_makes_room_at_once() -> None:
    """Its place goes to one that has not begun."""
    log = Log([EPOCH_MS + n * 600_000 for n in range(1000)])
    searches = TimestampSearch()
    behind = {}
    for _ in range(3 * TURN):
        questions = searches.questions()
        answers = {partition: log.find(asked_ms) for partition, asked_ms in questions.items()}
        searches.take(answers, {}, NOW_MS * MS)
        for index in range(2 * BUDGET):
            partition = ("t", index)
            behind[partition] = searches.time_lag(partition, 500, 0, BOUND, NOW_MS * MS)

    assert set(behind.values()) == {TimeLag(age(log.written_ms[500]))}


def test_the_offset_that_stands_still_is_asked_about_first() -> None:
    """The other group has moved on before its answer comes."""
    log = Log([EPOCH_MS + n * 1_000_000 for n in range(600)])
    searches = TimestampSearch()
    for n in range(ROUNDS + 5):
        poll(searches, log, 5 * n)
        still = searches.time_lag(AT, 599, 0, BOUND, NOW_MS * MS)

    assert still == TimeLag(age(log.written_ms[599]))


def test_searches_are_limited_in_number() -> None:
    """A partition too many keeps its bound until another was not asked about for an hour."""
    searches = TimestampSearch()
    for partition in range(MAX_SEARCHES):
        searches.time_lag(("t", partition), 5, 0, BOUND, NOW_MS * MS)
    assert searches.time_lag(("u", 0), 5, 0, BOUND, NOW_MS * MS) == BOUND
    assert ("u", 0) not in searches.questions()

    searches.take({}, {}, NOW_MS * MS + UNUSED_NS)
    searches.time_lag(("u", 0), 5, 0, BOUND, NOW_MS * MS + UNUSED_NS)

    assert searches.questions() == {("u", 0): 0}


def test_search_results_survive_a_restart() -> None:
    """A known age needs no question; a search that had not ended continues."""
    log = Log([EPOCH_MS + n * 60_000 for n in range(600)])
    first = TimestampSearch()
    known = settle(first, log, 100)[-1]
    asked = len(log.asked)

    second = TimestampSearch(first.results())
    later = poll(second, log, 100, now_ms=NOW_MS + 3_600_000)

    assert later == known._replace(seconds=known.seconds + 3600)
    assert len(log.asked) == asked
    assert second.results() == first.results()

    halfway = TimestampSearch()
    for _ in range(5):
        bound = poll(halfway, log, 100)
    assert bound.at_least
    third = TimestampSearch(halfway.results())
    assert poll(third, log, 100) == bound
    assert settle(third, log, 100)[-1] == known


def test_search_results_of_another_log_do_not_count() -> None:
    """The topic was created again between two runs, and is shorter."""
    first = TimestampSearch()
    settle(first, Log([EPOCH_MS + n * 60_000 for n in range(600)]), 100)

    second = TimestampSearch(first.results())
    second.take({}, {"t": {0: 101}}, NOW_MS * MS)

    assert second.results() == {}
    assert second.time_lag(AT, 100, 0, BOUND, NOW_MS * MS) == BOUND


def test_two_timestamps_of_one_offset_are_two_logs() -> None:
    """The record at an offset never changes: the last answer counts, with its own question."""
    search = PartitionSearch()
    search.take(1000, TimestampedOffset(5, 2000))
    search.take(500, TimestampedOffset(5, 2000))
    assert search.answers == [SearchAnswer(5, 500, 2000)]

    search.take(700, TimestampedOffset(5, 3000))

    assert search.answers == [SearchAnswer(5, 700, 3000)]


def test_answers_that_contradict_each_other_leave_the_last() -> None:
    """A record before another cannot be as young as was asked for there."""
    search = PartitionSearch()
    search.take(1000, TimestampedOffset(5, 2000))

    search.take(100, TimestampedOffset(3, 5000))

    assert search.answers == [SearchAnswer(3, 100, 5000)]


def test_an_answer_about_a_forgotten_partition_is_ignored() -> None:
    """Its topic was created again between question and answer."""
    searches = TimestampSearch()
    searches.time_lag(AT, 5, 0, BOUND, NOW_MS * MS)
    searches.forget({"t"})

    searches.take({AT: TimestampedOffset(0, EPOCH_MS)}, {}, NOW_MS * MS)

    assert searches.results() == {}
    assert searches.topics() == set()
