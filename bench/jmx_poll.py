"""One poll of a JVM: the bridge and its JMX client compared with their peers in one run.

Two sets of MBeans: 2,000 with six attributes each, and those that the shipped rules read from a
real broker. Each on loopback and through a proxy that makes the round trip 1 and 10 ms. CPU is that
of the poller with its children (jmxquery starts a JVM per query); CPU of the polled JVM has its own
column; the proxy counts in neither. Java's client keeps its connection and knows the names
(JavaClient.java). Ours are those of `bench.one_poller`, each in a separate process. Output: a
table, and as the last line JSON with the ratios.

Environment: MBEANS, POLLERS (`ours,frozen,spool,floor,java,jolokia,jmxquery`), RTTS (`0,1,10`),
SETS (`many,broker`). jmxquery takes minutes at 10 ms because it asks for one attribute at a time.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from jmxquery import JMXConnection, JMXQuery

from bench.cost import Cost, Meter, rss_mb
from bench.delay import Delay
from demo.cache import JOLOKIA_VERSIONS
from demo.servers import Client, Jvm, Kafka, free_port, jolokia_option
from jmxbridge.config.loader import pack_rules
from jmxbridge.jmx import connect
from jmxbridge.transports.catalog import Catalog
from jmxbridge.transports.transport import AttributeNames

MBEANS = int(os.environ.get("MBEANS", "2000"))
ATTRIBUTES = ("Value", "Rate", "Name", "Count", "Ok", "Nan")
PATTERN = "kafka.log:*"
HERE = Path(__file__).parent
# The address that the remote JVM advertises; the JVM itself listens on 127.0.0.1.
FAR_HOST = "127.0.0.2"
RTTS_MS = [float(rtt) for rtt in os.environ.get("RTTS", "0,1,10").split(",")]
POLLERS = os.environ.get("POLLERS", "ours,frozen,spool,floor,java,jolokia,jmxquery").split(",")
SETS = os.environ.get("SETS", "many,broker").split(",")
PACKS = ("kafka-broker", "kafka-topics", "kafka-kraft", "jvm")
POLL_S = 1200
# Polls up to NEAR_MS, enough for a median, and beyond it, where one poll may take a minute.
POLLS = {"java": (7, 1), "jmxquery": (3, 1)}
OTHERS = (25, 9)
NEAR_MS = 1


@dataclass(frozen=True, slots=True)
class Scene:
    """A JVM to poll and what to read: a work file, and the packs it was made from, if any."""

    host: str
    jmx_port: int
    jolokia_port: int
    pid: int
    work: Path
    packs: str
    mbeans: int
    queries: tuple[str, ...]

    @property
    def service_url(self) -> str:
        """The address as a JMX service URL."""
        return f"service:jmx:rmi:///jndi/rmi://{self.host}:{self.jmx_port}/jmxrmi"


def one(name: str, scene: Scene, polls: int) -> Cost:
    """Poll with one of `bench.one_poller`."""
    port = scene.jolokia_port if name == "jolokia" else scene.jmx_port
    arguments = (name, scene.host, port, scene.work, scene.packs, scene.pid, polls)
    command = [sys.executable, "-m", "bench.one_poller", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=POLL_S)
    return Cost(**json.loads(done.stdout))


def java(scene: Scene, polls: int) -> Cost:
    """Poll with Java's client over one kept connection, names known."""
    # Unlike the target JVMs, this one may use every compiler tier.
    options = ["-XX:TieredStopAtLevel=4"]
    source = HERE / "JavaClient.java"
    with Jvm(source, scene.service_url, str(scene.work), jvm_options=options) as client:
        used = 0.0
        for _ in range(3 if polls > 1 else 1):
            used = float(client.ask("poll", timeout_s=POLL_S).split()[1])
        meter = Meter(scene.pid, scene.mbeans, lambda: used)
        for _ in range(polls):
            meter.start()
            values, seconds = client.ask("poll", timeout_s=POLL_S).split()
            used = float(seconds)
            meter.stop(int(values))
        memory = rss_mb(client.process.pid)
    # It waits for each answer before the next request.
    return replace(meter.cost(), rss_mb=memory, round_trips=scene.mbeans)


def jmxquerys(scene: Scene, polls: int) -> Cost:
    """Poll with jmxquery, which starts a JVM each time."""
    connection, meter = JMXConnection(scene.service_url), Meter(scene.pid, scene.mbeans)
    queries = [JMXQuery(query) for query in scene.queries]
    for _ in range(polls):
        meter.start()
        meter.stop(len(connection.query(queries, timeout=POLL_S)))
    return meter.cost()


async def asked_by_packs(host: str, port: int) -> AttributeNames:
    """Return what the shipped rules read from a JVM, as a poll discovers it."""
    rules = [rule for pack in PACKS for rule in pack_rules(pack)]
    async with connect(host, port) as connection:
        catalog = Catalog()
        await catalog.refresh(connection, rules, 0.0)
        return catalog.due(rules).names


