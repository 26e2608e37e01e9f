"""Search by timestamp: the age of a record written before the first poll, found by offsetsForTimes.

Theory. ListOffsets answers "which is the first record whose timestamp is at least t?" with its
offset and its timestamp. About the record at offset c, three things follow:

    the answer is c              the timestamp of c is known: exact
    the answer is after c        c is older than t, whatever the order of timestamps
    the answer is before c       c is as young as that record, if timestamps never go back

So each answer halves the time in which c was written, from "the epoch to the first poll" down to a
second, or to a thousandth of its age: some 12 to 20 questions. With one question a partition and
poll, a poll needs at most one more request a leader. Answers are kept by partition, for all its
groups, so an offset that does not move is solved once, and one that moves finds neighbours.

Rules:

1. The result is never worse than the lower bound of the table of ends, and a guess never replaces a
   bound: until the search ends, the result is the bound it has reached.
2. It is exact only where c itself was found. Otherwise the end of a search is approximate, even if
   it is a millisecond wide: records of one batch may share a timestamp, timestamps may go back, and
   where compaction removed c the next record is younger.
3. If no record at or before c has a timestamp (deleted, or written without), c is older than the
   first record that has one. If none has, nothing is learnt, and nothing more is asked.
4. Two answers that contradict each other are of two logs, or of one that lost its beginning: only
   the last one counts. An end that went back is another log: no answer counts.

Timestamps are the producers' (CreateTime) or the broker's (LogAppendTime), as the topic is set;
those of a producer whose clock runs ahead are cut off at the first poll.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from heapq import nsmallest
from itertools import pairwise
from typing import NamedTuple

from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.kafka.facts.snapshot import Offsets, Partition
from jmxbridge.lag.history.end_offset_history import TimeLag
from jmxbridge.times import MS, NS

BUDGET = 200
"""Partitions asked about in one poll: for each, a leader looks into its time index and reads a
batch from disk, cold pages among them."""

TURN = 24
"""Questions in a row about one partition, enough for most searches; then others have a turn."""

RESOLUTION_MS = 1000
SHARE_OF_AGE = 1000
"""A search ends when it knows the age to a second, or to a thousandth of it."""

MAX_SEARCHES = 20_000
"""Partitions searched, as many as have a table of ends; a search has 20 answers of 120 bytes."""

SPARE = 8
"""Answers kept beyond those that bound a committed offset: a group that reads on finds them."""

UNUSED_NS = 3600 * NS
"""Answers about a partition that nothing asked for in an hour are dropped."""

_NOWHERE = 2**63 - 1
"""Offset and time of "no record is that young"."""


class SearchAnswer(NamedTuple):
    """The first record at or after `asked_ms`: its offset, and when it was written."""

    offset: int
    asked_ms: int
    written_ms: int


class SearchResult(NamedTuple):
    """Answers about one partition so far, by offset, and its end offset at that time."""

    end: int
    answers: tuple[SearchAnswer, ...]


class Bracket(NamedTuple):
    """Answers next to one offset: `low` is the last at or before it, `high` the first after it.

    `start` is the offset of the oldest record; `first_ms` the first poll, before which the record
    at `offset` was written; `asked_epoch` tells that the log was asked for its very first record.
    """

    offset: int
    start: int
    first_ms: int
    low: SearchAnswer | None
    high: SearchAnswer | None
    asked_epoch: bool

    def question(self, now_ms: int) -> int | None:
        """Return the time to ask for next, in ms; None where the search has ended."""
        if self.low is None or self.start > self.offset:
            return None if self.high is not None and self.asked_epoch else 0
        if self.low.offset == self.offset:
            return None
        before_ms = self.first_ms
        if self.high is not None:
            before_ms = min(before_ms, self.high.asked_ms)
        if before_ms - self.low.written_ms <= _resolution_ms(now_ms - before_ms):
            return None
        return (self.low.written_ms + before_ms) // 2

    def time_lag(self, bound: TimeLag, time_ns: int, *, has_ended: bool) -> TimeLag:
        """Return the age of the record; `bound`, that of the first poll, where no more is known.

        `has_ended`: there is no question left.
        """
        low, high = self.low, self.high
        at_least = approximate = False
        if low is None or self.start > self.offset:
            written_ms, at_least = self.first_ms if high is None else high.written_ms, True
        elif low.offset == self.offset:
            written_ms = low.written_ms
        elif has_ended:
            written_ms, approximate = low.written_ms, True
        else:
            written_ms, at_least = self.first_ms if high is None else high.asked_ms, True
        if written_ms >= self.first_ms:
            return bound
        return TimeLag((time_ns / MS - written_ms) / 1000, at_least, approximate)


_NO_ANSWERS = SearchResult(0, ())


class PartitionSearch:
    """Answers about one partition, by offset; their times never decrease either.

    `wanted` has the offsets looked up since the last poll, `unmoved` those looked up before it.
    """

    __slots__ = ("answers", "asked_poll", "end", "turn", "unmoved", "used_ns", "wanted")

    def __init__(self, result: SearchResult = _NO_ANSWERS) -> None:
        self.answers = list(result.answers)
        self.asked_poll = -1
        self.turn = 0
        self.end = result.end
        self.used_ns = 0
        self.wanted: set[int] = set()
        self.unmoved: set[int] = set()

    def take(self, asked_ms: int, record: TimestampedOffset | None) -> None:
        """Take the answer to a question; None where the broker cannot search by timestamp."""
        if record is None or record.offset < 0:
            answer = SearchAnswer(_NOWHERE, 0 if record is None else asked_ms, _NOWHERE)
        else:
            answer = SearchAnswer(record.offset, asked_ms, record.written_ms)
        index = self._after(answer.offset)
        if index and self.answers[index - 1].offset == answer.offset:
            index -= 1
            earlier = self.answers.pop(index)
            if earlier.written_ms == answer.written_ms:
                answer = answer._replace(asked_ms=min(earlier.asked_ms, answer.asked_ms))
        self.answers.insert(index, answer)
        if not is_one_log(self.answers):
            self.answers = [answer]

    def bracket(self, offset: int, start: int, first_ms: int) -> Bracket:
        """Return the answers next to an offset; there must be an answer."""
        answers = self.answers
        after = self._after(offset)
        low = answers[after - 1] if after else None
        high = answers[after] if after < len(answers) else None
        return Bracket(offset, start, first_ms, low, high, answers[0].asked_ms == 0)

    def needed(self) -> list[SearchAnswer]:
        """Return the answers next to wanted offsets."""
        indexes: set[int] = set()
        for offset in self.wanted:
            after = self._after(offset)
            indexes.update((after - 1, after))
        return [answer for index, answer in enumerate(self.answers) if index in indexes]

    def end_poll(self) -> None:
        """Keep the answers next to wanted offsets and a few more; start a new set of offsets."""
        if len(self.answers) > 2 * len(self.wanted) + SPARE:
            self.answers = self.needed()
        self.wanted, self.unmoved = set(), self.wanted

    def _after(self, offset: int) -> int:
        """Return the index of the first answer after an offset."""
        # A tuple is less than a longer one that it begins, so no answer is unpacked for its offset.
        return bisect_left(self.answers, (offset + 1,))


class TimestampSearch:
    """Searches of a cluster: takes offsets, asks questions, takes answers.

    `results` is what an earlier run saved.
    """

    def __init__(self, results: Mapping[Partition, SearchResult] = {}) -> None:
        self._searches = {
            partition: PartitionSearch(result) for partition, result in results.items()
        }
        self._open: dict[Partition, int] = {}
        self._polls = 0
        self._sweep_ns = 0

    def results(self) -> dict[Partition, SearchResult]:
        """Return the answers next to offsets of the last poll: the rest can be asked for again."""
        return {
            partition: SearchResult(search.end, tuple(needed))
            for partition, search in self._searches.items()
            if (needed := search.needed())
        }

    def questions(self) -> dict[Partition, int]:
        """Return the questions of this poll, in ms since the epoch.

        Searches that have begun go on, then come those that waited longest.
        """
        self._polls += 1
        searches = self._searches
        chosen = nsmallest(
            BUDGET,
            self._open,
            key=lambda partition: (
                searches[partition].turn == 0,
                searches[partition].asked_poll,
            ),
        )
        for partition in chosen:
            search = searches[partition]
            search.asked_poll = self._polls
            search.turn = (search.turn + 1) % TURN
        return {partition: self._open[partition] for partition in chosen}

    def take(
        self, answers: Mapping[Partition, TimestampedOffset | None], ends: Offsets, time_ns: int
    ) -> None:
        """Take the answers to the last questions, as far as they came, and the end offsets."""
        for (topic, index), search in self._searches.items():
            end = ends.get(topic, {}).get(index, search.end)
            if end < search.end:
                search.answers = []
            search.end = end
            search.used_ns = search.used_ns or time_ns  # from an earlier run: its hour begins now
        for partition, record in answers.items():
            asked = self._searches.get(partition)
            if asked is not None and partition in self._open:
                asked.take(self._open[partition], record)
        for search in self._searches.values():
            if search.wanted:
                search.end_poll()
        self._open = {}
        if not 0 < self._sweep_ns - time_ns <= UNUSED_NS:  # the clock may have been set back
            self._sweep_ns = time_ns + UNUSED_NS
            oldest_ns = time_ns - UNUSED_NS
            self._searches = {
                partition: search
                for partition, search in self._searches.items()
                if oldest_ns < search.used_ns <= time_ns
            }

    def forget(self, topics: Collection[str]) -> None:
        """Forget topics that were deleted and created again."""
        self._searches = {
            partition: search
            for partition, search in self._searches.items()
            if partition[0] not in topics
        }
        self._open = {
            partition: asked_ms
            for partition, asked_ms in self._open.items()
            if partition[0] not in topics
        }

    def topics(self) -> set[str]:
        """Return the topics that are searched."""
        return {topic for topic, _ in self._searches}

    def time_lag(
        self, partition: Partition, offset: int, start: int | None, bound: TimeLag, time_ns: int
    ) -> TimeLag:
        """Improve a lower bound with the answers so far, and ask the next question.

        `start` is the offset of the oldest record where known, `bound` the age of the first poll.
        """
        search = self._searches.get(partition)
        if search is None:
            if len(self._searches) >= MAX_SEARCHES:
                return bound
            search = self._searches[partition] = PartitionSearch()
        search.used_ns = time_ns
        if not search.answers:  # the most frequent case, while many wait for their turn
            self._open[partition] = 0
            return bound
        search.wanted.add(offset)
        first_ms = (time_ns - round(bound.seconds * NS)) // MS
        bracket = search.bracket(offset, start or 0, first_ms)
        question = bracket.question(time_ns // MS)
        self._plan(partition, search, offset, question)
        return bracket.time_lag(bound, time_ns, has_ended=question is None)

    def _plan(
        self, partition: Partition, search: PartitionSearch, offset: int, question: int | None
    ) -> None:
        """Take one group's question into the next poll, which asks one a partition."""
        if question is None:
            if partition not in self._open:
                search.turn = 0
        # A group that stands still comes first: one that reads on soon has another question.
        elif partition not in self._open or offset in search.unmoved:
            self._open[partition] = question


def is_one_log(answers: Sequence[SearchAnswer]) -> bool:
    """Tell whether answers can be of one log.

    They are sorted by offset, and no record before one is as young as was asked for there.
    """
    return all(
        low.offset < high.offset and low.written_ms < high.asked_ms
        for low, high in pairwise(answers)
    )


def _resolution_ms(age_ms: int) -> int:
    return max(RESOLUTION_MS, age_ms // SHARE_OF_AGE)
