"""What the way to InfluxDB costs: points per second, CPU of an append, memory after an outage.

In turns, several times over, each into a database of its own on one real InfluxDB 1.8:

- bare: the same compressed bodies, posted one after the other, and nothing else: the floor;
- ours: the spool drained, every line booked;
- poll: points encoded, appended poll by poll, drained: all that `run` does after reading;
- client: influxdb-client's batching writer, with our batch size, given lines that are encoded
  already, and closed; it keeps them in memory until then.

Then a poll of a real JVM with MBEANS MBeans of six attributes, from JMX to frozen lines, and its
append. Then an outage: LINES in the spool, drained while the resident set is watched
(LINES=10000000 in the environment is the full one, three minutes). The last line printed is JSON.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from demo.servers import Influx, Jvm
from jmxbridge.delivery import freeze, resident_bytes
from jmxbridge.influx.body import Body
from jmxbridge.influx.client import Writer
from jmxbridge.influx.line_protocol import encode
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.sender import Sender
from jmxbridge.influx.verdict import Answer
from jmxbridge.jmx import ObjectName
from jmxbridge.mbeans.rule import Field, FieldType, Rule
from jmxbridge.point import Point
from jmxbridge.service.grid import Tick
from jmxbridge.store import Store
from jmxbridge.targets.backoff import Backoff
from jmxbridge.targets.rmi import RmiTransport
from jmxbridge.targets.target import Target

LINES = int(os.environ.get("LINES", "1000000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
MBEANS = int(os.environ.get("MBEANS", "2000"))
POLLS = 100
POINTS = 1000  # of a poll: a large broker's
BATCH = 5000
START_S = 1_700_000_000
MAX_BYTES = 16 * 1024**3
PACE = Pace(max_lines=BATCH, linger_s=0.0)
LOOK_S = 0.01
MANY = Path(__file__).parent / "Many.java"
JVM_POLLS, WARM_UPS = 25, 3  # shapes are learned by the first polls
INTERVAL_NS = 10 * 10**9
MB = 1024 * 1024


def poll(number: int) -> list[Point]:
    """One poll: counters and rates of a thousand topics."""
    return [
        Point(
            "kafka_broker_topic",
            {"cluster": "prod", "target": f"broker-{n % 12}", "topic": f"orders-{n}"},
            {
                "bytes_in_total": number * 1000 + n,
                "bytes_in_rate": number * 1.37 + n / 7,
                "messages_in_total": number * 10 + n,
                "messages_in_rate": number / 3 + n,
            },
            (START_S + number * 10) * 10**9,
        )
        for n in range(POINTS)
    ]


async def open_store(folder: str) -> Store:
    """An empty store in a folder."""
    return await Store.open(Path(folder) / "s.sqlite3", max_bytes=MAX_BYTES, retain_s=None)


async def drain(store: Store, writer: Writer) -> int:
    """Send all that waits; the largest resident set seen."""
    sending = asyncio.create_task(Sender(store, writer, pace=PACE).run())
    largest = resident_bytes()
    while (await store.counts()).pending:
        largest = max(largest, resident_bytes())
        await asyncio.sleep(LOOK_S)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    return largest


async def bare(influx: Influx, polls: Sequence[Sequence[Point]]) -> float:
    """Seconds for the same bodies, made before."""
    lines = [encode(point) for points in polls for point in points]
    bodies = [Body.of(lines[at : at + BATCH]) for at in range(0, len(lines), BATCH)]
    packed = sum(len(body.packed) for body in bodies)
    assert packed
    writer = Writer(influx.url, bucket=influx.create_database())
    began_s = time.perf_counter()
    for body in bodies:
        outcome = await writer.write(body)
        assert isinstance(outcome, Answer)
        assert outcome.status == 204
    return time.perf_counter() - began_s


async def ours(influx: Influx, polls: Sequence[Sequence[Point]]) -> tuple[float, float, float]:
    """Seconds to drain, seconds from points to drained, append's share of that CPU."""
    with tempfile.TemporaryDirectory(prefix="jmxbridge-bench-") as folder:
        async with await open_store(folder) as store:
            writer = Writer(influx.url, bucket=influx.create_database())
            append_s = 0.0
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            for number, points in enumerate(polls):
                lines = [encode(point) for point in points]
                before_s = time.process_time()
                await store.append(lines, time_ns=number, source="bench")
                append_s += time.process_time() - before_s
            cpu_s = time.process_time() - began_cpu_s
            drain_s = time.perf_counter()
            await drain(store, writer)
            ended_s = time.perf_counter()
            await writer.close()
            return ended_s - drain_s, ended_s - began_s, append_s / cpu_s


def client(influx: Influx, polls: Sequence[Sequence[Point]]) -> float:
    """Seconds of influxdb-client's batching writer for the same lines, until it is closed."""
    from influxdb_client.client.influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import WriteOptions

    lines = [[encode(point).decode() for point in points] for points in polls]
    database = influx.create_database()
    began_s = time.perf_counter()
    with (
        InfluxDBClient(influx.url, token="-", org="-", enable_gzip=True) as connection,  # noqa: S106
        connection.write_api(WriteOptions(batch_size=BATCH)) as writer,
    ):
        for of_poll in lines:
            writer.write(bucket=database, record=of_poll)
    return time.perf_counter() - began_s


