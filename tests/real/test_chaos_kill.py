"""Repeated kill -9 at seeded instants: every durable line arrives in InfluxDB exactly once.

`run` stores its polls while InfluxDB is down, is killed and restarted; sometimes InfluxDB is killed
too. A reader records the durable lines of the store. At the end everything is drained and compared
field by field. One measurement is poisoned: InfluxDB has another type for one of its fields, so
each of its lines must become a dead letter and delay no other line. `JMXBRIDGE_KILLS` makes it
longer, `JMXBRIDGE_SEED` repeats a run.
"""

import asyncio
import os
import random
import secrets
import signal
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from demo.servers import Influx, free_port
from jmxbridge.influx.body import Body
from jmxbridge.influx.client import Writer
from jmxbridge.influx.outcome import HttpAnswer
from jmxbridge.store import StoreReader
from jmxbridge.store.chunks import COLUMNS, decode
from tests.real.bridge import SETS, Bridge

pytestmark = pytest.mark.real

KILLS = int(os.environ.get("JMXBRIDGE_KILLS", "40"))
SEED = int(os.environ.get("JMXBRIDGE_SEED", "0")) or secrets.randbits(32)
DATABASE = "kafka"
LONGEST_RUN_S = 0.6  # after the first poll of the run; polls come every 0.1 s
LOOK_S = 0.05  # twice a poll; looking without a pause would take a core from the bridge
INFLUX_KILLED = 0.1  # share of kills that hit InfluxDB too
MAX_BYTES = 64 * 1024 * 1024
POISONED = "jmxbridge_process"
HEALTHY = ("jmxbridge_target", "jmxbridge_store")


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[Influx]:
    """An InfluxDB that the test may kill; 1.8 syncs before it answers."""
    with Influx(tmp_path / "influx") as server:
        server.create_database(DATABASE)
        asyncio.run(poison(server))
        yield server


async def poison(influx: Influx) -> None:
    """Give a field of the poisoned measurement another type than our lines have."""
    writer = Writer(influx.url, bucket=DATABASE)
    line = b'%s uptime_seconds="text" %d' % (POISONED.encode(), time.time_ns())
    outcome = await writer.write(Body(line))
    await writer.close()
    assert isinstance(outcome, HttpAnswer)
    assert outcome.status == 204


class Witness:
    """Reads the store of the running bridge and records every line it ever held."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.lines: set[bytes] = set()

    def sees_more_than(self, sampled: int) -> bool:
        """Whether a poll was stored since then."""
        return self._bridge.store.exists() and self.look() > sampled

    def look(self) -> int:
        """Record the durable lines; return the number of lines ever sampled."""
        try:
            rows = self._bridge.sql(f"SELECT {COLUMNS} FROM chunk")
            ((sampled,),) = self._bridge.sql("SELECT sampled FROM account")
        except sqlite3.OperationalError:  # the store is being created
            return 0
        for row in rows:
            chunk = decode(row)
            assert chunk is not None
            self.lines.update(chunk.packed.lines)
        return int(sampled)


def columns(line: bytes) -> tuple[str, int, dict[str, str]]:
    """Split a line without escapes into measurement, time and field texts."""
    key, fields, time_ns = line.decode().rsplit(" ", 2)
    pairs = (pair.split("=", 1) for pair in fields.split(","))
    return (
        key.split(",")[0],
        int(time_ns),
        {name: value for name, value in pairs if '"' not in value},
    )


def number(text: str) -> float | bool:
    """Return a field's value as InfluxQL returns it."""
    return text == "true" if text in ("true", "false") else float(text.rstrip("i"))


def test_forty_kills_lose_nothing(tmp_path: Path, influx: Influx) -> None:
    """I1 and I5 hold after each kill. At the end every durable line is stored and equal (I2, I3),
    except the poisoned lines (I4), and no field has two types (I6).
    """
    print(f"seed {SEED}, {KILLS} kills (JMXBRIDGE_SEED, JMXBRIDGE_KILLS)")
    choose = random.Random(SEED)  # noqa: S311 - must be repeatable
    target = {"name": "nobody", "jmx": f"127.0.0.1:{free_port()}", "collect": ["jvm"]}
    settings = {
        "interval": "100ms",
        "influxdb": {"url": influx.url, "bucket": DATABASE},
        "targets": [target],
        "mbeans": {"jvm": SETS["jvm"]},  # keeps every start short
        "store": {"path": str(tmp_path / "store.sqlite3"), "max_size": "64MiB"},
    }
    bridge = Bridge(tmp_path, settings)
    witness = Witness(bridge)
    down = False
    for _ in range(KILLS):
        if choose.random() < INFLUX_KILLED:
            if down:
                influx.start()
            else:
                influx.kill()
            down = not down
        before = witness.look() if bridge.store.exists() else 0
        bridge.start()
        bridge.wait_until(partial(witness.sees_more_than, before))
        until = time.monotonic() + choose.uniform(0, LONGEST_RUN_S)
        while (left_s := until - time.monotonic()) > 0:
            witness.look()
            time.sleep(min(left_s, LOOK_S))
        os.kill(bridge.process.popen.pid, signal.SIGKILL)
        bridge.process.popen.wait()
        witness.look()
        usage = StoreReader(bridge.store).usage().counts
        places = usage.stored + usage.pending + usage.dead_lettered
        assert usage.sampled == places + usage.dropped + usage.expired
        assert usage.dropped == 0
        assert usage.pending_bytes <= MAX_BYTES

    if down:
        influx.start()
    bridge.start()
    bridge.wait_until(lambda: decided(bridge) >= len(witness.lines))
    bridge.wait_until(lambda: StoreReader(bridge.store).usage().counts.pending < 10)
    assert bridge.stop() == 0
    assert StoreReader(bridge.store).verify().problems == ()

    assert len(witness.lines) >= KILLS
    dead = {letter.line for letter in StoreReader(bridge.store).letters(10**9)}
    stored = {
        (measurement, row["time"]): row
        for measurement in HEALTHY
        for row in influx.query(f"SELECT * FROM {measurement}", DATABASE)
    }
    for line in witness.lines:
        measurement, time_ns, fields = columns(line)
        if measurement == POISONED:
            assert line in dead
            continue
        row = stored[measurement, time_ns]
        assert {name: row[name] for name in fields} == {n: number(v) for n, v in fields.items()}
    assert {columns(line)[0] for line in dead} == {POISONED}
    for measurement in HEALTHY:
        names = [
            row["fieldKey"] for row in influx.query(f"SHOW FIELD KEYS FROM {measurement}", DATABASE)
        ]
        assert len(names) == len(set(names))


def decided(bridge: Bridge) -> int:
    """Return the number of lines that InfluxDB stored or refused."""
    counts = StoreReader(bridge.store).usage().counts
    return counts.stored + counts.dead_lettered
