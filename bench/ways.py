"""Ways of points into InfluxDB, each measured until the last point is acknowledged.

Each writes to its own database. The floor POSTs bodies made before the clock starts: same lines,
same batches, same compression, one request after the other. It has no encoding, no disk and no
account; it measures influxd and one POST at a time.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.cost import Cost, Meter
from demo.servers import Influx
from jmxbridge.delivery import Delivery
from jmxbridge.influx.body import Body
from jmxbridge.influx.client import Writer
from jmxbridge.influx.encode import encode_points
from jmxbridge.influx.outcome import HttpAnswer
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.sender import Sender
from jmxbridge.influx.series import SeriesBound
from jmxbridge.point import Point
from jmxbridge.pollers.self_report import resident_bytes
from jmxbridge.store import Store

Polls = Sequence[Sequence[Point]]

BATCH = Pace().max_lines
MAX_BYTES = 16 * 1024**3
MAX_SERIES = 1_000_000
PACE = Pace(linger_s=0.0)  # no other targets' polls to wait for
LOOK_S = 0.01
TARGETS = 4  # one target's poll is frozen while another's is appended


@asynccontextmanager
async def empty_store() -> AsyncIterator[Store]:
    """Open an empty store in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="jmxbridge-bench-") as folder:
        path = Path(folder, "s.sqlite3")
        async with await Store.open(path, max_bytes=MAX_BYTES, retain_s=None) as store:
            yield store


async def drain(store: Store, writer: Writer) -> int:
    """Send everything pending; return the largest resident set seen."""
    sending = asyncio.create_task(Sender(store, writer, pace=PACE).run())
    largest = resident_bytes()
    while (await store.counts()).pending:
        largest = max(largest, resident_bytes())
        await asyncio.sleep(LOOK_S)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    return largest


def meter_of(influx: Influx, polls: Sequence[Sequence[object]]) -> Meter:
    """Return a meter of this process and of influxd; `mbean_us` is the CPU of one point."""
    return Meter(influx.process.pid, sum(map(len, polls)))


async def bare(influx: Influx, polls: Polls) -> Cost:
    """POST the prepared bodies: the floor."""
    lines = [line for points in polls for line in encode_points(points)]
    bodies = [Body.of(lines[start : start + BATCH]) for start in range(0, len(lines), BATCH)]
    assert all(body.packed for body in bodies)
    writer = Writer(influx.url, bucket=influx.create_database())
    meter = meter_of(influx, polls)
    meter.start()
    for body in bodies:
        outcome = await writer.write(body)
        assert isinstance(outcome, HttpAnswer)
        assert outcome.status == 204
    meter.stop(len(lines))
    await writer.close()
    return meter.cost()


async def in_turn(influx: Influx, polls: Polls) -> tuple[Cost, Cost]:
    """Freeze and append every poll, then drain the spool."""
    filling, draining = meter_of(influx, polls), meter_of(influx, polls)
    async with empty_store() as store:
        writer = Writer(influx.url, bucket=influx.create_database())
        filling.start()
        for number, points in enumerate(polls):
            await store.append(encode_points(points), time_ns=number, source="bench")
        filling.stop(0)
        draining.start()
        await drain(store, writer)
        draining.stop(0)
        await writer.close()
    return filling.cost(), draining.cost()


async def as_run(influx: Influx, polls: Polls) -> Cost:
    """Store the polls of several targets while the sender sends, as `run` does."""
    count = sum(map(len, polls))
    waiting = iter(polls)
    meter = meter_of(influx, polls)
    async with empty_store() as store:
        writer = Writer(influx.url, bucket=influx.create_database())
        sender = Sender(store, writer, pace=PACE)
        delivery = Delivery(store, SeriesBound(MAX_SERIES))
        meter.start()
        sending = asyncio.create_task(sender.run())

        async def target() -> None:
            for points in waiting:
                await delivery.put(points, time_ns=points[0].time_ns, source="bench")

        await asyncio.gather(*(target() for _ in range(TARGETS)))
        while sender.status.stored < count:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(LOOK_S)
        meter.stop(count)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await writer.close()
    return meter.cost()


def client(influx: Influx, polls: Sequence[Sequence[Any]]) -> Cost:
    """Write with influxdb-client's batching writer and close it; it keeps all in memory.

    `polls` are encoded lines or dicts.
    """
    from influxdb_client.client.influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import WriteOptions

    database = influx.create_database()
    meter = meter_of(influx, polls)
    meter.start()
    with (
        InfluxDBClient(influx.url, token="-", org="-", enable_gzip=True) as connection,  # noqa: S106
        connection.write_api(WriteOptions(batch_size=BATCH)) as writer,
    ):
        for records in polls:
            writer.write(bucket=database, record=records)
    meter.stop(0)
    return meter.cost()


def as_dicts(points: Sequence[Point]) -> list[dict[str, object]]:
    """Return points as the dicts that influxdb-client accepts."""
    return [
        {"measurement": p.measurement, "tags": p.tags, "fields": p.fields, "time": p.time_ns}
        for p in points
    ]
