"""Rescue: whatever a disk does to the file, the store opens and its account balances."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jmxbridge.store import (
    Batch,
    Counts,
    DeadLine,
    Store,
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreReader,
)

LINES = [b"m,n=%d v=%d.0 %d" % (n, n, n) for n in range(400)]
SETTLED = 100


@pytest.fixture(scope="module")
def sound() -> Iterator[Path]:
    """A folder with a store as a kill leaves it: 40 polls, a quarter settled, some refused."""
    with tempfile.TemporaryDirectory(prefix="sound-") as name:
        yield Path(name)


@cache
def files(folder: Path) -> tuple[str, ...]:
    """Make the store in `folder`; return the suffixes of its files, including the log."""

    async def make() -> None:
        working = folder / "working"
        async with await Store.open(working / "s", max_bytes=2**30, retain_s=None) as store:
            for n in range(0, len(LINES), 10):
                await store.append(LINES[n : n + 10], time_ns=n, source="a")
                if n == len(LINES) // 2:
                    batch = await store.take(max_lines=SETTLED, max_bytes=10**9)
                    assert batch is not None
                    await store.settle(batch, [DeadLine(i, "no") for i in range(0, 50, 5)])
            for end in ("", "-wal"):
                shutil.copyfile(working / f"s{end}", folder / f"s{end}")

    asyncio.run(make())
    return tuple(end for end in ("", "-wal") if (folder / f"s{end}").stat().st_size)


async def look(path: Path) -> tuple[Batch | None, Counts]:
    """Return the lines and counts of a store; a call may hit a torn page, the next one works."""
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        for _ in range(4):
            try:
                batch = await store.take(max_lines=10**6, max_bytes=10**9)
                await store.dead_letters(1000)
                await store.append([b"m v=1 1"], time_ns=1, source="b")
                break
            except StoreError as exc:
                error = exc
        else:
            raise error
        return batch, await store.counts()


@pytest.mark.slow
@settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each example opens files: shrinking takes too long
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_rescue_survives_a_flipped_byte_or_a_torn_tail(sound: Path, data: st.DataObject) -> None:
    """The remaining lines are some of the pending ones, in order, each once; the account agrees.

    Damage may also restore an earlier state of the file: then lines that were settled are pending
    again and are sent a second time, which changes nothing in InfluxDB.
    """
    end = data.draw(st.sampled_from(files(sound)))
    with tempfile.TemporaryDirectory(prefix="damage-") as folder:
        path = Path(folder) / "s"
        for suffix in files(sound):
            shutil.copyfile(sound / f"s{suffix}", f"{path}{suffix}")
        victim = Path(f"{path}{end}")
        body = bytearray(victim.read_bytes())
        offset = data.draw(st.integers(0, len(body) - 1))
        if data.draw(st.booleans()):
            body[offset] ^= 1 << data.draw(st.integers(0, 7))
        else:
            del body[offset:]
        victim.write_bytes(body)

        try:
            batch, counts = asyncio.run(look(path))
        except StoreForeign:
            assert end == ""
            assert offset < 100, "only the header says whose file it is"
            return

    lines = list(batch.lines) if batch else []
    assert lines == [line for line in LINES if line in set(lines)]
    assert counts.pending == len(lines) + 1
    places = counts.stored + counts.pending + counts.dead_lettered
    assert counts.sampled == places + counts.dropped + counts.expired


@pytest.mark.parametrize("statement", [
    "UPDATE account SET head_done = head_done + 1",
    "UPDATE account SET sampled = sampled + 1, stored = stored + 1",
])  # fmt: skip
async def test_a_changed_account_is_not_trusted(tmp_path: Path, statement: str) -> None:
    """Even if its sums are right: lines that it calls settled are sent again, none is skipped."""
    path = tmp_path / "s"
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        await store.append(LINES[:10], time_ns=1, source="a")
        batch = await store.take(max_lines=3, max_bytes=10**9)
        assert batch is not None
        await store.settle(batch, [])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(statement)

    with pytest.raises(StoreDamaged, match="account does not match its checksum"):
        StoreReader(path).usage()
    assert StoreReader(path).verify().problems == ("the account does not match its checksum",)
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        left = await store.take(max_lines=100, max_bytes=10**9)
        counts = await store.counts()

    assert left is not None
    assert list(left.lines) == LINES[:10]
    assert (counts.sampled, counts.pending) == (10, 10)


@pytest.mark.parametrize("offset", [18, 24, 30, 56, 96])
async def test_a_store_with_a_flipped_header_opens(tmp_path: Path, offset: int) -> None:
    """Byte 18 marks the file read-only for SQLite, which it reports only at the first write."""
    path = tmp_path / "s"
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        await store.append(LINES[:10], time_ns=1, source="a")
    body = bytearray(path.read_bytes())
    body[offset] ^= 0x20
    path.write_bytes(body)

    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        await store.append(LINES[10:20], time_ns=2, source="a")
        batch = await store.take(max_lines=100, max_bytes=10**9)

    assert batch is not None
    assert list(batch.lines) == LINES[:20]


async def test_lines_are_rescued_from_a_file_whose_schema_is_not_text(tmp_path: Path) -> None:
    """Python cannot decode SQLite's own error message; the lines are found without SQLite."""
    path = tmp_path / "s"
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        await store.append(LINES[:10], time_ns=1, source="a")
    body = bytearray(path.read_bytes())
    body[body.index(b"CHECK")] ^= 0x80
    path.write_bytes(body)

    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        batch = await store.take(max_lines=100, max_bytes=10**9)

    assert batch is not None
    assert list(batch.lines) == LINES[:10]
