"""Quarantine: damaged rows leave the store, sound ones stay."""

import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.store import (
    DeadLine,
    Store,
    StoreReader,
)
from jmxbridge.store.packed import Packed, text_of
from jmxbridge.store.spool import Spool
from tests.store.polls import numbered, poll, taken

OpenSpool = Callable[..., Spool]


def test_a_damaged_chunk_is_quarantined(
    open_spool: OpenSpool, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its lines go to a file of their own and count as dropped; later chunks are not affected."""
    spool = open_spool()
    poll(spool, 1, 2)
    poll(spool, 3)
    spool.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE chunk SET body = substr(body, 1, 12) WHERE id = 1")
    database.close()

    spool = open_spool()

    assert list(taken(spool).lines) == numbered(3)
    counts = spool.counts()
    assert (counts.dropped, counts.pending) == (2, 1)
    aside = path.with_name("local.sqlite3.damaged-chunk-1")
    assert b"m v=00" in aside.read_bytes()
    assert stat.S_IMODE(os.stat(aside).st_mode) == 0o600
    assert "local.sqlite3.damaged-*; their 2 lines are counted as dropped" in caplog.text


LINES = [b"m,n=%d v=%d.0 %d" % (n, n, n) for n in range(400)]


def flip(path: Path, text: bytes) -> None:
    """Flip a bit of the first byte of a text, wherever it is in the file: a page may have moved."""
    path.write_bytes(path.read_bytes().replace(text, bytes([text[0] ^ 1]) + text[1:]))


def packed(lines: list[bytes]) -> bytes:
    """Return lines as they are stored in a row."""
    return Packed.of(text_of(lines)).data


@pytest.mark.parametrize("of_lines", [True, False], ids=["lines", "dead letter"])
async def test_a_flipped_byte_quarantines_its_row(tmp_path: Path, of_lines: bool) -> None:
    """The chunk or dead letter is removed and counted; all other rows stay unchanged."""
    path = tmp_path / "s"
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        await store.append(LINES[:10], time_ns=1, source="a")
        first = await store.take(max_lines=10, max_bytes=10**9)
        assert first is not None
        await store.settle(first, [DeadLine(3, "no way"), DeadLine(4, "never")])
        await store.append(LINES[100:110], time_ns=2, source="a")
        await store.append(LINES[110:120], time_ns=3, source="a")
    flip(path, packed(LINES[100:110])[40:] if of_lines else b"no way")

    assert len(StoreReader(path).verify().problems) == 1
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        batch = await store.take(max_lines=1000, max_bytes=10**9)
        letters = await store.dead_letters(9)
        counts = await store.counts()

    assert batch is not None
    assert list(batch.lines) == LINES[110 if of_lines else 100 : 120]
    assert [letter.line for letter in letters] == [LINES[4], LINES[3]][: 2 if of_lines else 1]
    assert (counts.sampled, counts.stored) == (30, 8)
    assert (counts.dropped, counts.dropped_dead) == ((10, 0) if of_lines else (1, 1))
    assert StoreReader(path).verify().problems == ()
    kept = tmp_path / ("s.damaged-chunk-2" if of_lines else "s.damaged-dead_letter-1")
    assert (LINES[100] if of_lines else b"o way") in kept.read_bytes()


async def test_a_damaged_letter_is_not_replayed(tmp_path: Path) -> None:
    """It is not shown either: a line that differs from the refused one is never sent."""
    path = tmp_path / "s"
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        await store.append(LINES[100:102], time_ns=1, source="a")
        batch = await store.take(max_lines=2, max_bytes=10**9)
        assert batch is not None
        await store.settle(batch, [DeadLine(0, "no"), DeadLine(1, "no")])
    flip(path, LINES[100])

    assert [letter.id for letter in StoreReader(path).letters(9)] == [2]
    assert StoreReader(path).letter(1) is None
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        assert await store.replay([1, 2]) == 1
        again = await store.take(max_lines=9, max_bytes=10**9)

    assert again is not None
    assert list(again.lines) == [LINES[101]]
