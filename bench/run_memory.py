"""Memory and CPU of `jmxbridge run` over ten minutes, with the JVMs it polls.

One broker and one consumer at an interval of one second, into a real InfluxDB. Output: the resident
set at each minute, and as the last line JSON with the share of a core. SECONDS in the environment
shortens the run.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import yaml

from demo.servers import Client, Influx, Kafka, Process

SECONDS = int(os.environ.get("SECONDS", "600"))
SAMPLE_S = 5.0
SHIPPED = Path(__file__).parents[1] / "mbeans.yaml"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Return the resident set of a process (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def cpu_s(pid: int) -> float:
    """Return user and system time of a process (proc(5))."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_S


def settings(kafka: Kafka, client: Client, influx: Influx, folder: Path) -> str:
    """Return a settings file that collects all shipped sets."""
    host = "127.0.0.1"
    return yaml.safe_dump(
        {
            "interval": "1s",
            "influxdb": {"url": influx.url, "bucket": influx.create_database()},
            "kafka": {"bootstrap": [kafka.bootstrap]},
            "targets": [
                {"name": "broker", "jmx": f"{host}:{kafka.jmx_port}", "collect": ["broker", "jvm"]},
                {"name": "app", "jmx": f"{host}:{client.jmx_port}", "collect": ["consumer", "jvm"]},
            ],
            "store": {"path": str(folder / "store.sqlite3")},
            "mbeans": yaml.safe_load(SHIPPED.read_text())["mbeans"],
        }
    )


def measure(bridge: Process, client: Client) -> dict[str, float]:
    """Sample a running bridge while its topic is produced to and consumed."""
    pid = bridge.pid
    samples: list[float] = []
    began_s, began_cpu_s = time.monotonic(), cpu_s(pid)
    next_line_s = 60.0
    while (passed_s := time.monotonic() - began_s) < SECONDS:
        client.produce("orders", 50)
        time.sleep(SAMPLE_S)
        samples.append(rss_mb(pid))
        if passed_s >= next_line_s:
            print(f"{passed_s:6.0f} s  {samples[-1]:6.1f} MB", flush=True)
            next_line_s += 60.0
    quarter = max(1, len(samples) // 4)
    return {
        "seconds": SECONDS,
        "rss_mb_max": round(max(samples), 1),
        "rss_mb_second_quarter": round(statistics.median(samples[quarter : 2 * quarter]), 1),
        "rss_mb_last_quarter": round(statistics.median(samples[-quarter:]), 1),
        "share_of_a_core": round((cpu_s(pid) - began_cpu_s) / SECONDS, 4),
        "broker_rss_mb": 0.0,
    }


def main() -> None:
    """Run the benchmark."""
    with (
        tempfile.TemporaryDirectory(prefix="jmxbridge-bench-") as name,
        Kafka() as kafka,
        Client(kafka) as client,
        Influx() as influx,
    ):
        folder = Path(name)
        client.create("orders", 12)
        client.subscribe("readers", "orders", "orders-app")
        file = folder / "mbeans.yaml"
        file.write_text(settings(kafka, client, influx, folder))
        bridge = Process(
            [sys.executable, "-m", "jmxbridge", "run", str(file)], log=folder / "jmxbridge.log"
        )
        try:
            figures = measure(bridge, client)
            figures["broker_rss_mb"] = round(rss_mb(kafka.process.pid), 1)
        finally:
            bridge.stop()
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
