"""Cost of delivery to InfluxDB: points per second, CPU of an append, memory after an outage.

Each round writes POLLS polls of a thousand points to one real InfluxDB 1.8, once by each way of
`bench.ways`:

- bare: POST the same compressed bodies one after the other, nothing else: the floor;
- run: like `jmxbridge run`, freeze and append polls of four targets while the sender sends;
- in turn: freeze and append everything, then drain; `drain` is the second half alone;
- client: influxdb-client's batching writer with our batch size, given encoded lines or dicts; it
  keeps them in memory until it is closed.

Ratios are taken within a round; CPU is per point, of this process and of influxd.

Next: a poll of a real JVM with MBEANS MBeans of six attributes, from JMX to frozen lines, and its
append. Last: an outage, LINES in the spool, drained while the resident set is watched
(LINES=10000000 in the environment is the full one, three minutes). The last output line is JSON.
"""

import asyncio
import json
import os
import statistics
import time
from pathlib import Path

from bench.ways import Polls, as_dicts, as_run, bare, client, drain, empty_store, in_turn
from demo.servers import Influx, Jvm
from jmxbridge.influx.client import Writer
from jmxbridge.influx.encode import encode_points
from jmxbridge.jmx import ObjectName
from jmxbridge.mbeans.points import PointMaker
from jmxbridge.mbeans.rule import Field, FieldType, Rule
from jmxbridge.point import KeptTags, Point
from jmxbridge.pollers.backoff import Backoff
from jmxbridge.pollers.schedule import RuleSchedule, Tick
from jmxbridge.pollers.self_report import resident_bytes
from jmxbridge.pollers.target import Target
from jmxbridge.service.garbage import collect_seldom
from jmxbridge.transports.rmi import RmiTransport

LINES = int(os.environ.get("LINES", "1000000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
MBEANS = int(os.environ.get("MBEANS", "2000"))
POLLS = int(os.environ.get("POLLS", "200"))
POINTS = 1000  # a poll of a large broker
START_S = 1_700_000_000
MANY = Path(__file__).parent / "Many.java"
JVM_POLLS, WARM_UPS = 25, 3  # the first polls learn reply templates
INTERVAL_NS = 10 * 10**9
MB = 1024 * 1024
TAGS = [  # reused from poll to poll, like those of a target
    KeptTags({"cluster": "prod", "target": f"broker-{n % 12}", "topic": f"orders-{n}"})
    for n in range(POINTS)
]


def poll(number: int) -> list[Point]:
    """Return one poll: counters and rates of a thousand topics."""
    return [
        Point(
            "kafka_broker_topic",
            tags,
            {
                "bytes_in_total": number * 1000 + n,
                "bytes_in_rate": number * 1.37 + n / 7,
                "messages_in_total": number * 10 + n,
                "messages_in_rate": number / 3 + n,
            },
            (START_S + number * 10) * 10**9,
        )
        for n, tags in enumerate(TAGS)
    ]


def rule() -> Rule:
    """Return a rule for all of Many.java: key properties as tags, attributes as fields."""
    keys = ("topic", "partition")
    kinds = {"Name": FieldType.STRING, "Count": FieldType.INT, "Ok": FieldType.BOOL}
    names = ("Value", "Rate", "Name", "Count", "Ok", "Nan")
    fields = [Field(name, (), name.lower(), kinds.get(name, FieldType.FLOAT)) for name in names]
    bean = ObjectName.parse("kafka.log:type=Log,topic=*,partition=*,*")
    return Rule("bench", (bean,), "bench", {key: key for key in keys}, tuple(fields))


async def append_of_poll(port: int) -> dict[str, float]:
    """Return the median CPU of a JVM poll up to its frozen lines, and of their append."""
    target = Target(
        "bench",
        transport=RmiTransport("127.0.0.1", port, clock_s=time.monotonic),
        rules=RuleSchedule([rule()], INTERVAL_NS),
        point_maker=PointMaker({"cluster": "bench", "target": "bench"}),
        deadline_s=60.0,
        backoff=Backoff(0.0, lambda: 0.0),
    )
    rounds = []
    async with empty_store() as store:
        for number in range(WARM_UPS + JVM_POLLS):
            began_s = time.process_time()
            lines = encode_points(await target.poll(Tick(number * INTERVAL_NS, 0)))
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
    """Fill the spool with LINES, as an outage would, and drain it."""
    async with empty_store() as store:
        for number in range(LINES // POINTS):
            time_ns = (START_S + number) * 10**9
            lines = [b"outage,n=%d v=%d.5,total=%di %d" % (n, n, n, time_ns) for n in range(POINTS)]
            await store.append(lines, time_ns=time_ns, source="bench")
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


async def turn(influx: Influx, polls: Polls) -> dict[str, float]:
    """Run each way once; return points per second, ratios to the floor, CPU per point."""
    count = sum(map(len, polls))
    lines = [[line.decode() for line in encode_points(points)] for points in polls]
    dicts = [as_dicts(points) for points in polls]
    costs = {"bare": await bare(influx, polls), "run": await as_run(influx, polls)}
    filled, costs["drain"] = await in_turn(influx, polls)
    costs["client_lines"] = await asyncio.to_thread(client, influx, lines)
    costs["client_dicts"] = await asyncio.to_thread(client, influx, dicts)
    wall_s = {name: cost.wall_s for name, cost in costs.items()}
    wall_s["in_turn"] = filled.wall_s + wall_s["drain"]
    return {
        **{f"{name}_points_per_s": count / seconds for name, seconds in wall_s.items()},
        **{f"{name}_of_bare": wall_s["bare"] / seconds for name, seconds in wall_s.items()},
        **{f"{name}_cpu_us": cost.mbean_us for name, cost in costs.items()},
        **{
            f"{name}_influxd_cpu_us": cost.target_cpu_s / count * 1e6
            for name, cost in costs.items()
        },
    }


async def measure(influx: Influx, jmx_port: int) -> dict[str, float]:
    """Return all figures, as medians over the rounds."""
    polls = [poll(number) for number in range(POLLS)]
    await bare(influx, polls[:10])  # imports and first connections are not measured
    collect_seldom()  # as `run` does, and for all ways alike
    rounds = []
    for number in range(ROUNDS):
        rounds.append(await turn(influx, polls))
        shown = [f"{name} {value:.2f}" for name, value in rounds[-1].items() if "_of_" in name]
        print(f"turn {number}: {', '.join(shown)}", flush=True)
    medians = {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}
    return {
        **{
            name: round(value, None if name.endswith("_s") else 3)
            for name, value in medians.items()
        },
        **await append_of_poll(jmx_port),
        **await outage(influx),
    }


def main() -> None:
    """Run the benchmark."""
    with Influx() as influx, Jvm(MANY, str(MBEANS)) as jvm:
        print(json.dumps(asyncio.run(measure(influx, jvm.jmx_port))))


if __name__ == "__main__":
    main()
