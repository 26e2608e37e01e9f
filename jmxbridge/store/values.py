"""Values of the store's interface: batches, dead letters, counts and pages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from jmxbridge.store.packed import Packed


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive lines of one appended chunk: `count` lines from line number `first`."""

    chunk: int
    first: int
    count: int


class Batch:
    """The oldest pending lines, in the order they were appended.

    `parts` holds the packed lines of each segment.
    """

    def __init__(self, segments: Sequence[Segment], parts: Sequence[Packed]) -> None:
        self.segments = segments
        self.parts = parts
        self.count = sum(segment.count for segment in segments)

    @cached_property
    def lines(self) -> Sequence[bytes]:
        """The lines, unpacked at the first use."""
        return [line for part in self.parts for line in part.lines][: self.count]

    def first(self, count: int) -> "Batch":
        """Return a batch of only the first `count` lines; the lines after them stay pending."""
        if count == self.count:
            return self
        segments = []
        left = count
        for segment in self.segments:
            if left <= 0:
                break
            taken = min(left, segment.count)
            segments.append(replace(segment, count=taken))
            left -= taken
        return Batch(segments, self.parts[: len(segments)])


@dataclass(frozen=True, slots=True)
class DeadLine:
    """A refused line, by its index in the batch, and the reason as text."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused line: time and source of its poll, time and reason of the refusal."""

    id: int
    time_ns: int
    refused_ns: int
    source: str
    reason: str
    line: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of lines ever appended to this file, by where they are now.

    sampled = stored + pending + dead_lettered + dropped + expired, at every instant. `stored` lines
    were acknowledged by InfluxDB, `pending` ones wait (or, without InfluxDB, are kept),
    `dead_lettered` ones can be read with the reason, `dropped` ones were removed by the bounds on
    size or by a purge (`dropped_dead` of them were dead letters before), `expired` ones, without
    InfluxDB, reached the age up to which lines are kept.
    """

    sampled: int
    stored: int
    pending: int
    dead_lettered: int
    dropped: int
    dropped_dead: int
    expired: int
    pending_bytes: int
    dead_bytes: int
    oldest_pending_ns: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Kept lines of a time range; `next` is where the next page begins, None after the last."""

    lines: Sequence[bytes]
    next: int | None
