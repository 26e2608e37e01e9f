"""One poll of 2,000 MBeans of six attributes: our client beside jmxquery, in one run.

On loopback and at a round trip of 10 ms. CPU is that of the poller, with its children, for
jmxquery starts a JVM per query; the proxy and the polled JVM are not in it. Printed: a table, and
as the last line JSON. MBEANS in the environment changes the number; jmxquery takes two minutes at
10 ms, because it asks for one attribute after the other.
"""

import asyncio
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from jmxquery import JMXConnection, JMXQuery

from bench.delay import Delay
from demo.servers import Jvm, free_port
from jmxbridge.jmx import Connection, ObjectName, RemoteException, connect

MBEANS = int(os.environ.get("MBEANS", "2000"))
ATTRIBUTES = ("Value", "Rate", "Name", "Count", "Ok", "Nan")
PATTERN = "kafka.log:*"
SOURCE = Path(__file__).with_name("Many.java")
# The address that the far JVM advertises: 127.0.0.1 is taken by the JVM itself.
FAR_HOST = "127.0.0.2"
RTT_MS = 10
JMXQUERY_S = 1200
POLLS = {"ours": 7, "jmxquery": 3}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a poll took: CPU of the poller and wall time, each the median and the least."""

    values: int
    cpu_s: float
    cpu_s_min: float
    wall_s: float
    wall_s_min: float
    round_trips: int | None


def cpu_s() -> float:
    """CPU of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Meter:
    """Takes the time and the CPU of polls, which return how many values they got."""

    def __init__(self) -> None:
        self._cpu: list[float] = []
        self._wall: list[float] = []
        self._values = 0
        self._began = (0.0, 0.0)

    def start(self) -> None:
        self._began = (cpu_s(), time.perf_counter())

    def stop(self, values: int) -> None:
        self._cpu.append(cpu_s() - self._began[0])
        self._wall.append(time.perf_counter() - self._began[1])
        self._values = values

    def cost(self, round_trips: int | None) -> Cost:
        return Cost(
            self._values,
            statistics.median(self._cpu),
            min(self._cpu),
            statistics.median(self._wall),
            min(self._wall),
            round_trips,
        )


async def ours(host: str, port: int, polls: int) -> Cost:
    """Poll over one kept connection, names known, as the bridge does."""
    meter = Meter()
    async with await connect(host, port, timeout_s=60) as connection:
        names = await connection.query_names(ObjectName.parse(PATTERN))
        wanted = [(name, ATTRIBUTES) for name in names]
        await poll(connection, wanted)  # the JVM compiles, we learn its classes
        before = connection.traffic.round_trips
        for _ in range(polls):
            meter.start()
            meter.stop(await poll(connection, wanted))
        return meter.cost((connection.traffic.round_trips - before) // polls)


async def poll(connection: Connection, wanted: Sequence[tuple[ObjectName, Sequence[str]]]) -> int:
    """Read all; return the number of values."""
    answers = await connection.get_many(wanted)
    return sum(len(a) for a in answers if not isinstance(a, RemoteException))


def jmxquerys(host: str, port: int, polls: int) -> Cost:
    """Poll by one query for the pattern, each in a JVM of its own."""
    url = f"service:jmx:rmi:///jndi/rmi://{host}:{port}/jmxrmi"
    connection, meter = JMXConnection(url), Meter()
    for _ in range(polls):
        meter.start()
        meter.stop(len(connection.query([JMXQuery(PATTERN)], timeout=JMXQUERY_S)))
    return meter.cost(None)


def measure(one_way_ms: float) -> dict[str, Cost]:
    """Start a JVM, near or far, and poll it both ways."""
    host = FAR_HOST if one_way_ms else "127.0.0.1"
    options = [f"-Djava.rmi.server.hostname={host}"]
    with ExitStack() as stack:
        port = free_port()
        stack.enter_context(Jvm(SOURCE, str(MBEANS), jmx_port=port, jvm_options=options))
        if one_way_ms:
            stack.enter_context(Delay(host, port, one_way_ms))
        return {
            "ours": asyncio.run(ours(host, port, POLLS["ours"])),
            "jmxquery": jmxquerys(host, port, 1 if one_way_ms else POLLS["jmxquery"]),
        }


def row(rtt_ms: float, name: str, cost: Cost) -> str:
    """Return one line of the table."""
    trips = "-" if cost.round_trips is None else str(cost.round_trips)
    return (
        f"{rtt_ms:6.0f}  {name:<9} {cost.values:7d} {cost.cpu_s_min:8.3f} {cost.cpu_s:8.3f}"
        f" {cost.wall_s_min:8.3f} {cost.wall_s:8.3f} {trips:>6}"
    )


def ratio(costs: dict[str, Cost], of: Callable[[Cost], float]) -> float:
    """Return how many times more jmxquery takes."""
    return round(of(costs["jmxquery"]) / of(costs["ours"]), 1)


def main() -> None:
    """Run the benchmark."""
    write = sys.stdout.write
    write(f"{MBEANS} MBeans x {len(ATTRIBUTES)} attributes; seconds, least and median\n")
    write("rtt ms  poller     values  cpu min  cpu med wall min wall med  trips\n")
    result: dict[str, object] = {"mbeans": MBEANS, "attributes": len(ATTRIBUTES)}
    for rtt_ms in (0, RTT_MS):
        costs = measure(rtt_ms / 2)
        for name, cost in costs.items():
            write(row(rtt_ms, name, cost) + "\n")
        result[f"rtt_{rtt_ms}_ms"] = {
            **{name: asdict(cost) for name, cost in costs.items()},
            "cpu_ratio": ratio(costs, lambda cost: cost.cpu_s),
            "wall_ratio": ratio(costs, lambda cost: cost.wall_s),
        }
    write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
