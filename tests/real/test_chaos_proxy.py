"""Sender and store behind a proxy that breaks every second request: the invariants hold.

I2 is tested with a sender that stops in the middle: the next one sends what it had not settled. The
seed is printed; `JMXBRIDGE_SEED` repeats a run.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from demo.servers import Influx
from jmxbridge.influx.client import Writer
from jmxbridge.influx.line_protocol import encode
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.sender import Sender
from jmxbridge.point import Point
from jmxbridge.store import Counts, Store
from tests.real.fault_proxy import FAULTS, FaultProxy

pytestmark = pytest.mark.real

SEED = int(os.environ.get("JMXBRIDGE_SEED", "0")) or secrets.randbits(32)
POLLS = 150
POINTS = 40
BACKLOG = 50
POISONED = 30  # every n-th poll has a line that InfluxDB refuses
START_NS = 1_700_000_000 * 10**9
PACE = Pace(
    max_lines=500,
    linger_s=0.0,
    retry_first_s=0.01,
    retry_longest_s=0.05,
    hold_first_s=0.01,
    hold_longest_s=0.05,
)
LONG_S = 120.0
STOP_S = 10.0
NAMES = {fault.__name__ for fault in FAULTS} | {"reset_on_accept", "too_large", "poison"}
MAX_BYTES = 64 * 1024 * 1024


def poll(number: int) -> list[bytes]:
    """Return one poll's lines, sometimes with a poisoned one."""
    time_ns = START_NS + number * 10**9
    lines = [
        encode(Point("chaos", {"n": str(n)}, {"v": number + n / 100}, time_ns))
        for n in range(POINTS)
    ]
    if number % POISONED == 0:
        lines.insert(number % POINTS, b'chaos,n=poison v="poison" %d' % time_ns)
    return lines


def balances(counts: Counts) -> bool:
    """Assert I1, and I5 for the spool."""
    places = counts.stored + counts.pending + counts.dead_lettered
    return (
        counts.sampled == places + counts.dropped + counts.expired
        and counts.pending_bytes <= MAX_BYTES
    )


@asynccontextmanager
async def sending(store: Store, url: str, database: str) -> AsyncIterator[None]:
    """A running sender, which stops within systemd's timeout."""
    writer = Writer(url, bucket=database, connect_s=1.0, read_s=1.0, deadline_s=1.0)
    task = asyncio.create_task(Sender(store, writer, pace=PACE).run())
    try:
        yield
    finally:
        async with asyncio.timeout(STOP_S):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await writer.close()


async def test_whatever_the_network_does(
    tmp_path: Path, influx: Influx, influx_database: str
) -> None:
    """I1, I5 and the bounds hold at every look and stop. At the end all appended lines are stored
    and equal (I2, I3), only the poisoned lines are dead (I4), and each field has one type (I6).
    """
    print(f"seed {SEED} (JMXBRIDGE_SEED)")
    async with (
        FaultProxy(influx.port, SEED, healthy=0.5) as proxy,
        await Store.open(tmp_path / "s", max_bytes=MAX_BYTES, retain_s=None) as store,
    ):
        url = f"http://127.0.0.1:{proxy.port}"
        for first in range(0, POLLS, BACKLOG):  # no sender, then a restart
            for n in range(first, first + BACKLOG // 2):
                await store.append(poll(n), time_ns=START_NS + n * 10**9, source="a")
            async with sending(store, url, influx_database):
                for n in range(first + BACKLOG // 2, first + BACKLOG):
                    await store.append(poll(n), time_ns=START_NS + n * 10**9, source="a")
                    assert balances(await store.counts())
        async with sending(store, url, influx_database), asyncio.timeout(LONG_S):
            while (counts := await store.counts()).pending or NAMES - set(proxy.done):
                assert balances(counts)
                if not counts.pending:  # until the seed has produced every fault
                    await store.append(poll(1), time_ns=START_NS, source="again")
        letters = await store.dead_letters(1000)
        counts = await store.counts()
    print(dict(proxy.done))

    assert balances(counts)
    assert counts.dropped == counts.expired == 0
    poisoned = [line for n in range(0, POLLS, POISONED) for line in poll(n) if b"poison" in line]
    assert sorted(letter.line for letter in letters) == sorted(poisoned)
    assert all(letter.reason.startswith("500: partial write") for letter in letters)

    rows = influx.query("SELECT v FROM chaos GROUP BY n", influx_database)
    stored = {(row["n"], row["time"]): row["v"] for row in rows}
    assert stored == {
        (str(n), START_NS + number * 10**9): number + n / 100
        for number in range(POLLS)
        for n in range(POINTS)
    }
    assert influx.query("SHOW FIELD KEYS FROM chaos", influx_database) == [
        {"fieldKey": "v", "fieldType": "float"}
    ]
