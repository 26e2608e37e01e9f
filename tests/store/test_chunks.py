"""Chunks: how an append is split, and which rows are damaged."""

from collections.abc import Callable

import pytest

from jmxbridge.store.chunks import CHUNK_BYTES, Chunk, decode
from jmxbridge.store.packed import Packed, text_of
from jmxbridge.store.schema import checksum
from jmxbridge.store.spool import Spool
from tests.store.polls import taken

OpenSpool = Callable[..., Spool]


@pytest.mark.parametrize("line", [b"", b"m v=1\nm v=2"], ids=["empty", "newline"])
def test_append_refuses_empty_lines_and_newlines(open_spool: OpenSpool, line: bytes) -> None:
    """No line of the poll is appended, so the caller's count stays right."""
    spool = open_spool()

    with pytest.raises(ValueError, match="newline"):
        spool.append([b"m v=0", line], time_ns=1, source="a")

    assert spool.counts().sampled == 0


def test_a_large_poll_is_split_without_losing_a_line(open_spool: OpenSpool) -> None:
    """Chunks bound what is read at once; a batch can span several of them."""
    spool = open_spool()
    lines = [b'm v=%d,s="%s" 1' % (n, b"x" * 1000) for n in range(1500)]
    spool.append(lines, time_ns=1, source="a")

    batch = taken(spool, max_lines=5000, max_bytes=10**7)

    assert sum(map(len, lines)) > 2 * CHUNK_BYTES
    assert list(batch.lines) == lines
    assert len(batch.segments) == 3
    spool.settle(batch.first(1499), [])
    assert spool.counts().pending == 1


def test_chunk_of_a_row_needs_its_checksum() -> None:
    """A row with any other value is not a chunk; the id is not covered."""
    packed = Packed.of(text_of([b"m v=1"]))
    values = (10, "a", 1, 143, packed.size, packed.crc, packed.data)
    crc = checksum("chunk", *values)

    assert decode((7, *values, crc)) == Chunk(7, 10, "a", 1, 143, packed)
    assert decode((7, 11, *values[1:], crc)) is None
    assert decode((7, *values, crc ^ 1)) is None


def test_a_single_line_may_be_larger_than_a_chunk(open_spool: OpenSpool) -> None:
    """It has a chunk of its own, between those of its neighbors."""
    spool = open_spool()
    large = b'm v="%s"' % (b"x" * CHUNK_BYTES)
    spool.append([b"m v=1", large, b"m v=2"], time_ns=1, source="a")

    batch = taken(spool, max_bytes=10**7)

    assert list(batch.lines) == [b"m v=1", large, b"m v=2"]
    assert [segment.count for segment in batch.segments] == [1, 1, 1]
