"""Values of the store's interface: the front of a batch."""

import pytest

from jmxbridge.store.packed import Packed, text_of
from jmxbridge.store.values import Batch, Segment

LINES = [b"m v=%d" % number for number in range(5)]


def batch() -> Batch:
    """A batch of two chunks: three lines, of which the first is settled already, and two."""
    segments = [Segment(7, 1, 3), Segment(8, 0, 2)]
    return Batch(segments, [Packed.of(text_of(LINES[:3])), Packed.of(text_of(LINES[3:]))])


def test_batch_unpacks_its_lines() -> None:
    """The lines of all parts, in order."""
    assert batch().count == 5
    assert list(batch().lines) == LINES


@pytest.mark.parametrize(
    ("count", "segments"),
    [
        (0, []),
        (2, [Segment(7, 1, 2)]),
        (3, [Segment(7, 1, 3)]),
        (4, [Segment(7, 1, 3), Segment(8, 0, 1)]),
        (5, [Segment(7, 1, 3), Segment(8, 0, 2)]),
    ],
)
def test_first_cuts_a_batch_inside_a_segment_too(count: int, segments: list[Segment]) -> None:
    """The front has exactly so many lines; it ends in the segment of its last line."""
    front = batch().first(count)

    assert (front.count, list(front.lines)) == (count, LINES[:count])
    assert list(front.segments) == segments
