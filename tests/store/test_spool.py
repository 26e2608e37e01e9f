"""Spool: bounds, batches, partial settling and expiry."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.store import DeadLine, StoreFull, StorePaused
from jmxbridge.store.chunks import CHUNK_COST
from jmxbridge.store.spool import Spool
from jmxbridge.store.values import Batch, Counts
from tests.store.noise import noise
from tests.store.polls import numbered, poll, taken

OpenSpool = Callable[..., Spool]

SECOND = 10**9


def balanced(counts: Counts) -> bool:
    """Tell whether every sampled line is in exactly one place."""
    places = counts.stored + counts.pending + counts.dead_lettered
    return counts.sampled == places + counts.dropped + counts.expired


def test_a_batch_ends_at_either_bound(open_spool: OpenSpool) -> None:
    """`max_lines` or `max_bytes`, which counts a newline a line; only a first chunk is split."""
    spool = open_spool()
    poll(spool, 1, 2, 3)
    poll(spool, 4, 5)

    assert list(taken(spool, max_lines=5).lines) == numbered(1, 2, 3, 4, 5)
    assert list(taken(spool, max_lines=4).lines) == numbered(1, 2, 3)
    assert list(taken(spool, max_lines=2).lines) == numbered(1, 2)
    assert list(taken(spool, max_bytes=55).lines) == numbered(1, 2, 3, 4, 5)
    assert list(taken(spool, max_bytes=54).lines) == numbered(1, 2, 3)
    assert list(taken(spool, max_bytes=33).lines) == numbered(1, 2, 3)
    assert list(taken(spool, max_bytes=32).lines) == numbered(1, 2)


def test_take_returns_at_least_one_line(open_spool: OpenSpool) -> None:
    """A line larger than `max_bytes` does not block the lines behind it."""
    spool = open_spool()
    poll(spool, 1, 2)

    assert list(taken(spool, max_bytes=1).lines) == numbered(1)


def test_the_front_of_a_batch_can_be_settled(open_spool: OpenSpool) -> None:
    """The other lines stay pending, also if the cut is inside a poll, also after a restart."""
    spool = open_spool()
    poll(spool, 1, 2, 3)
    poll(spool, 4, 5, 6)
    batch = taken(spool)

    spool.settle(batch.first(4), [DeadLine(1, "bad")])
    spool.close()
    spool = open_spool()

    assert list(taken(spool).lines) == numbered(5, 6)
    counts = spool.counts()
    assert (counts.stored, counts.dead_lettered, counts.pending) == (3, 1, 2)
    spool.settle(taken(spool), [])
    assert spool.counts().pending == 0
    assert spool.counts().pending_bytes == 0


def test_settling_twice_counts_once(open_spool: OpenSpool) -> None:
    """A batch that overlaps a settled one settles only the lines that were still pending."""
    spool = open_spool()
    poll(spool, 1, 2, 3)
    long, short = taken(spool), taken(spool, max_lines=2)

    spool.settle(short, [DeadLine(0, "bad")])
    spool.settle(long, [DeadLine(0, "bad"), DeadLine(2, "bad")])
    spool.settle(long, [])

    counts = spool.counts()
    assert (counts.stored, counts.dead_lettered, counts.pending) == (1, 2, 0)


def test_settle_refuses_a_batch_with_older_lines_pending(open_spool: OpenSpool) -> None:
    """Settling out of order would lose the older lines."""
    spool = open_spool()
    poll(spool, 1)
    poll(spool, 2, 3)
    batch = taken(spool)
    hole = Batch(batch.segments[1:], batch.parts[1:])

    with pytest.raises(ValueError, match="before it"):
        spool.settle(hole, [])

    assert spool.counts().pending == 3


def test_append_drops_the_oldest_lines_above_the_bound(
    open_spool: OpenSpool, caplog: pytest.LogCaptureFixture
) -> None:
    """They are counted, the drop is logged once, and the newest lines stay."""
    spool = open_spool(max_bytes=3 * (CHUNK_COST + 15))

    for n in range(10):
        poll(spool, n)

    counts = spool.counts()
    assert (counts.sampled, counts.pending, counts.dropped) == (10, 3, 7)
    assert counts.pending_bytes <= 3 * (CHUNK_COST + 15)
    assert list(taken(spool).lines) == numbered(7, 8, 9)
    assert [r.levelname for r in caplog.records] == ["ERROR"]


def test_the_end_of_dropping_is_logged(
    open_spool: OpenSpool, caplog: pytest.LogCaptureFixture
) -> None:
    """The log shows when dropping began and when it ended."""
    spool = open_spool(max_bytes=4 * (CHUNK_COST + 15))
    for n in range(6):
        poll(spool, n)
    spool.settle(taken(spool), [])
    poll(spool, 7)

    assert [r.levelname for r in caplog.records] == ["ERROR", "WARNING"]


def test_a_poll_larger_than_the_bound_is_counted_as_dropped(open_spool: OpenSpool) -> None:
    """The bound holds even then, and the account shows the loss."""
    spool = open_spool(max_bytes=100)

    poll(spool, 1, 2, 3)

    counts = spool.counts()
    assert (counts.sampled, counts.pending, counts.dropped) == (3, 0, 3)


def test_lines_dropped_while_they_were_sent_stay_dropped(open_spool: OpenSpool) -> None:
    """A settle that is too late for some lines settles the others, and none twice."""
    spool = open_spool(max_bytes=2 * (CHUNK_COST + 19))
    poll(spool, 1, 2)
    poll(spool, 3, 4)
    spool.settle(taken(spool, max_lines=1), [])
    batch = taken(spool)
    poll(spool, 5, 6)

    spool.settle(batch, [DeadLine(0, "bad"), DeadLine(1, "bad")])

    counts = spool.counts()
    assert (counts.stored, counts.dead_lettered, counts.dropped) == (2, 1, 1)
    assert balanced(counts)
    assert list(taken(spool).lines) == numbered(5, 6)


def test_lines_expire_without_influxdb(open_spool: OpenSpool) -> None:
    """Their age is relative to the newest poll, and they have a count of their own."""
    spool = open_spool(retain_s=10.0)
    for second in range(15):
        poll(spool, second, time_ns=second * SECOND)

    counts = spool.counts()

    assert (counts.expired, counts.dropped, counts.pending) == (4, 0, 11)
    assert counts.oldest_pending_ns == 4 * SECOND


def test_lines_do_not_expire_with_influxdb(open_spool: OpenSpool) -> None:
    """However long an outage lasts, only the bound on size drops lines."""
    spool = open_spool()
    poll(spool, 1, time_ns=0)
    poll(spool, 2, time_ns=10**9 * SECOND)

    assert spool.counts().pending == 2


def test_kept_lines_are_sent_once_influxdb_is_configured(open_spool: OpenSpool) -> None:
    """Lines kept without InfluxDB are pending in order, so its history begins before it did."""
    spool = open_spool(retain_s=100.0)
    poll(spool, 1, 2)
    spool.close()

    spool = open_spool(retain_s=None)

    assert list(taken(spool).lines) == numbered(1, 2)


def test_append_raises_when_the_disk_is_full(open_spool: OpenSpool) -> None:
    """No line of the poll is kept, and the spool works once there is room again."""
    spool = open_spool()
    poll(spool, 1)
    with full_disk(spool), pytest.raises(StoreFull, match=r"local\.sqlite3.*disk is full"):
        spool.append([b'm v="%s"' % noise(10**6, 1)], time_ns=1, source="a")

    assert list(taken(spool).lines) == numbered(1)
    assert spool.counts().sampled == 1
    poll(spool, 2)
    spool.close()
    assert list(taken(open_spool()).lines) == numbered(1, 2)


class full_disk:  # noqa: N801 - reads as what it makes of the block
    """No further page for a spool's file: SQLite then raises its error for a full disk."""

    def __init__(self, spool: Spool) -> None:
        self._database = spool._file.connection

    def __enter__(self) -> None:
        (pages,) = self._database.execute("PRAGMA page_count").fetchone()
        self._database.execute(f"PRAGMA max_page_count = {pages}")

    def __exit__(self, *_: object) -> None:
        self._database.execute("PRAGMA max_page_count = 1073741823")


