"""Chunks: how an append is split, and what a damaged row is."""

from collections.abc import Callable

import pytest

from jmxbridge.store.chunks import CHUNK_BYTES
from jmxbridge.store.spool import Spool
from tests.store.polls import taken

OpenSpool = Callable[..., Spool]


@pytest.mark.parametrize("line", [b"", b"m v=1\nm v=2"], ids=["empty", "newline"])
def test_what_would_not_come_back_as_one_line_is_refused(
    open_spool: OpenSpool, line: bytes
) -> None:
    """Nothing of the poll is appended, so the caller's count stays right."""
    spool = open_spool()

    with pytest.raises(ValueError, match="newline"):
        spool.append([b"m v=0", line], time_ns=1, source="a")

    assert spool.counts().sampled == 0


def test_a_large_poll_is_split_without_losing_a_line(open_spool: OpenSpool) -> None:
    """Chunks bound what is read at once; the batch that spans them is whole."""
    spool = open_spool()
    lines = [b'm v=%d,s="%s" 1' % (n, b"x" * 1000) for n in range(1500)]
    spool.append(lines, time_ns=1, source="a")

    batch = taken(spool, max_lines=5000, max_bytes=10**7)

    assert sum(map(len, lines)) > 2 * CHUNK_BYTES
    assert list(batch.lines) == lines
    assert len(batch.segments) == 3
    spool.settle(batch.first(1499), [])
    assert spool.counts().pending == 1
