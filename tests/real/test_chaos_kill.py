"""kill -9, again and again, at instants a seed decides: what was durable is in InfluxDB, once.

A run keeps all it polled in its store while InfluxDB is away, is killed, and started again; now and
then InfluxDB itself is killed. A reader notes what each store held. At the end everything is
drained and compared, field by field. `JMXBRIDGE_KILLS` and `JMXBRIDGE_SEED` make it longer, or
repeat it.
"""

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
from jmxbridge.store import View
from tests.real.bridge import Bridge

pytestmark = pytest.mark.real

KILLS = int(os.environ.get("JMXBRIDGE_KILLS", "40"))
SEED = int(os.environ.get("JMXBRIDGE_SEED", "0")) or secrets.randbits(32)
DATABASE = "kafka"
LONGEST_RUN_S = 0.6  # after the first poll of the run; polls come every 0.1 s
INFLUX_KILLED = 0.1  # of the kills are InfluxDB's too


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[Influx]:
    """An InfluxDB of the test's own, to kill; it syncs before it answers, as 1.8 does."""
    with Influx(tmp_path / "influx") as server:
        server.create_database(DATABASE)
        yield server


class Witness:
    """Whoever looks into the store beside the bridge, and remembers every line it ever held."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.lines: set[bytes] = set()

    def sees_more_than(self, sampled: int) -> bool:
        """Whether a poll was stored since."""
        return self._bridge.store.exists() and self.look() > sampled

    def look(self) -> int:
        """Note the lines that are durable now; how many lines were ever sampled."""
        try:
            bodies = self._bridge.sql("SELECT body FROM chunk")
            ((sampled,),) = self._bridge.sql("SELECT sampled FROM account")
        except sqlite3.OperationalError:  # it is just being made
            return 0
        for (body,) in bodies:
            self.lines.update(body.split(b"\n"))
        return int(sampled)


def columns(line: bytes) -> tuple[str, int, dict[str, str]]:
    """Measurement, time, and the fields' texts of a line; none of ours has an escape in it."""
    key, fields, at = line.decode().rsplit(" ", 2)
    pairs = (pair.split("=", 1) for pair in fields.split(","))
    return key.split(",")[0], int(at), {name: value for name, value in pairs if '"' not in value}


def number(text: str) -> float | bool:
    """A field's value as InfluxQL answers it."""
    return text == "true" if text in ("true", "false") else float(text.rstrip("i"))


def test_forty_kills_lose_nothing(tmp_path: Path, influx: Influx) -> None:
    """I1: the account balances after each kill; I2, I3: what was seen durable is stored, equal."""
    print(f"seed {SEED}, {KILLS} kills (JMXBRIDGE_SEED, JMXBRIDGE_KILLS)")
    choose = random.Random(SEED)  # noqa: S311 - the point is to repeat it
    target = {"name": "nobody", "jmx": f"127.0.0.1:{free_port()}", "collect": ["jvm"]}
    settings = {
        "interval": "100ms",
        "influxdb": {"url": influx.url, "bucket": DATABASE},
        "targets": [target],
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
        while time.monotonic() < until:
            witness.look()
        os.kill(bridge.process.popen.pid, signal.SIGKILL)
        bridge.process.popen.wait()
        witness.look()
        usage = View(bridge.store).usage().counts
        places = usage.stored + usage.pending + usage.dead_lettered
        assert usage.sampled == places + usage.dropped + usage.expired
        assert usage.dead_lettered == usage.dropped == 0

    if down:
        influx.start()
    bridge.start()
    bridge.wait_until(lambda: View(bridge.store).usage().counts.stored >= len(witness.lines))
    bridge.wait_until(lambda: View(bridge.store).usage().counts.pending < 10)
    assert bridge.stop() == 0
    assert View(bridge.store).verify().problems == ()

    assert len(witness.lines) >= KILLS
    stored = {
        (measurement, row["time"]): row
        for measurement in ("jmxbridge_target", "jmxbridge_store", "jmxbridge_process")
        for row in influx.query(f"SELECT * FROM {measurement}", DATABASE)
    }
    for line in witness.lines:
        measurement, at, fields = columns(line)
        row = stored[measurement, at]
        assert {name: row[name] for name in fields} == {n: number(v) for n, v in fields.items()}
