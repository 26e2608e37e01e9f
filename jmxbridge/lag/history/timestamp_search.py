"""How old a record is that was written before the first poll, asked of the log step by step.

Theory. ListOffsets answers "which is the first record whose timestamp is at least t?" with its
offset and its timestamp. Of the record at offset c three things follow, c itself included:

    the record found is c            its timestamp is known: exact
    the record found is after c      c is older than t, whatever the order of timestamps
    the record found is before c     c is as young as that record, if timestamps never go back

So each answer halves the time in which c was written, from "the epoch to the first poll" down to a
second, or to a thousandth of its age: some 12 to 20 questions. One question a partition and poll:
it costs a poll at most one request a leader. What was answered is kept by partition, for all its
groups, so an offset that does not move is solved once, and one that moves finds neighbours.

Rules:

1. Never worse than the lower bound that the table of ends gives, and never a guess in the place of
   a bound: until the search ends there is the bound it has reached.
2. Exact only where c itself was found. Else the end of a search is approximate, even if it is a
   millisecond wide: records of one batch may share a timestamp, timestamps may go back, and where
   compaction removed c the next record is younger.
3. Nothing at or before c has a timestamp (deleted, or written without): c is older than the first
   record that has one. Where none has, nothing is learnt, and nothing is asked again.
4. Two answers that contradict each other are of two logs, or of one that lost its beginning: only
   the last one counts. An end that went back is another log: nothing counts.

Timestamps are the producers' (CreateTime) or the broker's (LogAppendTime), as the topic is set; a
producer's clock that runs ahead is cut off at the first poll.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from heapq import nsmallest
from itertools import pairwise
from typing import NamedTuple

from jmxbridge.kafka.facts.extras import TimestampedOffset
from jmxbridge.kafka.facts.snapshot import Offsets, Partition
from jmxbridge.lag.history.end_offset_history import Behind
from jmxbridge.times import MS, NS

BUDGET = 200
"""Partitions asked about in one poll: a leader looks each up in its time index and reads a batch
from disk, cold pages among them."""

TURN = 24
"""Questions in a row about one partition, enough for most searches; then it is others' turn."""

RESOLUTION_MS = 1000
SHARE_OF_AGE = 1000
"""A search ends when it knows the age to a second, or to this share of it."""

MAX_TRAILS = 20_000
"""Partitions remembered, as many as have a table of ends; of a search 20 answers of 120 bytes."""

SPARE = 8
"""Answers kept beyond those that bound an offset somebody is at: a group that reads finds them."""

UNUSED_NS = 3600 * NS
"""Answers about a partition that nobody asked for in an hour are dropped."""

_NOWHERE = 2**63 - 1


class SearchAnswer(NamedTuple):
    """The first record at or after `asked_ms`: where it is, and when it was written."""

    offset: int
    asked_ms: int
    written_ms: int


class SearchResult(NamedTuple):
    """What the log of one partition has answered so far, by offset, and where it ended then."""

    end: int
    answers: tuple[SearchAnswer, ...]


Around = tuple[SearchAnswer | None, SearchAnswer | None]
"""The last answer at or before an offset and the first one after it."""


_NOTHING = SearchResult(0, ())


class PartitionSearch:
    """What the log of one partition has answered, by offset; times never decrease either."""

    __slots__ = ("answers", "asked_poll", "end", "still", "turn", "used_ns", "wanted")

    def __init__(self, found: SearchResult = _NOTHING) -> None:
        self.answers = list(found.answers)
        self.asked_poll = -1
        self.turn = 0
        self.end = found.end
        self.used_ns = 0
        self.wanted: set[int] = set()
        self.still: set[int] = set()

    def take(self, asked_ms: int, found: TimestampedOffset | None) -> None:
        """Take the answer to a question; None where the broker cannot look at timestamps."""
        if found is None or found.offset < 0:
            new = SearchAnswer(_NOWHERE, 0 if found is None else asked_ms, _NOWHERE)
        else:
            new = SearchAnswer(found.offset, asked_ms, found.written_ms)
        at = self._after(new.offset)
        if at and self.answers[at - 1].offset == new.offset:
            at -= 1
            old = self.answers.pop(at)
            if old.written_ms == new.written_ms:
                new = new._replace(asked_ms=min(old.asked_ms, new.asked_ms))
        self.answers.insert(at, new)
        if not is_one_log(self.answers):
            self.answers = [new]

    def around(self, offset: int) -> Around:
        """The last answer at or before an offset and the first one after it."""
        after = self._after(offset)
        low = self.answers[after - 1] if after else None
        return low, self.answers[after] if after < len(self.answers) else None

    def _after(self, offset: int) -> int:
        """Where the first answer after an offset stands."""
        # A tuple is less than one that begins with it: so none is unpacked for its offset.
        return bisect_left(self.answers, (offset + 1,))

    def question(
        self, offset: int, start: int, first_ms: int, now_ms: int, around: Around
    ) -> int | None:
        """The time to ask for next, to learn about an offset; None where that is all."""
        low, high = around
        if low is None or start > offset:
            return None if high is not None and self.answers[0].asked_ms == 0 else 0
        if low.offset == offset:
            return None
        before_ms = first_ms if high is None else min(first_ms, high.asked_ms)
        if before_ms - low.written_ms <= _resolution_ms(now_ms - before_ms):
            return None
        return (low.written_ms + before_ms) // 2

    def written(
        self, offset: int, start: int, first_ms: int, around: Around, *, settled: bool
    ) -> tuple[int, bool, bool] | None:
        """When the record at an offset was written, in ms; `at_least` and `approximate` as Behind.

        `settled`: there is no question left. None where nothing is known but what the first poll,
        at `first_ms`, saw.
        """
        low, high = around
        if low is None or start > offset:
            found = None if high is None else (high.written_ms, True, False)
        elif low.offset == offset:
            found = (low.written_ms, False, False)
        elif settled:
            found = (low.written_ms, False, True)
        else:
            found = None if high is None else (high.asked_ms, True, False)
        return found if found is not None and found[0] < first_ms else None

    def needed(self) -> list[SearchAnswer]:
        """Return the answers that bound an offset wanted since the last time."""
        kept = {each for offset in self.wanted for each in self.around(offset)}
        return [each for each in self.answers if each in kept]

    def prune(self) -> None:
        """Forget answers that bound no offset wanted since the last time, but for a few."""
        if len(self.answers) > 2 * len(self.wanted) + SPARE:
            self.answers = self.needed()
        self.wanted, self.still = set(), self.wanted


