"""Store, sender and writer against a real InfluxDB 1.8: appended lines arrive in order."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from demo.servers import Influx
from jmxbridge.influx.client import Writer
from jmxbridge.influx.line_protocol import encode
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.sender import Sender, SenderState
from jmxbridge.point import Point
from jmxbridge.store import Counts, Store

pytestmark = pytest.mark.real

LONG_S = 120.0  # limit for a wait in a test
BRISK = Pace(linger_s=0.01, retry_first_s=0.05, retry_longest_s=0.2, hold_first_s=0.05)
SECOND = 10**9
START = 1_700_000_000 * SECOND


def poll(number: int, *, points: int = 20) -> list[bytes]:
    """Return one poll's lines: the n-th value of several entities at one instant."""
    time_ns = START + number * SECOND
    return [
        encode(Point("delivery", {"entity": str(n)}, {"v": float(number)}, time_ns))
        for n in range(points)
    ]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    path = tmp_path / "local.sqlite3"
    async with await Store.open(path, max_bytes=1024**3, retain_s=None) as store:
        yield store


@pytest.fixture
def own_influx(tmp_path: Path) -> Iterator[Influx]:
    """A server that the test may stop; not started yet."""
    server = Influx(tmp_path / "influx")
    yield server
    server.close()


@asynccontextmanager
async def sending(store: Store, url: str, database: str) -> AsyncIterator[Sender]:
    """A sender that runs during a block."""
    writer = Writer(url, bucket=database)
    sender = Sender(store, writer, pace=BRISK)
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await writer.close()


async def drained(store: Store) -> Counts:
    """Wait until no line is pending; return the account."""
    async with asyncio.timeout(LONG_S):
        while (counts := await store.counts()).pending:
            pass
    return counts


async def in_state(store: Store, sender: Sender, state: SenderState) -> None:
    """Wait until the sender is in a state."""
    async with asyncio.timeout(LONG_S):
        while sender.status.state is not state:
            await store.counts()


def values(influx: Influx, database: str, entity: int) -> list[float]:
    """Return InfluxDB's values of one entity, oldest first."""
    rows = influx.query(f"SELECT v FROM delivery WHERE entity = '{entity}'", database)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    return [row["v"] for row in rows]


async def test_polls_appended_during_sending_arrive(
    store: Store, influx: Influx, influx_database: str
) -> None:
    """Polls appended while the sender runs arrive with their values and times."""
    async with sending(store, influx.url, influx_database):
        for number in range(50):
            await store.append(poll(number), time_ns=number, source="a")
        counts = await drained(store)

    assert (counts.sampled, counts.stored) == (1000, 1000)
    for entity in range(20):
        assert values(influx, influx_database, entity) == [float(n) for n in range(50)]


async def test_a_refused_line_is_a_dead_letter_and_the_others_arrive(
    store: Store, influx: Influx, influx_database: str
) -> None:
    """The dead letter has InfluxDB's message: field, its type and the stored type."""
    await store.append(poll(0), time_ns=START, source="broker-1")
    async with sending(store, influx.url, influx_database):
        await drained(store)
        lines = poll(1)
        lines[7] = b"delivery,entity=7 v=1i %d" % (START + SECOND)
        lines.insert(3, b"delivery,entity= v=1.0")
        await store.append(lines, time_ns=START + SECOND, source="broker-1")
        counts = await drained(store)

    assert (counts.stored, counts.dead_lettered) == (39, 2)
    malformed, conflict = sorted(await store.dead_letters(10), key=lambda letter: letter.id)
    assert malformed.line == b"delivery,entity= v=1.0"
    assert "missing tag value" in malformed.reason
    assert conflict.line == lines[8]
    assert 'input field "v" on measurement "delivery" is type integer' in conflict.reason
    assert "already exists as type float" in conflict.reason
    assert "declare `type: float` for field v of measurement delivery" in conflict.reason
    assert conflict.source == "broker-1"
    for entity in range(20):
        assert values(influx, influx_database, entity) == ([0.0] if entity == 7 else [0.0, 1.0])


async def test_a_server_that_is_down_at_the_start_and_in_the_middle(
    store: Store, own_influx: Influx
) -> None:
    """Nothing is lost, order is kept, and the status names the trouble."""
    order: list[int] = []
    async with sending(store, own_influx.url, "kafka") as sender:
        for number in range(10):
            await store.append(poll(number), time_ns=number, source="a")
        await in_state(store, sender, SenderState.RETRYING)
        assert "connection refused" in sender.status.text

        own_influx.start()
        await in_state(store, sender, SenderState.HOLDING)
        assert 'database not found: "kafka"' in sender.status.text
        own_influx.create_database("kafka")
        await drained(store)
        order += [len(values(own_influx, "kafka", 0))]

        own_influx.kill()
        for number in range(10, 20):
            await store.append(poll(number), time_ns=number, source="a")
        await in_state(store, sender, SenderState.RETRYING)
        own_influx.start()
        counts = await drained(store)
        await in_state(store, sender, SenderState.IDLE)

    assert order == [10]
    assert (counts.sampled, counts.stored, counts.dead_lettered, counts.dropped) == (400, 400, 0, 0)
    for entity in range(20):
        assert values(own_influx, "kafka", entity) == [float(n) for n in range(20)]


async def test_a_frozen_server_does_not_hold_up_the_stop(store: Store, own_influx: Influx) -> None:
    """A server that accepts bytes and never answers: the sender stops at once, the lines stay."""
    own_influx.start()
    own_influx.create_database("kafka")
    async with sending(store, own_influx.url, "kafka") as sender:
        await store.append(poll(0), time_ns=0, source="a")
        await drained(store)
        await in_state(store, sender, SenderState.IDLE)
        own_influx.process.pause()
        await store.append(poll(1), time_ns=1, source="a")
        await in_state(store, sender, SenderState.SENDING)
    own_influx.process.resume()
    assert (await store.counts()).pending == 20

    async with sending(store, own_influx.url, "kafka"):
        await drained(store)

    assert values(own_influx, "kafka", 19) == [0.0, 1.0]


async def test_a_batch_outside_retention_ends_in_the_dead_letters(
    store: Store, influx: Influx, influx_database: str
) -> None:
    """Thousands of lines older than the retention cost a few requests and delay no other line."""
    influx.query(f'CREATE RETENTION POLICY hour ON "{influx_database}" DURATION 1h REPLICATION 1')
    for number in range(10):
        await store.append(poll(number, points=1000), time_ns=number, source="a")

    async with sending(store, influx.url, f"{influx_database}/hour") as sender:
        counts = await drained(store)

    assert (counts.dead_lettered, counts.stored) == (10_000, 0)
    assert sender.status.requests == 2
    (letter,) = await store.dead_letters(1)
    assert "beyond retention policy" in letter.reason
