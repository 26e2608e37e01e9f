"""Many targets in one process: share of a core, and lateness of polls.

TARGETS JVMs (50) with MBEANS MBeans (1,200) of six attributes every INTERVAL seconds (10), for
SECONDS (60), all from the environment. Another process replays one recording as all JVMs, so the
measured work is that of `run`: poll, points, frozen lines, durable in the store. Eight more targets
misbehave, one in each way of `bench.faulty`; FAULTY=0 leaves them out.

Figures of the healthy targets: `late_s` is the time from the due instant to the stored lines;
`begun_late_s` the delay of a poll's start, which faulty targets must not cause; `skipped` the polls
left out because the previous one was still running. The last output line is JSON.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from bench.faulty import Faulty
from bench.replay import Replay, record
from demo.servers import Jvm
from jmxbridge.app import Bridge
from jmxbridge.config.loader import load
from jmxbridge.delivery import Delivery
from jmxbridge.point import Point
from jmxbridge.pollers.schedule import Tick
from jmxbridge.pollers.self_report import resident_bytes
from jmxbridge.pollers.target import Target
from jmxbridge.times import NS

TARGETS = int(os.environ.get("TARGETS", "50"))
MBEANS = int(os.environ.get("MBEANS", "1200"))
INTERVAL_S = int(os.environ.get("INTERVAL", "10"))
SECONDS = int(os.environ.get("SECONDS", "60"))
FAULTY = os.environ.get("FAULTY", "1") != "0"
WARM_UP_S = 2.5 * INTERVAL_S  # connect, learn templates, one more poll
SOURCE = Path(__file__).with_name("Many.java")
MB = 1024 * 1024
HEALTHY = "jvm-"
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


def settings(folder: Path, port: int, faulty: Mapping[str, int]) -> Path:
    """Write a settings file with all targets, faulty ones first."""
    file = folder / "mbeans.yaml"
    ports = {**faulty, **{f"{HEALTHY}{number}": port for number in range(TARGETS)}}
    document = {
        "interval": f"{INTERVAL_S}s",
        "store": {"path": str(folder / "store.sqlite3")},
        "targets": [
            {"name": name, "jmx": f"127.0.0.1:{number}", "collect": ["many"]}
            for name, number in ports.items()
        ],
        "mbeans": {"many": [RULE]},
    }
    file.write_text(yaml.safe_dump(document))
    return file


class Watch:
    """Records when polls of healthy targets began and were stored, and their points."""

    def __init__(self) -> None:
        self.begin()
        put, poll = Delivery.put, Target.poll

        async def timed_put(
            delivery: Delivery, points: Sequence[Point], *, time_ns: int, source: str
        ) -> None:
            await put(delivery, points, time_ns=time_ns, source=source)
            if source.startswith(HEALTHY):
                self.late_s.append((time.time_ns() - time_ns) / NS)
                self.points += len(points)

        async def timed_poll(target: Target, tick: Tick) -> Sequence[Point]:
            if target.name.startswith(HEALTHY):
                turn_ns = tick.due_ns + tick.offset_ns
                self.begun_late_s.append((time.time_ns() - turn_ns) / NS)
                self.skipped += tick.skipped
            return await poll(target, tick)

        setattr(Delivery, "put", timed_put)  # noqa: B010 - replaces a method on purpose
        setattr(Target, "poll", timed_poll)  # noqa: B010

    def begin(self) -> None:
        """Reset the records."""
        self.late_s: list[float] = []
        self.begun_late_s: list[float] = []
        self.points = 0
        self.skipped = 0


async def measure(file: Path) -> dict[str, Any]:
    """Run the bridge; return its figures after a warm-up."""
    watch, stop = Watch(), asyncio.Event()
    bridge = await Bridge.open(load(file, {}), {})
    running = asyncio.create_task(bridge.run(stop))
    await asyncio.sleep(WARM_UP_S)
    watch.begin()
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
        "skipped": watch.skipped,
        "points": watch.points,
        "share_of_a_core": round(cpu_s / took_s, 4),
        "cpu_us_per_mbean": round(cpu_s / (polls * MBEANS) * 1e6, 1),
        "late_s_median": round(statistics.median(watch.late_s), 3),
        "late_s_max": round(max(watch.late_s), 3),
        "begun_late_s_max": round(max(watch.begun_late_s), 3),
        "begun_late_share": round(max(watch.begun_late_s) / INTERVAL_S, 4),
        "rss_mb": round(memory / MB, 1),
    }


def main() -> None:
    """Record, replay, measure."""
    with tempfile.TemporaryDirectory(prefix="jmxbridge-bench-") as name, ExitStack() as stack:
        rules = load(settings(Path(name), 1, {}), {}).mbeans["many"]
        with Jvm(SOURCE, str(MBEANS)) as jvm:
            replies = record(jvm.jmx_port, rules)
        replay = stack.enter_context(Replay(replies))
        faulty = stack.enter_context(Faulty()).ports if FAULTY else {}
        file = settings(Path(name), replay.port, faulty)
        result = {"faulty": len(faulty), **asyncio.run(measure(file))}
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
