"""What the store hands out: lines to send, dead letters, and the account of all lines."""

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

    `parts` are the segments' lines, packed.
    """

    def __init__(self, segments: Sequence[Segment], parts: Sequence[Packed]) -> None:
        self.segments = segments
        self.parts = parts
        self.count = sum(segment.count for segment in segments)

    @cached_property
    def lines(self) -> Sequence[bytes]:
        """The lines, unpacked when somebody asks for the first time."""
        return [line for part in self.parts for line in part.lines][: self.count]

    def first(self, count: int) -> "Batch":
        """Only the first `count` lines; what follows them stays pending."""
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
    """A line of a batch, by its index, that will never be taken, and the reason in words."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line that was refused: its poll's time and source, when and why it was refused."""

    id: int
    time_ns: int
    refused_ns: int
    source: str
    reason: str
    line: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """Where every line is that was ever appended to this file.

    sampled = stored + pending + dead_lettered + dropped + expired, at every instant. `stored` was
    acknowledged by InfluxDB, `pending` waits (or, without InfluxDB, is kept), `dead_lettered` can
    be read with its reason, `dropped` gave way to the bounds on size (`dropped_dead` of them were
    dead letters before), `expired` reached the promised age where there is no InfluxDB.
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
    """Kept lines of a range of time; `next` continues after them, None when that was all."""

    lines: Sequence[bytes]
    next: int | None
