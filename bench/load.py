"""Many targets in one process: what the bridge takes of a core, and how late its latest poll is.

TARGETS JVMs (50) of MBEANS MBeans (1,200) of six attributes every INTERVAL seconds (10), for
SECONDS (60), all from the environment. The JVMs are one recording that another process replays, so
what is measured is the bridge as `run` has it: poll, points, frozen lines, durable in its store. A
poll's lateness is how long after it was due its lines were there. The last line printed is JSON.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.replay import Replay, record
from demo.servers import Jvm
from jmxbridge.app import Bridge
from jmxbridge.config.loader import load
from jmxbridge.delivery import Delivery, resident_bytes
from jmxbridge.point import Point

TARGETS = int(os.environ.get("TARGETS", "50"))
MBEANS = int(os.environ.get("MBEANS", "1200"))
INTERVAL_S = int(os.environ.get("INTERVAL", "10"))
SECONDS = int(os.environ.get("SECONDS", "60"))
WARM_UP_S = 2.5 * INTERVAL_S  # connecting and learning, and one poll more
SOURCE = Path(__file__).with_name("Many.java")
MB = 1024 * 1024
RULE = {
    "bean": "kafka.log:type=Log,*",
    "measurement": "kafka_log",
    "tags": {"topic": "topic", "partition": "partition"},
    "fields": {
        "Value": "value",
        "Rate": "rate",
        "Name": {"name": "name", "type": "string"},
        "Count": {"name": "count", "type": "int"},
        "Ok": {"name": "ok", "type": "bool"},
        "Nan": "nan",
    },
}


def settings(folder: Path, port: int) -> Path:
    """A file with all targets."""
    file = folder / "mbeans.yaml"
    document = {
        "interval": f"{INTERVAL_S}s",
        "store": {"path": str(folder / "store.sqlite3")},
        "targets": [
            {"name": f"jvm-{number}", "jmx": f"127.0.0.1:{port}", "collect": ["many"]}
            for number in range(TARGETS)
        ],
        "mbeans": {"many": [RULE]},
    }
    file.write_text(yaml.safe_dump(document))
    return file


class Watch:
    """Notes when polls were in the store, and how many values they had."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self.points = 0
        put = Delivery.put

        async def timed(
            delivery: Delivery, points: Sequence[Point], *, time_ns: int, source: str
        ) -> None:
            await put(delivery, points, time_ns=time_ns, source=source)
            if source != Delivery.name:
                self.late_s.append((time.time_ns() - time_ns) / 1e9)
                self.points += len(points)

        setattr(Delivery, "put", timed)  # noqa: B010 - a method is replaced on purpose


async def measure(file: Path) -> dict[str, Any]:
    """Run the bridge; return what it took after a warm-up."""
    watch, stop = Watch(), asyncio.Event()
    bridge = await Bridge.open(load(file, {}), {})
    running = asyncio.create_task(bridge.run(stop))
    await asyncio.sleep(WARM_UP_S)
    watch.late_s.clear()
    watch.points = 0
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    await asyncio.sleep(SECONDS)
    cpu_s, took_s = time.process_time() - began_cpu_s, time.monotonic() - began_s
    memory = resident_bytes()
    stop.set()
    await running
    await bridge.close()
    polls = len(watch.late_s)
    return {
        "targets": TARGETS,
        "mbeans": MBEANS,
        "interval_s": INTERVAL_S,
        "polls": polls,
        "points": watch.points,
        "share_of_a_core": round(cpu_s / took_s, 4),
        "cpu_us_per_mbean": round(cpu_s / (polls * MBEANS) * 1e6, 1),
        "late_s_median": round(statistics.median(watch.late_s), 3),
        "late_s_max": round(max(watch.late_s), 3),
        "rss_mb": round(memory / MB, 1),
    }


def main() -> None:
    """Record, replay, measure."""
    with tempfile.TemporaryDirectory(prefix="jmxbridge-bench-") as name:
        rules = load(settings(Path(name), 1), {}).mbeans["many"]
        with Jvm(SOURCE, str(MBEANS)) as jvm:
            replies = record(jvm.jmx_port, rules)
        with Replay(replies) as replay:
            file = settings(Path(name), replay.port)
            sys.stdout.write(json.dumps(asyncio.run(measure(file))) + "\n")


if __name__ == "__main__":
    main()
