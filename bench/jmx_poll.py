"""One poll of 2,000 MBeans of six attributes: our client beside Java's own and jmxquery.

On loopback and at round trips of 1 and 10 ms, in one run. Java's client is kept open and knows its
names (JavaClient.java). CPU is that of the poller, with its children, for jmxquery starts a JVM per
query, and beside it that of the polled JVM; the proxy is in neither. Printed: a table, and as the
last line JSON. In the environment MBEANS changes the number, POLLERS (`ours,java,jmxquery`) and
RTTS (`0,1,10`) what is run; jmxquery takes minutes at 10 ms, for it asks for one attribute after
the other.
"""

import asyncio
import json
import os
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
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
RTTS_MS = [float(rtt) for rtt in os.environ.get("RTTS", "0,1,10").split(",")]
POLLERS = os.environ.get("POLLERS", "ours,java,jmxquery").split(",")
JMXQUERY_S = 1200
CLIENT = Path(__file__).with_name("JavaClient.java")
# Up to a millisecond: enough for a median. Further: what takes most of a minute is done once.
POLLS = {"ours": (15, 7), "java": (7, 1), "jmxquery": (3, 1)}
NEAR_MS = 1
WARM_UPS = 3  # polls that are not counted: the JVMs compile, we learn shapes


@dataclass(frozen=True, slots=True)
class Cost:
    """What a poll took: CPU of poller and target, and wall time; medians, and the least.

    `bytes` are those received, `mbean_us` is the poller's CPU for one MBean.
    """

    values: int
    cpu_s: float
    cpu_s_min: float
    wall_s: float
    wall_s_min: float
    target_cpu_s: float
    rss_mb: float | None
    mbean_us: float
    round_trips: int | None = None
    bytes: int | None = None


def process_cpu_s(pid: int) -> float:
    """CPU that another process has taken (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int | str) -> float:
    """Memory that a process has now."""
    (line,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return round(int(line) / 1024, 1)


def cpu_s() -> float:
    """CPU of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Meter:
    """Takes the time and the CPU of polls, which return how many values they got."""

    def __init__(self, target: Jvm, cpu: Callable[[], float] = cpu_s) -> None:
        self._target = target.process.pid
        self._cpu_s = cpu
        self._target_began = 0.0
        self._polls = 0
        self._cpu: list[float] = []
        self._wall: list[float] = []
        self._values = 0
        self._began = (0.0, 0.0)

    def start(self) -> None:
        if not self._polls:
            self._target_began = process_cpu_s(self._target)
        self._polls += 1
        self._began = (self._cpu_s(), time.perf_counter())

    def stop(self, values: int) -> None:
        self._cpu.append(self._cpu_s() - self._began[0])
        self._wall.append(time.perf_counter() - self._began[1])
        self._values = values

    def cost(self, memory_mb: float | None) -> Cost:
        return Cost(
            self._values,
            statistics.median(self._cpu),
            min(self._cpu),
            statistics.median(self._wall),
            min(self._wall),
            (process_cpu_s(self._target) - self._target_began) / self._polls,
            memory_mb,
            statistics.median(self._cpu) / MBEANS * 1e6,
        )


async def ours(host: str, target: Jvm, polls: int) -> Cost:
    """Poll over one kept connection, names known, as the bridge does."""
    meter, port = Meter(target), target.jmx_port
    async with await connect(host, port, timeout_s=60) as connection:
        names = await connection.query_names(ObjectName.parse(PATTERN))
        wanted = [(name, ATTRIBUTES) for name in names]
        for _ in range(WARM_UPS):
            await poll(connection, wanted)
        before = connection.traffic
        for _ in range(polls):
            meter.start()
            meter.stop(await poll(connection, wanted))
        after = connection.traffic
        return replace(
            meter.cost(rss_mb("self")),
            round_trips=(after.round_trips - before.round_trips) // polls,
            bytes=(after.bytes_received - before.bytes_received) // polls,
        )