async def asked_of_all(host: str, port: int) -> AttributeNames:
    """Return all attributes of all MBeans of Many.java."""
    async with connect(host, port) as connection:
        return tuple((name, ATTRIBUTES) for name in await connection.query(PATTERN))


@contextmanager
def scene(kind: str, one_way_ms: float, folder: Path) -> Iterator[Scene]:
    """Start a JVM of a kind, with Jolokia's agent, directly or behind proxies."""
    host = FAR_HOST if one_way_ms else "127.0.0.1"
    jolokia_port = free_port()
    options = [f"-Djava.rmi.server.hostname={host}"]
    if "jolokia" in POLLERS:
        options.append(jolokia_option(jolokia_port, JOLOKIA_VERSIONS[-1]))
    with ExitStack() as stack:
        if kind == "broker":
            kafka = stack.enter_context(Kafka(jvm_options=options))
            client = stack.enter_context(Client(kafka))
            client.create("orders", 12)
            client.subscribe("readers", "orders", "orders-app")
            client.produce("orders", 1000)
            pid, jmx_port = kafka.process.pid, kafka.jmx_port
        else:
            jvm = stack.enter_context(Jvm(HERE / "Many.java", str(MBEANS), jvm_options=options))
            pid, jmx_port = jvm.process.pid, jvm.jmx_port
        if one_way_ms:
            stack.enter_context(Delay(host, jmx_port, one_way_ms))
            stack.enter_context(Delay(host, jolokia_port, one_way_ms))
        asked = asyncio.run((asked_by_packs if kind == "broker" else asked_of_all)(host, jmx_port))
        work = folder / f"{kind}.tsv"
        work.write_text("".join(f"{name}\t{','.join(names)}\n" for name, names in asked))
        is_broker = kind == "broker"
        queries = tuple(f"{name}/{attribute}" for name, names in asked for attribute in names)
        yield Scene(
            host,
            jmx_port,
            jolokia_port,
            pid,
            work,
            packs=",".join(PACKS) if is_broker else "-",
            mbeans=len(asked),
            queries=queries if is_broker else (PATTERN,),
        )


def measure(kind: str, rtt_ms: float, folder: Path) -> dict[str, Cost]:
    """Poll one JVM with all pollers."""
    with scene(kind, rtt_ms / 2, folder) as here:
        costs = {}
        for name in POLLERS:
            polls = POLLS.get(name, OTHERS)[rtt_ms > NEAR_MS]
            if name == "java":
                cost = java(here, polls)
            elif name == "jmxquery":
                cost = jmxquerys(here, polls)
            else:
                cost = one(name, here, polls)
            costs[name] = cost
            sys.stdout.write(row(kind, rtt_ms, name, cost) + "\n")
            sys.stdout.flush()
        return costs


def row(kind: str, rtt_ms: float, name: str, cost: Cost) -> str:
    """Return one line of the table."""
    return (
        f"{kind:<7}{rtt_ms:4.0f}  {name:<9}{cost.values:7d}{cost.cpu_s_min:9.4f}{cost.cpu_s:9.4f}"
        f"{cost.mbean_us:8.1f}{cost.wall_s_min:9.3f}{cost.wall_s:9.3f}{cost.round_trips or '-':>7}"
        f"{cost.bytes or '-':>9}{cost.target_cpu_s:9.3f}{cost.rss_mb or '-':>7}"
    )


def ratios(costs: dict[str, Cost], ours: str, of: Callable[[Cost], float]) -> dict[str, float]:
    """Return how many times more the others cost."""
    if ours not in costs:
        return {}
    return {
        name: round(of(cost) / of(costs[ours]), 2) for name, cost in costs.items() if name != ours
    }


def main() -> None:
    """Run the benchmark."""
    sys.stdout.write(
        "set    rtt  poller    values  cpu min  cpu med us/mbean wall min wall med  trips    bytes"
        "  its cpu rss MB\n"
    )
    result: dict[str, object] = {"mbeans": MBEANS, "attributes": len(ATTRIBUTES)}
    with tempfile.TemporaryDirectory(prefix="jmxbridge-bench-") as name:
        for kind in SETS:
            for rtt_ms in RTTS_MS:
                costs = measure(kind, rtt_ms, Path(name))
                result[f"{kind}_{rtt_ms:g}_ms"] = {
                    **{name: asdict(cost) for name, cost in costs.items()},
                    "cpu_of_frozen": ratios(costs, "frozen", lambda cost: cost.cpu_s),
                    "cpu_of_frozen_min": ratios(costs, "frozen", lambda cost: cost.cpu_s_min),
                    "cpu_of_spool": ratios(costs, "spool", lambda cost: cost.cpu_s),
                    "wall_of_ours": ratios(costs, "ours", lambda cost: cost.wall_s),
                }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
