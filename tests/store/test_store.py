"""Store as coroutines: durable appends, batches, waiting, and damage while it is open."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from jmxbridge.store import (
    Batch,
    DeadLine,
    Store,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReader,
    database,
    spool,
)
from jmxbridge.store import file as store_file
from tests.store.noise import noise

OpenStore = Callable[..., Awaitable[Store]]

LINES = [b"m v=1 1", b"m v=2 2", b"m v=3 3"]


async def take_all(store: Store) -> Batch | None:
    """Take all pending lines in one batch."""
    return await store.take(max_lines=1000, max_bytes=100_000_000)


async def test_lines_come_back_in_the_order_they_were_appended(open_store: OpenStore) -> None:
    """The oldest poll comes first, across polls and sources."""
    store = await open_store()
    await store.append(LINES[:2], time_ns=10, source="a")
    await store.append(LINES[2:], time_ns=5, source="b")

    batch = await take_all(store)

    assert batch is not None
    assert list(batch.lines) == LINES


async def test_an_empty_store_has_nothing_to_take(open_store: OpenStore) -> None:
    """`take` returns None; an append of no lines changes nothing."""
    store = await open_store()
    await store.append([], time_ns=1, source="a")

    assert await take_all(store) is None
    assert (await store.counts()).sampled == 0


async def test_lines_survive_a_restart(open_store: OpenStore) -> None:
    """Lines that were pending at the close are pending after the next open."""
    store = await open_store()
    await store.append(LINES, time_ns=1, source="a")
    await store.close()

    again = await open_store()
    batch = await take_all(again)

    assert batch is not None
    assert list(batch.lines) == LINES


async def test_lines_are_taken_again_until_they_are_settled(open_store: OpenStore) -> None:
    """`take` moves nothing; `settle` does."""
    store = await open_store()
    await store.append(LINES, time_ns=1, source="a")
    first = await take_all(store)
    assert first is not None
    again = await take_all(store)
    assert again is not None
    assert (again.lines, again.segments) == (first.lines, first.segments)

    await store.settle(first, [])

    assert await take_all(store) is None
    assert (await store.counts()).stored == 3


async def test_a_refused_line_becomes_a_dead_letter(open_store: OpenStore) -> None:
    """It keeps its poll's time and source, the line and the reason; the others are stored."""
    store = await open_store()
    await store.append(LINES, time_ns=7, source="broker-1")
    batch = await take_all(store)
    assert batch is not None

    await store.settle(batch, [DeadLine(1, "field type conflict")])

    (letter,) = await store.dead_letters(10)
    assert (letter.time_ns, letter.source) == (7, "broker-1")
    assert (letter.line, letter.reason) == (LINES[1], "field type conflict")
    counts = await store.counts()
    assert (counts.sampled, counts.stored, counts.dead_lettered) == (3, 2, 1)


async def test_wait_for_pending_ends_with_the_next_append(open_store: OpenStore) -> None:
    """A waiting sender is woken by a poll, and does not wait while lines are pending."""
    store = await open_store()
    waiting = asyncio.create_task(store.wait_for_pending())
    await asyncio.sleep(0)
    assert not waiting.done()

    await store.append(LINES, time_ns=1, source="a")

    await asyncio.wait_for(waiting, 10)
    await asyncio.wait_for(store.wait_for_pending(), 10)


async def test_appends_from_many_tasks_are_all_kept(open_store: OpenStore) -> None:
    """Targets append at the same time; each poll stays whole and in its own order."""
    store = await open_store()
    polls = [[b"m,t=%d v=%d 1" % (target, n) for n in range(20)] for target in range(20)]

    await asyncio.gather(*(store.append(poll, time_ns=1, source="a") for poll in polls))

    batch = await take_all(store)
    assert batch is not None
    taken = list(batch.lines)
    assert sorted(taken[i : i + 20] for i in range(0, 400, 20)) == sorted(polls)


async def test_a_cancelled_append_wakes_the_waiting_sender(open_store: OpenStore) -> None:
    """An append that ran to its end on the thread counts, although its caller is gone."""
    store = await open_store()
    waiting = asyncio.create_task(store.wait_for_pending())
    append = asyncio.create_task(store.append(LINES, time_ns=1, source="a"))
    await asyncio.sleep(0)
    append.cancel()
    await asyncio.gather(append, return_exceptions=True)

    counts = await store.counts()  # runs behind the append
    if counts.pending:
        await asyncio.wait_for(waiting, 10)
    waiting.cancel()

    assert counts.pending in (0, 3)


async def test_a_second_open_names_the_process_with_the_store(open_store: OpenStore) -> None:
    """The message has the path and the pid."""
    await open_store()

    with pytest.raises(StoreLocked, match=r"local\.sqlite3 is in use by process \d+"):
        await open_store()


async def test_a_closed_store_refuses_calls(open_store: OpenStore) -> None:
    """A call after `close` raises StoreError; a second `close` does nothing."""
    store = await open_store()
    await store.close()
    await store.close()

    with pytest.raises(StoreError, match="closed"):
        await store.append(LINES, time_ns=1, source="a")


async def test_a_store_closes_at_the_end_of_its_block(open_store: OpenStore, path: Path) -> None:
    """`async with` releases the lock."""
    async with await open_store() as store:
        assert "pending=0" in repr(store)

    async with await Store.open(path, max_bytes=1_000_000, retain_s=None):
        pass


