"""A settings file with a store of its own, and the store filled."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from jmxbridge.store import Counts, DeadLine, Store

LINES = [b"m,n=%d v=%d.0 1700000000000000000" % (n, n) for n in range(4)]
TIME_NS = 1_700_000_000 * 10**9


def write_settings(folder: Path, url: str) -> Path:
    """Write a settings file for a folder: its store, and InfluxDB at this URL."""
    file = folder / "mbeans.yaml"
    file.write_text(
        f"influxdb: {{url: '{url}', bucket: kafka}}\n"
        "kafka: {bootstrap: [127.0.0.1:9]}\n"
        f"store: {{path: {folder / 's.sqlite3'}}}\n"
    )
    return file


def with_store(file: Path, work: Callable[[Store], Awaitable[Counts]]) -> Counts:
    """Open the file's store as `run` would, and work on it."""

    async def work_on_it() -> Counts:
        path = file.with_name("s.sqlite3")
        async with await Store.open(path, max_bytes=2**30, retain_s=None) as store:
            return await work(store)

    return asyncio.run(work_on_it())


async def fill(store: Store) -> Counts:
    """Append four lines: one is stored, two are refused, one is pending."""
    await store.append(LINES, time_ns=TIME_NS, source="broker-1")
    batch = await store.take(max_lines=3, max_bytes=10**6)
    assert batch is not None
    await store.settle(batch, [DeadLine(0, "400: bad"), DeadLine(2, "422: conflict")])
    return await store.counts()


async def count(store: Store) -> Counts:
    """Return the account."""
    return await store.counts()