@pytest.mark.slow
def test_a_drained_file_becomes_small_again(open_spool: OpenSpool, path: Path) -> None:
    """Every settle that leaves nothing pending frees some pages; a reserve of them stays."""
    spool = open_spool()
    lines = [b'm v="%s" 1' % noise(500_000, n) for n in range(100)]
    spool.append(lines, time_ns=1, source="a")
    while (batch := spool.take(max_lines=10, max_bytes=10**8)) is not None:
        spool.settle(batch, [])
    for n in range(5):
        poll(spool, n)
        spool.settle(taken(spool), [])
    spool.close()

    assert path.stat().st_size < 20 * 1024 * 1024


def test_a_spool_that_pauses_drops_nothing(open_spool: OpenSpool) -> None:
    """At its bound it refuses a whole append, and counts it nowhere, until there is room."""
    spool = open_spool(max_bytes=3 * (CHUNK_COST + 15), pause_when_full=True)
    for n in range(3):
        spool.append([b"m v=%d 10" % n], time_ns=n, source="a")
    before = spool.counts()

    with pytest.raises(StorePaused, match=r"max_size is 429, and store\.when_full is pause"):
        spool.append([b"m v=3 10"], time_ns=3, source="a")

    assert spool.counts() == before
    batch = spool.take(max_lines=1, max_bytes=100)
    assert batch is not None
    spool.settle(batch, [])
    spool.append([b"m v=3 10"], time_ns=3, source="a")
    assert (spool.counts().pending, spool.counts().dropped) == (3, 0)