async def test_kept_lines_are_read_back_by_time(open_store: OpenStore) -> None:
    """Without InfluxDB a time range can be read page by page, each page bounded."""
    store = await open_store(retain_s=3600.0)
    for n in range(1, 6):
        await store.append([b"m v=%d %d" % (n, n)], time_ns=n, source="a")

    page = await store.recent(since_ns=2, until_ns=5, max_bytes=10)
    rest = await store.recent(since_ns=2, until_ns=5, after=page.next or 0)

    assert list(page.lines) == [b"m v=2 2", b"m v=3 3"]
    assert page.next is not None
    assert list(rest.lines) == [b"m v=4 4"]
    assert rest.next is None


async def test_a_page_of_many_small_polls_is_bounded(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page also has a bound on its polls, and the next page continues."""
    monkeypatch.setattr(spool, "PAGE_CHUNKS", 2)
    store = await open_store(retain_s=3600.0)
    for n in range(1, 5):
        await store.append([b"m v=%d %d" % (n, n)], time_ns=n, source="a")

    pages = [await store.recent(since_ns=0, until_ns=10)]
    while (following := pages[-1].next) is not None:
        pages.append(await store.recent(since_ns=0, until_ns=10, after=following))

    assert [line for page in pages for line in page.lines] == [
        b"m v=%d %d" % (n, n) for n in range(1, 5)
    ]
    assert len(pages) == 3


def tear(path: Path, page: int) -> None:
    """Overwrite one page of the file, as a bad disk would, behind SQLite's back."""
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)


async def polls_of(store: Store, count: int) -> list[bytes]:
    """Append polls of one line each, more than fit in SQLite's cache."""
    lines = [b'm v="%06d%s" 1' % (n, noise(20_000, n)) for n in range(count)]
    for n, line in enumerate(lines):
        await store.append([line], time_ns=n, source="a")
    return lines


@pytest.mark.parametrize(("page", "kept"), [(3, 140), (4, 140), (50, 140), (300, 140), (600, 140)])
async def test_an_open_store_survives_a_torn_page(
    open_store: OpenStore, path: Path, page: int, kept: int
) -> None:
    """The call that reads it fails; the next works in a new file, with all readable lines.

    Lost lines count as dropped, and the others keep their order. Page 3 is the root of the table:
    without it SQLite finds no row, and the rescue finds all of them.
    """
    store = await open_store()
    lines = await polls_of(store, 150)
    tear(path, page)

    for _ in range(3):
        with suppress(StoreError):
            await take_all(store)
            await store.append([b"m v=1 2"], time_ns=200, source="a")
    left = await take_all(store)
    counts = await store.counts()

    assert left is not None
    before = [line for line in left.lines if line != b"m v=1 2"]
    assert before == [line for line in lines if line in set(before)]
    assert len(before) >= kept
    assert left.lines[-1] == b"m v=1 2"
    assert counts.pending == len(left.lines)
    assert counts.sampled == counts.pending + counts.dropped
    assert StoreReader(path).verify().problems == ()


async def test_open_keeps_the_readable_rows_of_a_damaged_file(
    open_store: OpenStore, path: Path
) -> None:
    """Pending lines and dead letters are in the new file, settled lines are not."""
    store = await open_store()
    lines = await polls_of(store, 100)
    batch = await store.take(max_lines=10, max_bytes=10**9)
    assert batch is not None
    await store.settle(batch, [DeadLine(3, "no")])
    await store.close()
    tear(path, 100)

    store = await open_store()
    left = await take_all(store)
    counts = await store.counts()

    assert left is not None
    assert list(left.lines) == [line for line in lines[10:] if line in set(left.lines)]
    assert len(left.lines) >= 80
    assert (counts.sampled, counts.stored, counts.dead_lettered) == (100, 9, 1)
    assert counts.dropped == 90 - len(left.lines)
    assert [letter.line for letter in await store.dead_letters(9)] == [lines[3]]


async def test_a_new_file_that_cannot_be_created_is_tried_again(
    open_store: OpenStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a full disk every call raises until there is room; then the lines are back."""
    store = await open_store()
    await polls_of(store, 150)
    tear(path, 50)
    connect = database.connect

    def full(path: Path) -> sqlite3.Connection:
        path.touch()
        raise StoreFull("the disk is full")

    monkeypatch.setattr(store_file, "connect", full)
    for _ in range(3):
        with pytest.raises(StoreError):
            await take_all(store)
    monkeypatch.setattr(store_file, "connect", connect)

    left = await take_all(store)
    assert left is not None
    assert len(left.lines) >= 100


async def test_a_batch_of_a_file_set_aside_settles_nothing(
    open_store: OpenStore, path: Path
) -> None:
    """Its chunks have other ids now: the rescued lines are pending, and are sent again."""
    store = await open_store()
    await polls_of(store, 150)
    batch = await take_all(store)
    assert batch is not None
    tear(path, 50)
    for _ in range(3):
        with suppress(StoreError):
            await take_all(store)
    before = await store.counts()

    await store.settle(batch, [])

    assert await store.counts() == before
    assert before.pending >= 100


async def test_lines_behind_a_batch_are_taken_before_it_is_settled(open_store: OpenStore) -> None:
    """Batch after batch, across polls and inside them, each line once."""
    store = await open_store()
    lines = [b"m v=%d 1" % n for n in range(30)]
    for n in range(0, 30, 6):
        await store.append(lines[n : n + 6], time_ns=n, source="a")
    batches = [await store.take(max_lines=4, max_bytes=10**6)]
    while (batch := batches[-1]) is not None:
        batches.append(await store.take(max_lines=4, max_bytes=10**6, after=batch))

    assert [line for batch in batches if batch for line in batch.lines] == lines
    for batch in batches[:-1]:
        assert batch is not None
        await store.settle(batch, [])
    assert (await store.counts()).stored == 30