def rule() -> Rule:
    """All of Many.java: every key property a tag, every attribute a field."""
    keys = ("topic", "partition")
    kinds = {"Name": FieldType.STRING, "Count": FieldType.INT, "Ok": FieldType.BOOL}
    names = ("Value", "Rate", "Name", "Count", "Ok", "Nan")
    fields = [Field(each, (), each.lower(), kinds.get(each, FieldType.FLOAT)) for each in names]
    bean = ObjectName.parse("kafka.log:type=Log,topic=*,partition=*,*")
    return Rule("bench", (bean,), "bench", {key: key for key in keys}, tuple(fields))


async def append_beside_poll(port: int) -> dict[str, float]:
    """CPU of a poll of a JVM until its lines are frozen, and of their append; medians."""
    with tempfile.TemporaryDirectory(prefix="jmxbridge-bench-") as folder:
        target = Target(
            "bench",
            transport=RmiTransport("127.0.0.1", port, clock_s=time.monotonic),
            rules=[rule()],
            tags={"cluster": "bench"},
            interval_ns=INTERVAL_NS,
            deadline_s=60.0,
            backoff=Backoff(0.0, lambda: 0.0),
        )
        rounds = []
        async with await open_store(folder) as store:
            for number in range(WARM_UPS + JVM_POLLS):
                began_s = time.process_time()
                lines = freeze(await target.poll(Tick(number * INTERVAL_NS, 0)))
                frozen_s = time.process_time()
                await store.append(lines, time_ns=number * INTERVAL_NS, source="bench")
                rounds.append((frozen_s - began_s, time.process_time() - frozen_s))
                assert len(lines) > MBEANS
        await target.close()
    polls, appends = zip(*rounds[WARM_UPS:], strict=True)
    poll_s, append_s = statistics.median(polls), statistics.median(appends)
    return {
        "jvm_poll_cpu_ms": round(poll_s * 1000, 2),
        "jvm_append_cpu_ms": round(append_s * 1000, 2),
        "append_share_of_poll": round(append_s / (poll_s + append_s), 3),
    }


async def outage(influx: Influx) -> dict[str, float]:
    """Fill the spool with LINES, as an outage does, and drain it."""
    with tempfile.TemporaryDirectory(prefix="jmxbridge-bench-") as folder:
        async with await open_store(folder) as store:
            for number in range(LINES // POINTS):
                at = (START_S + number) * 10**9
                lines = [b"outage,n=%d v=%d.5,total=%di %d" % (n, n, n, at) for n in range(POINTS)]
                await store.append(lines, time_ns=at, source="bench")
            writer = Writer(influx.url, bucket=influx.create_database())
            before = resident_bytes()
            began_s = time.perf_counter()
            largest = await drain(store, writer)
            took_s = time.perf_counter() - began_s
            await writer.close()
            file_mb = store.path.stat().st_size / MB
    return {
        "outage_lines": LINES,
        "outage_drain_lines_per_s": round(LINES / took_s),
        "outage_rss_growth_mb": round((largest - before) / MB, 1),
        "outage_file_mb_after": round(file_mb, 1),
    }


async def measure(influx: Influx, jmx_port: int) -> dict[str, float]:
    """All figures; medians over the rounds, ratios taken within a round."""
    polls = [poll(number) for number in range(POLLS)]
    count = POLLS * POINTS
    await bare(influx, polls[:10])  # imports and first connections belong to nobody
    rounds = []
    for number in range(ROUNDS):
        bare_s = await bare(influx, polls)
        drain_s, poll_s, share = await ours(influx, polls)
        client_s = await asyncio.to_thread(client, influx, polls)
        rounds.append((bare_s, drain_s, poll_s, client_s, share))
        print(
            f"round {number}: bare {count / bare_s:9,.0f}/s  ours {count / drain_s:9,.0f}/s"
            f"  poll to 204 {count / poll_s:9,.0f}/s  client {count / client_s:9,.0f}/s",
            flush=True,
        )
    middle = [statistics.median(column) for column in zip(*rounds, strict=True)]
    return {
        "bare_points_per_s": round(count / middle[0]),
        "drain_points_per_s": round(count / middle[1]),
        "poll_to_204_points_per_s": round(count / middle[2]),
        "client_points_per_s": round(count / middle[3]),
        "drain_of_bare": round(statistics.median(r[0] / r[1] for r in rounds), 3),
        "append_share_of_encode_and_append": round(middle[4], 3),
        **await append_beside_poll(jmx_port),
        **await outage(influx),
    }


def main() -> None:
    """Run the benchmark."""
    with Influx() as influx, Jvm(MANY, str(MBEANS)) as jvm:
        print(json.dumps(asyncio.run(measure(influx, jvm.jmx_port))))


if __name__ == "__main__":
    main()
