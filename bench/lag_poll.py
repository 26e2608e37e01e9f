"""One lag poll of 300 groups on 100 partitions each, compared with three libraries and Java's tool.

Two real brokers; every poller runs in a separate process (lag_pollers.py), one after the other.
Requests are counted by the brokers; CPU is that of the poller with its children, and that of the
brokers has its own column; medians of warm polls. All pollers must return the same rows. Then two
scripted brokers with 1,000 groups on 50 partitions each, and a whole `jmxbridge run` on the real
brokers into a real InfluxDB. Output: a table, and as the last line JSON. LAG_GROUPS (GROUPS belongs
to bash), POLLS and POLLERS (`ours,java`) in the environment shorten it.
"""

import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from bench.cost import process_cpu_s
from bench.lag_pollers import POLLERS
from demo.cache import kafka_libs, lag_libraries
from demo.servers import Influx, Jvm, Kafka, Pair, Process
from jmxbridge.jmx import ObjectName, RemoteException, connect

GROUPS = int(os.environ.get("LAG_GROUPS", "300"))
TOPICS, PARTITIONS = 4, 25
MANY_GROUPS, MANY_TOPICS = 1000, 2
POLLS = int(os.environ.get("POLLS", "15"))
WANTED = os.environ.get("POLLERS", ",".join(POLLERS)).split(",")
WARM_UPS = 3  # polls not counted: they open connections and fill caches
JAVA_POLLS = 2  # 30 s each
RUN_POLLS = 15
RUN_INTERVAL_S = 2
ASKED = {"ListGroups", "FindCoordinator", "OffsetFetch", "ListOffsets", "Metadata", "ApiVersions"}
ASKED |= {"DescribeGroups", "ConsumerGroupDescribe", "DescribeCluster"}
COUNTS = ObjectName.parse("kafka.network:type=RequestMetrics,name=RequestsPerSec,*")
GROUPS_SOURCE = Path(__file__).with_name("Groups.java")


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a warm poll: medians and minima; requests and brokers' CPU are means."""

    rows: int
    cpu_s: float
    cpu_s_min: float
    wall_s: float
    peak_mb: float
    requests: float | None
    brokers_cpu_s: float | None


class Poller:
    """A process of lag_pollers.py."""

    def __init__(self, name: str, bootstrap: str, log: Path) -> None:
        command = [sys.executable, "-m", "bench.lag_pollers", name, bootstrap]
        paths = [str(lag_libraries()), os.environ.get("PYTHONPATH", "")]
        env = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._process = Process(command, log=log, talk=True, env=env)

    def __enter__(self) -> Self:
        self.read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._process.stop()

    def ask(self, word: str) -> dict[str, Any]:
        """Send a command and return its answer."""
        assert self._process.popen.stdin is not None
        self._process.popen.stdin.write(word.encode() + b"\n")
        self._process.popen.stdin.flush()
        return self.read()

    def read(self) -> dict[str, Any]:
        """Return the next answer."""
        assert self._process.popen.stdout is not None
        line = self._process.popen.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.name} ended:\n{self._process.tail()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def cpu_of(brokers: Sequence[Kafka]) -> float:
    """Return the CPU seconds of all brokers."""
    return sum(process_cpu_s(broker.process.pid) for broker in brokers)


async def requests_of(brokers: Sequence[Kafka]) -> int:
    """Return the client requests counted by the brokers, over all APIs a poller may use."""
    total = 0
    for broker in brokers:
        async with await connect("127.0.0.1", broker.jmx_port, timeout_s=60) as connection:
            names = await connection.query(COUNTS)
            wanted = [(name, ("Count",)) for name in names if name.properties["request"] in ASKED]
            for answer in await connection.get_many(wanted):
                if not isinstance(answer, RemoteException):
                    total += int(str(answer["Count"]))
    return total


def measure(
    name: str, bootstrap: str, log: Path, brokers: Sequence[Kafka] = ()
) -> tuple[Cost, str]:
    """Measure one poller; return its cost and the hash of its rows."""
    polls, warm_ups = (JAVA_POLLS, 0) if name == "java" else (POLLS, WARM_UPS)
    with Poller(name, bootstrap, log) as poller:
        for _ in range(warm_ups):
            poller.ask("poll")
        requests, brokers_cpu_s = asyncio.run(requests_of(brokers)), cpu_of(brokers)
        answers = [poller.ask("poll") for _ in range(polls)]
        brokers_cpu_s = cpu_of(brokers) - brokers_cpu_s
        requests = asyncio.run(requests_of(brokers)) - requests
        memory_mb = float(poller.ask("memory")["peak_mb"])
        rows = poller.ask("rows")
    cpu = [float(answer["cpu_s"]) for answer in answers]
    cost = Cost(
        int(rows["rows"]),
        statistics.median(cpu),
        min(cpu),
        statistics.median(float(answer["wall_s"]) for answer in answers),
        memory_mb,
        requests / polls if brokers else answers[-1]["requests"],
        brokers_cpu_s / polls if brokers else None,
    )
    return cost, str(rows["hash"])


def measure_scripted(folder: Path) -> Cost:
    """Measure a poll of two scripted brokers with many groups."""
    numbers = [str(number) for number in (MANY_GROUPS, MANY_TOPICS, PARTITIONS)]
    command = [sys.executable, "-m", "bench.scripted_brokers", *numbers]
    brokers = Process(command, log=folder / "scripted_brokers.log", talk=True)
    try:
        assert brokers.popen.stdout is not None
        bootstrap = brokers.popen.stdout.readline().decode().strip()
        return measure("ours", bootstrap, folder / "scripted.log")[0]
    finally:
        brokers.stop()


def measure_run(folder: Path, pair: Pair, influx: Influx) -> dict[str, float]:
    """Measure a whole `jmxbridge run`, lag only, with store and sender, into InfluxDB."""
    file = folder / "mbeans.yaml"
    database = influx.create_database()
    settings = {
        "interval": f"{RUN_INTERVAL_S}s",
        "influxdb": {"url": influx.url, "bucket": database},
        "kafka": {"bootstrap": [broker.bootstrap for broker in pair.brokers]},
        "store": {"path": str(folder / "store.sqlite3")},
    }
    file.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "jmxbridge", "run", str(file)]
    bridge = Process(command, log=folder / "jmxbridge.log")

    def polls() -> int:
        return len(influx.query("SELECT complete FROM jmxbridge_lag_poll", database))

    try:
        bridge.wait_until(lambda: polls() >= WARM_UPS)
        began, began_s = polls(), process_cpu_s(bridge.pid)
        time.sleep(RUN_POLLS * RUN_INTERVAL_S)
        used_s, done = process_cpu_s(bridge.pid) - began_s, polls() - began
        status = Path(f"/proc/{bridge.pid}/status").read_text()
        (peak_kb,) = re.findall(r"VmHWM:\s+(\d+)", status)
    finally:
        bridge.stop()
    return {"cpu_s_a_poll": used_s / max(done, 1), "peak_mb": round(int(peak_kb) / 1024, 1)}