class TimestampSearch:
    """The searches of a cluster: offsets in, questions out, answers in.

    `found` is what an earlier run knew.
    """

    def __init__(self, found: Mapping[Partition, SearchResult] = {}) -> None:
        self._trails = {at: PartitionSearch(each) for at, each in found.items()}
        self._open: dict[Partition, int] = {}
        self._polls = 0
        self._sweep_ns = 0

    def found(self) -> dict[Partition, SearchResult]:
        """Return what bounds the offsets of the last poll: all else can be asked for again."""
        return {
            at: SearchResult(trail.end, tuple(needed))
            for at, trail in self._trails.items()
            if (needed := trail.needed())
        }

    def questions(self) -> dict[Partition, int]:
        """What to ask at this poll, in ms since the epoch.

        Searches that were begun go on, then come those that waited longest.
        """
        self._polls += 1
        trails = self._trails
        chosen = nsmallest(
            BUDGET, self._open, key=lambda at: (trails[at].turn == 0, trails[at].asked_poll)
        )
        for at in chosen:
            trails[at].asked_poll = self._polls
            trails[at].turn = (trails[at].turn + 1) % TURN
        return {at: self._open[at] for at in chosen}

    def take(
        self, answers: Mapping[Partition, TimestampedOffset | None], ends: Offsets, time_ns: int
    ) -> None:
        """Take the answers to the last questions, those that came, and where partitions end."""
        for (topic, partition), trail in self._trails.items():
            end = ends.get(topic, {}).get(partition, trail.end)
            if end < trail.end:
                trail.answers = []
            trail.end = end
            trail.used_ns = trail.used_ns or time_ns  # of an earlier run: its hour begins now
        for at, found in answers.items():
            if at in self._open and (asked := self._trails.get(at)) is not None:
                asked.take(self._open[at], found)
        for trail in self._trails.values():
            if trail.wanted:
                trail.prune()
        self._open = {}
        if not 0 < self._sweep_ns - time_ns <= UNUSED_NS:  # the clock may have been set back
            self._sweep_ns = time_ns + UNUSED_NS
            oldest = time_ns - UNUSED_NS
            self._trails = {
                at: t for at, t in self._trails.items() if oldest < t.used_ns <= time_ns
            }

    def forget(self, topics: Collection[str]) -> None:
        """Forget topics that are others by now."""
        self._trails = {at: trail for at, trail in self._trails.items() if at[0] not in topics}
        self._open = {at: ms for at, ms in self._open.items() if at[0] not in topics}

    def topics(self) -> set[str]:
        """The topics that are searched."""
        return {topic for topic, _ in self._trails}

    def behind(
        self, at: Partition, offset: int, start: int | None, bound: Behind, time_ns: int
    ) -> Behind:
        """Better a lower bound by what is known, and ask on.

        `start` is the oldest record's offset where known, `bound` the age of the first poll.
        """
        trail = self._trails.get(at)
        if trail is None:
            if len(self._trails) >= MAX_TRAILS:
                return bound
            trail = self._trails[at] = PartitionSearch()
        trail.used_ns = time_ns
        if not trail.answers:  # most of them, while many wait for their turn
            self._open[at] = 0
            return bound
        trail.wanted.add(offset)
        now_ms = time_ns // MS
        first_ms = (time_ns - round(bound.seconds * NS)) // MS
        around = trail.around(offset)
        question = trail.question(offset, start or 0, first_ms, now_ms, around)
        # Of several groups those first that stand still: who reads on has another question soon.
        if question is not None and (at not in self._open or offset in trail.still):
            self._open[at] = question
        elif question is None and at not in self._open:
            trail.turn = 0
        found = trail.written(offset, start or 0, first_ms, around, settled=question is None)
        if found is None:
            return bound
        written_ms, at_least, approximate = found
        return Behind((time_ns / MS - written_ms) / 1000, at_least, approximate)


def is_one_log(answers: Sequence[SearchAnswer]) -> bool:
    """Whether they come by offset, and nothing before one is as young as that was asked for."""
    return all(
        low.offset < high.offset and low.written_ms < high.asked_ms
        for low, high in pairwise(answers)
    )


def _resolution_ms(age_ms: int) -> int:
    return max(RESOLUTION_MS, age_ms // SHARE_OF_AGE)
