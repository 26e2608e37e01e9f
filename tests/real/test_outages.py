"""Polls during outages of InfluxDB or Kafka: nothing is lost, and gaps are reported."""

import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.influx import OPENER
from demo.servers import Client, Influx, Kafka
from jmxbridge.store import Store
from tests.real.bridge import Bridge

pytestmark = pytest.mark.real

INTERVAL_NS = 1_000_000_000
DATABASE = "kafka"


def settings(kafka: Kafka, influx: Influx, **more: Any) -> dict[str, Any]:
    broker = {"name": "broker", "jmx": f"127.0.0.1:{kafka.jmx_port}", "collect": ["jvm"]}
    return {
        "influxdb": {"url": influx.url, "bucket": DATABASE},
        "kafka": {"bootstrap": [kafka.bootstrap]},
        "targets": [broker],
        **more,
    }


def times(influx: Influx, measurement: str, field: str) -> list[int]:
    """Return the timestamps of a measurement's points in order."""
    return [row["time"] for row in influx.query(f"SELECT {field} FROM {measurement}", DATABASE)]


def skipped(influx: Influx, first: int, last: int) -> int:
    """Return how many instants the bridge reports as skipped on a busy machine."""
    rows = influx.query(
        f"SELECT skipped_ticks FROM jmxbridge_target WHERE time > {first} AND time <= {last}",
        DATABASE,
    )
    return sum(row["skipped_ticks"] for row in rows)


def polls_in_store(bridge: Bridge) -> list[tuple[str, int]]:
    """Return source and time of the pending polls in the bridge's store, if it has one."""
    if not bridge.store.exists() or not bridge.sql("SELECT 1 FROM sqlite_master"):
        return []
    return bridge.sql("SELECT source, time_ns FROM chunk ORDER BY id")


def test_kill_9_in_the_middle_of_an_outage_loses_nothing(kafka: Kafka, tmp_path: Path) -> None:
    """InfluxDB is down at the start and later, the bridge is killed: all polls arrive.

    Expected are all polls seen in the store and every instant of the grid between the first and
    the last poll of a run, except those the bridge reports as skipped.
    """
    influx = Influx(tmp_path / "influx")
    bridge = Bridge(tmp_path, settings(kafka, influx))
    seen: set[tuple[str, int]] = set()

    def polls_seen(count: int) -> Callable[[], bool]:
        def enough() -> bool:
            seen.update(polls_in_store(bridge))
            return len(seen) >= count

        return enough

    try:
        bridge.start()  # InfluxDB is not started yet
        bridge.wait_until(polls_seen(6))
        influx.start()
        influx.create_database(DATABASE)
        bridge.wait_until(lambda: len(times(influx, "jmxbridge_target", "up")) >= 6)

        influx.stop()
        bridge.wait_until(polls_seen(len(seen) + 6))
        bridge.process.kill()
        seen.update(polls_in_store(bridge))
        first_run = {time_ns for source, time_ns in seen if source == "broker"}

        bridge.start()  # InfluxDB is still down
        bridge.wait_until(polls_seen(len(seen) + 6))
        influx.start()
        last = max(time_ns for _, time_ns in seen)
        bridge.wait_until(lambda: times(influx, "jmxbridge_lag_poll", "requests")[-1:] > [last])
        bridge.wait_until(lambda: times(influx, "jmxbridge_store", "pending")[-1:] > [last])

        arrived = {("broker", time_ns) for time_ns in times(influx, "jmxbridge_target", "up")}
        arrived |= {("lag", time_ns) for time_ns in times(influx, "jmxbridge_lag_poll", "requests")}
        arrived |= {("store", time_ns) for time_ns in times(influx, "jmxbridge_store", "pending")}
        assert seen <= arrived
        grid = set(range(min(first_run), max(first_run) + 1, INTERVAL_NS))
        missing = grid - {time_ns for source, time_ns in arrived if source == "broker"}
        assert len(missing) == skipped(influx, min(first_run), max(first_run))
        assert bridge.stop() == 0
    finally:
        bridge.process.stop()
        influx.close()


async def test_a_refused_line_is_a_dead_letter_and_the_others_arrive(
    kafka: Kafka, influx: Influx, influx_database: str, tmp_path: Path
) -> None:
    """A type conflict becomes a dead letter with the server's message; the rest arrives."""
    write_line(influx, influx_database, 'jvm,x=y threads="text"')
    file = settings(kafka, influx) | {"influxdb": {"url": influx.url, "bucket": influx_database}}
    with Bridge(tmp_path, file) as bridge:
        bridge.wait_until(
            lambda: len(influx.query("SELECT up FROM jmxbridge_target", influx_database)) >= 3
        )
        assert bridge.stop() == 0
    async with await Store.open(bridge.store, max_bytes=1 << 30, retain_s=None) as store:
        letters = await store.dead_letters(100)
        counts = await store.counts()
    assert letters
    assert {letter.line.split(b",")[0] for letter in letters} == {b"jvm"}
    assert all("field type conflict" in letter.reason for letter in letters)
    assert counts.sampled == counts.stored + counts.pending + counts.dead_lettered
    assert influx.query("SELECT used_bytes FROM jvm_memory_pool LIMIT 1", influx_database)


def test_kafka_may_be_away_at_the_start(client: Client, influx: Influx, tmp_path: Path) -> None:
    """JMX polls continue without Kafka; the lag poll reports the failure, then recovers."""
    database = influx.create_database()
    late = Kafka(tmp_path / "kafka")
    jvm = {"name": "jvm", "jmx": f"127.0.0.1:{client.jmx_port}", "collect": ["jvm"]}
    file = settings(late, influx) | {
        "influxdb": {"url": influx.url, "bucket": database},
        "targets": [jvm],
    }

    def complete() -> list[bool]:
        rows = influx.query("SELECT complete FROM jmxbridge_lag_poll", database)
        return [row["complete"] for row in rows]

    try:
        with Bridge(tmp_path, file) as bridge:
            bridge.wait_until(lambda: len(complete()) >= 2)
            assert not any(complete())
            ups = influx.query("SELECT up FROM jmxbridge_target", database)
            assert {row["up"] for row in ups} == {1}
            late.start()
            bridge.wait_until(lambda: complete()[-1])
    finally:
        late.close()


def write_line(influx: Influx, database: str, line: str) -> None:
    """Write one line of line protocol, as another writer would."""
    request = urllib.request.Request(f"{influx.url}/write?db={database}", line.encode())
    with OPENER.open(request) as reply:
        assert reply.status == 204