def row(name: str, cost: Cost) -> str:
    """Return one line of the table."""
    requests = "-" if cost.requests is None else f"{cost.requests:.1f}"
    brokers = "-" if cost.brokers_cpu_s is None else f"{cost.brokers_cpu_s:.3f}"
    return (
        f"{name:<18} {cost.rows:6d} {requests:>8} {cost.cpu_s_min:8.3f} {cost.cpu_s:8.3f}"
        f" {cost.wall_s:8.3f} {brokers:>8} {cost.peak_mb:7.1f}"
    )


def main() -> None:
    """Run the benchmark."""
    write = sys.stdout.write
    write(f"{GROUPS} groups x {TOPICS * PARTITIONS} partitions, two brokers; a warm poll\n")
    write("poller               rows requests  cpu min  cpu med wall med  brokers peak MB\n")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jmxbridge-bench-")))
        pair = stack.enter_context(Pair(folder / "pair"))
        bootstrap = ",".join(broker.bootstrap for broker in pair.brokers)
        sizes = [str(number) for number in (GROUPS, TOPICS, PARTITIONS)]
        with Jvm(GROUPS_SOURCE, pair.first.bootstrap, *sizes, libs=[kafka_libs()]):
            pass
        costs: dict[str, Cost] = {}
        hashes: dict[str, str] = {}
        for number, name in enumerate(WANTED):
            log = folder / f"poller-{number}.log"
            costs[name], hashes[name] = measure(name, bootstrap, log, pair.brokers)
            write(row(name, costs[name]) + "\n")
            sys.stdout.flush()
        influx = stack.enter_context(Influx(folder / "influx"))
        whole_run = measure_run(folder, pair, influx)
        write(f"the whole run: {whole_run}\n")
        scripted = measure_scripted(folder)
        write(row(f"ours-{MANY_GROUPS}-groups", scripted) + "\n")
    peers = [costs[name].cpu_s for name in costs if not name.startswith("ours")]
    result = {
        "groups": GROUPS,
        "rows_equal": len(set(hashes.values())) == 1,
        "cpu_of_the_best_peer": round(costs["ours"].cpu_s / min(peers), 3) if peers else None,
        "pollers": {name: asdict(cost) for name, cost in costs.items()},
        "scripted_1000_groups": asdict(scripted),
        "run": whole_run,
    }
    write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
