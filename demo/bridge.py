"""The demo's bridge: its settings file, its process and the lag it stored."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

from demo.cache import HERE
from demo.influx import Influx
from demo.kafka import Kafka
from demo.process import Process, ServerError
from demo.stage import Stage
from demo.verdict import Poll
from jmxbridge.store.store import Store

CLUSTER = "demo"
DATABASE = "kafka"
INFLUXQL = 'SELECT lag_sum FROM kafka_consumer_lag_group GROUP BY "group"'
SHIPPED = HERE.parent / "mbeans.yaml"
MBEANS = re.compile(r"^mbeans:.*?(?=^[^\s#]|\Z)", re.MULTILINE | re.DOTALL)
STOP_S = 30.0
ALL_TIME = 2**63 - 1

SETTINGS = """\
cluster: {cluster}
interval: {interval_s}s
{influxdb}
kafka:
  bootstrap: [{bootstrap}]

targets:
  - {{name: broker-1, jmx: 127.0.0.1:{broker_jmx}, collect: [broker, jvm]}}
  - {{name: billing-1, jmx: 127.0.0.1:{consumer_jmx}, collect: [consumer, jvm]}}

store:
  path: {store}

{mbeans}"""
INFLUXDB = """
influxdb:
  url: {url}
  bucket: {database}
"""


class Bridge:
    """`jmxbridge run` on its own settings file in `folder`; output goes to the stage."""

    def __init__(
        self,
        folder: Path,
        *,
        kafka: Kafka,
        consumer_jmx: int,
        interval_s: int,
        influx: Influx | None = None,
    ) -> None:
        self.file = folder / "mbeans.yaml"
        self._store = folder / f"{CLUSTER}.sqlite3"
        self._influx = influx
        self._process: Process | None = None
        target = INFLUXDB.format(url=influx.url, database=DATABASE) if influx else ""
        self.file.write_text(
            SETTINGS.format(
                cluster=CLUSTER,
                interval_s=interval_s,
                influxdb=target,
                bootstrap=kafka.bootstrap,
                broker_jmx=kafka.jmx_port,
                consumer_jmx=consumer_jmx,
                store=self._store,
                mbeans=shipped_sets(),
            )
        )

    def start(self, stage: Stage) -> None:
        """Start it; its output is shown on the stage."""
        output = stage.admit()
        try:
            self._process = Process(
                [Path(sys.executable).with_name("jmxbridge"), "run", str(self.file)],
                log=self.file.with_name("jmxbridge.log"),
                output=output,
            )
        finally:
            os.close(output)

    def check(self) -> None:
        """Raise ServerError if it has ended."""
        if self._process and not self._process.alive:
            raise ServerError(f"jmxbridge run ended with {self._process.popen.returncode}")

    def stop(self) -> None:
        """Stop it as a user would; raises ServerError if it ends with an error."""
        process, self._process = self._process, None
        # -SIGTERM: it was stopped before it had installed its signal handler.
        if process and (status := process.stop(STOP_S)) not in (0, -signal.SIGTERM):
            raise ServerError(f"jmxbridge run ended with {status} when it was stopped")

    def lag(self, group: str) -> list[Poll]:
        """Return the group's lag at every poll, from the store or from InfluxDB.

        The store can be opened only after the bridge has ended.
        """
        if self._influx is None:
            return polls_of(asyncio.run(stored_lines(self._store)), group)
        rows = self._influx.query(INFLUXQL, DATABASE)
        return [Poll(row["time"], row["lag_sum"]) for row in rows if row["group"] == group]


def shipped_sets() -> str:
    """Return the `mbeans:` section of the shipped mbeans.yaml, verbatim."""
    section = MBEANS.search(SHIPPED.read_text())
    if not section:
        raise ServerError(f"{SHIPPED} has no mbeans section")
    return section.group()


async def stored_lines(path: Path) -> list[bytes]:
    """Read every line of a bridge's store."""
    lines: list[bytes] = []
    async with await Store.open(path, max_bytes=2**30, retain_s=86_400.0) as store:
        after: int | None = 0
        while after is not None:
            page = await store.recent(since_ns=0, until_ns=ALL_TIME, after=after)
            lines += page.lines
            after = page.next
    return lines


def polls_of(lines: list[bytes], group: str) -> list[Poll]:
    """Parse the group's lag from line protocol; the demo's names need no escapes."""
    pattern = re.compile(
        rf"kafka_consumer_lag_group,cluster={CLUSTER},group={group} "
        r"(?:\S+,)?lag_sum=(?P<lag>\d+)i(?:,\S+)? (?P<time>\d+)"
    )
    matches = (pattern.fullmatch(line.decode()) for line in lines)
    return [Poll(int(match["time"]), int(match["lag"])) for match in matches if match]