async def poll(connection: Connection, wanted: Sequence[tuple[ObjectName, Sequence[str]]]) -> int:
    """Read all; return the number of values."""
    answers = await connection.get_many(wanted)
    return sum(len(a) for a in answers if not isinstance(a, RemoteException))


def service_url(host: str, target: Jvm) -> str:
    """Return the address in Java's words."""
    return f"service:jmx:rmi:///jndi/rmi://{host}:{target.jmx_port}/jmxrmi"


def java(host: str, target: Jvm, polls: int) -> Cost:
    """Poll by Java's own client, kept open, names known."""
    arguments = (service_url(host, target), PATTERN, ",".join(ATTRIBUTES))
    # Not the small JVM of the targets: this one may compile as it likes.
    with Jvm(CLIENT, *arguments, jvm_options=["-XX:TieredStopAtLevel=4"]) as client:
        used = 0.0
        for _ in range(WARM_UPS if polls > 1 else 1):
            used = float(client.ask("poll", timeout_s=JMXQUERY_S).split()[1])
        meter = Meter(target, lambda: used)
        for _ in range(polls):
            meter.start()
            values, seconds = client.ask("poll", timeout_s=JMXQUERY_S).split()
            used = float(seconds)
            meter.stop(int(values))
        cost = meter.cost(rss_mb(client.process.pid))
        return replace(cost, round_trips=MBEANS)  # it waits for each answer


def jmxquerys(host: str, target: Jvm, polls: int) -> Cost:
    """Poll by one query for the pattern, each in a JVM of its own."""
    connection, meter = JMXConnection(service_url(host, target)), Meter(target)
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
        target = stack.enter_context(Jvm(SOURCE, str(MBEANS), jmx_port=port, jvm_options=options))
        if one_way_ms:
            stack.enter_context(Delay(host, port, one_way_ms))
        polls = {name: POLLS[name][one_way_ms > NEAR_MS / 2] for name in POLLERS}
        run: dict[str, Callable[[int], Cost]] = {
            "ours": lambda count: asyncio.run(ours(host, target, count)),
            "java": lambda count: java(host, target, count),
            "jmxquery": lambda count: jmxquerys(host, target, count),
        }
        return {name: run[name](count) for name, count in polls.items()}


def row(rtt_ms: float, name: str, cost: Cost) -> str:
    """Return one line of the table."""
    trips = "-" if cost.round_trips is None else str(cost.round_trips)
    return (
        f"{rtt_ms:6.0f}  {name:<9} {cost.values:7d} {cost.cpu_s_min:8.3f} {cost.cpu_s:8.3f}"
        f" {cost.wall_s_min:8.3f} {cost.wall_s:8.3f} {trips:>6} {cost.target_cpu_s:8.3f}"
        f" {cost.mbean_us:8.1f} {cost.rss_mb or '-':>6}"
    )


def ratios(costs: dict[str, Cost], of: Callable[[Cost], float]) -> dict[str, float]:
    """Return how many times more the others take."""
    return {
        name: round(of(cost) / of(costs["ours"]), 1)
        for name, cost in costs.items()
        if name != "ours"
    }


def main() -> None:
    """Run the benchmark."""
    write = sys.stdout.write
    write(f"{MBEANS} MBeans x {len(ATTRIBUTES)} attributes; seconds, least and median\n")
    write(
        "rtt ms  poller     values  cpu min  cpu med wall min wall med  trips"
        "  its cpu us/mbean rss MB\n"
    )
    result: dict[str, object] = {"mbeans": MBEANS, "attributes": len(ATTRIBUTES)}
    for rtt_ms in RTTS_MS:
        costs = measure(rtt_ms / 2)
        for name, cost in costs.items():
            write(row(rtt_ms, name, cost) + "\n")
        result[f"rtt_{rtt_ms:g}_ms"] = {
            **{name: asdict(cost) for name, cost in costs.items()},
            "cpu_ratio": ratios(costs, lambda cost: cost.cpu_s),
            "wall_ratio": ratios(costs, lambda cost: cost.wall_s),
        }
    write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
