"""Whatever a disk does to the file, the store opens, and its account balances."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jmxbridge.store import Batch, Counts, DeadLine, Store, StoreError, StoreForeign

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
