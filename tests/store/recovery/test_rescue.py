"""Whatever a disk does to the file, the store opens, and its account balances."""

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
from jmxbridge.store.packed import Packed, text_of

LINES = [b"m,n=%d v=%d.0 %d" % (n, n, n) for n in range(400)]
SETTLED = 100


@pytest.fixture(scope="module")
def sound() -> Iterator[Path]:
    """A folder with a store as a kill left it: 40 polls, a quarter settled, with some dead."""
    with tempfile.TemporaryDirectory(prefix="sound-") as name:
        yield Path(name)


@cache
def files(folder: Path) -> tuple[str, ...]:
    """Make the store in `folder`; its files, the log among them."""

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
    """What a store at a path has; a call may meet a torn page, the next one goes on."""
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
def test_a_flipped_byte_or_a_torn_tail(sound: Path, data: st.DataObject) -> None:
    """The lines left are some of the pending ones, in order, each once; the account says so.

    Damage may also bring back an earlier moment of the file: then lines that were settled are
    pending again, and are sent a second time, which changes nothing in InfluxDB.
    """
    end = data.draw(st.sampled_from(files(sound)))
    with tempfile.TemporaryDirectory(prefix="damage-") as folder:
        path = Path(folder) / "s"
        for each in files(sound):
            shutil.copyfile(sound / f"s{each}", f"{path}{each}")
        victim = Path(f"{path}{end}")
        body = bytearray(victim.read_bytes())
        at = data.draw(st.integers(0, len(body) - 1))
        if data.draw(st.booleans()):
            body[at] ^= 1 << data.draw(st.integers(0, 7))
        else:
            del body[at:]
        victim.write_bytes(body)

        try:
            batch, counts = asyncio.run(look(path))
        except StoreForeign:
            assert end == ""
            assert at < 100, "only the header says whose file it is"
            return

    lines = list(batch.lines) if batch else []
    assert lines == [line for line in LINES if line in set(lines)]
    assert counts.pending == len(lines) + 1
    places = counts.stored + counts.pending + counts.dead_lettered
    assert counts.sampled == places + counts.dropped + counts.expired


def flip(path: Path, text: bytes) -> None:
    """Flip a bit of the first byte of a text in a file; pages moved, so it may be there twice."""
    path.write_bytes(path.read_bytes().replace(text, bytes([text[0] ^ 1]) + text[1:]))


def packed(lines: list[bytes]) -> bytes:
    """Lines as they lie in a row."""
    return Packed.of(text_of(lines)).data


@pytest.mark.parametrize("of_lines", [True, False], ids=["lines", "dead letter"])
async def test_a_flipped_byte_in_a_row_is_found(tmp_path: Path, of_lines: bool) -> None:
    """In lines and in dead letters: the row is set aside and counted, the others are untouched."""
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
    """Nor shown: a line that is not the one refused goes nowhere."""
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


@pytest.mark.parametrize("statement", [
    "UPDATE account SET head_done = head_done + 1",
    "UPDATE account SET sampled = sampled + 1, stored = stored + 1",
])  # fmt: skip
async def test_an_account_that_was_changed_is_not_believed(tmp_path: Path, statement: str) -> None:
    """Its sums may even be right: lines it calls settled are sent again, none is skipped."""
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


@pytest.mark.parametrize("at", [18, 24, 30, 56, 96])
async def test_a_flipped_header_never_keeps_it_from_starting(tmp_path: Path, at: int) -> None:
    """Byte 18 says read only to SQLite, and only when something is written."""
    path = tmp_path / "s"
    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        await store.append(LINES[:10], time_ns=1, source="a")
    body = bytearray(path.read_bytes())
    body[at] ^= 0x20
    path.write_bytes(body)

    async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
        await store.append(LINES[10:20], time_ns=2, source="a")
        batch = await store.take(max_lines=100, max_bytes=10**9)

    assert batch is not None
    assert list(batch.lines) == LINES[:20]


async def test_a_schema_that_is_not_text_any_more(tmp_path: Path) -> None:
    """Python cannot even say what SQLite says of it; the lines are found without it."""
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
