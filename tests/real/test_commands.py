"""The commands against real servers, as typed by a user."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.servers import Client, Influx, Kafka, Process
from tests.real.bridge import SETS, Bridge

pytestmark = pytest.mark.real

JAVA_GROUPS = "consumer.group.ConsumerGroupCommand"
DEADLINE_S = 60


def call(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `jmxbridge` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "jmxbridge", *args],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def settings(kafka: Kafka, **more: Any) -> dict[str, Any]:
    return {
        "kafka": {"bootstrap": [kafka.bootstrap]},
        "targets": [
            {"name": "broker", "jmx": f"127.0.0.1:{kafka.jmx_port}", "collect": ["broker", "jvm"]}
        ],
        "mbeans": SETS,
        **more,
    }


@pytest.fixture
def file(kafka: Kafka, tmp_path: Path) -> Path:
    """A settings file for the broker with a local store only."""
    path = tmp_path / "mbeans.yaml"
    store = {"path": str(tmp_path / "store.sqlite3")}
    path.write_text(yaml.safe_dump(settings(kafka, store=store)))
    return path


def test_a_dry_run_prints_lines_and_leaves_nothing_behind(file: Path) -> None:
    """`once --dry-run` prints line protocol with one timestamp on the grid and creates no store."""
    done = call("once", "--dry-run", cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    measurements = {line.split(",")[0] for line in lines}
    assert {"kafka_broker", "jvm", "jmxbridge_target", "jmxbridge_lag_poll"} <= measurements
    (time_ns,) = {int(line.rsplit(" ", 1)[1]) for line in lines}
    assert time_ns % 10_000_000_000 == 0
    assert not (file.parent / "store.sqlite3").exists()


def test_once_delivers_what_it_prints(
    kafka: Kafka, influx: Influx, influx_database: str, tmp_path: Path
) -> None:
    """Without --dry-run the printed lines are in InfluxDB when the command ends."""
    influxdb = {"url": influx.url, "bucket": influx_database}
    store = {"path": str(tmp_path / "store.sqlite3")}
    document = settings(kafka, influxdb=influxdb, store=store)
    (tmp_path / "mbeans.yaml").write_text(yaml.safe_dump(document))
    done = call("once", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    time_ns = int(done.stdout.splitlines()[0].rsplit(" ", 1)[1])
    rows = influx.query("SELECT up FROM jmxbridge_target", influx_database)
    assert [(row["time"], row["up"]) for row in rows] == [(time_ns, 1)]


def test_lag_prints_what_kafkas_own_command_prints(
    kafka: Kafka, client: Client, consumer: Client, fresh_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Same cells in the same columns, for a reading and a stopped group.

    SECONDS and STATUS are additional columns.
    """
    topic, reading, stopped = (fresh_name(stem) for stem in ("topic", "reading", "stopped"))
    client.create(topic, 3)
    client.commit(stopped, topic)
    client.produce(topic, 20)
    consumer.subscribe(reading, topic, "reader")
    consumer.wait_consumed(20)
    for group in (reading, stopped):
        ours = call("lag", group, "--bootstrap", kafka.bootstrap, cwd=tmp_path)
        assert ours.returncode == 0
        theirs = kafka.tool(JAVA_GROUPS, "--describe", "--group", group)
        table = cells(ours.stdout)
        assert [line[:6] + line[8:] for line in table] == cells(theirs)
        assert len(table) == 4
        assert table[0][6:8] == ["SECONDS", "STATUS"]

    as_json = call("lag", stopped, "--bootstrap", kafka.bootstrap, "--json", cwd=tmp_path)
    (entry,) = json.loads(as_json.stdout)["groups"]
    assert sum(row["lag"] for row in entry["partitions"]) == 20


def cells(table: str) -> list[list[str]]:
    """Split a table into its head and sorted rows."""
    head, *rows = [line.split() for line in table.splitlines() if line.strip()]
    return [head, *sorted(rows)]


def test_lag_of_a_group_that_is_not_there(kafka: Kafka, tmp_path: Path) -> None:
    """An unknown group is a finding: status 1, its name on stderr, nothing on stdout."""
    done = call("lag", "nobody", "--bootstrap", kafka.bootstrap, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "group nobody does not exist\n"


def test_lag_shows_a_deleted_group_as_run_goes_on_to_write_it(
    kafka: Kafka, client: Client, fresh_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Before `run` has saved that the group is gone, and after; `run` forgotten, it is missing."""
    topic, group = fresh_name("topic"), fresh_name("stopped")
    client.create(topic)
    client.commit(group, topic)
    client.produce(topic, 20)
    state = tmp_path / "store.lag.json"
    row = [group, topic, "0", "0", "20", "20"]
    with Bridge(tmp_path, {"kafka": {"bootstrap": [kafka.bootstrap]}}) as bridge:
        bridge.wait_until(state.exists)
        kafka.tool(JAVA_GROUPS, "--delete", "--group", group)
        early = call("lag", group, cwd=tmp_path)
        bridge.wait_until(lambda: f"group {group} has vanished" in bridge.log.read_text())
    late = call("lag", group, cwd=tmp_path)
    listed = call("lag", "--json", cwd=tmp_path)
    for done in (early, late):
        assert done.returncode == 0, done.stderr
        assert cells(done.stdout)[1][:6] == row
        assert f"group {group} is no longer in Kafka; its lag is counted from" in done.stderr
    vanished = {
        entry["group"] for entry in json.loads(listed.stdout)["groups"] if entry["vanished"]
    }
    assert group in vanished

    state.unlink()
    missing = call("lag", group, cwd=tmp_path)
    assert (missing.returncode, missing.stdout) == (1, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watching_lag_goes_on_until_it_is_stopped(
    kafka: Kafka, number: signal.Signals, tmp_path: Path
) -> None:
    """--watch --json prints one document per line until Ctrl-C or SIGTERM, with status 0."""
    command = ["lag", "--bootstrap", kafka.bootstrap, "--watch", "--every", "0.5", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "jmxbridge", *command], stdout=subprocess.PIPE, cwd=tmp_path
    ) as watching:
        assert watching.stdout is not None
        documents = [json.loads(watching.stdout.readline()) for _ in range(3)]
        watching.send_signal(number)
        assert watching.wait(DEADLINE_S) == 0
    assert [document["kind"] for document in documents] == ["lag"] * 3


def test_watching_values_goes_on_until_it_is_stopped(kafka: Kafka, tmp_path: Path) -> None:
    """A counter of a real JVM: the second line has its difference."""
    target = f"127.0.0.1:{kafka.jmx_port}"
    command = ["mbeans", "get", target, "java.lang:type=Runtime", "Uptime"]
    with subprocess.Popen(
        [sys.executable, "-m", "jmxbridge", *command, "--watch", "--every", "0.5"],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        first, second = (watching.stdout.readline().split(" = ")[1] for _ in range(2))
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(DEADLINE_S) == 0
    number, grown = second.split()
    assert grown == f"(+{int(number) - int(first)})"


def test_mbeans_are_listed_and_read_without_a_file(kafka: Kafka, tmp_path: Path) -> None:
    """HOST:PORT is enough to list names and values; composites are JSON."""
    target = f"127.0.0.1:{kafka.jmx_port}"
    names = call("mbeans", "ls", target, "java.lang:type=Mem*", cwd=tmp_path)
    assert names.stdout == "java.lang:type=Memory\n"
    got = call("mbeans", "get", target, "java.lang:type=Memory", "HeapMemoryUsage", cwd=tmp_path)
    name, value = got.stdout.splitlines()
    assert name == "java.lang:type=Memory"
    attribute, _, text = value.strip().partition(" = ")
    assert attribute == "HeapMemoryUsage"
    assert set(json.loads(text)) == {"committed", "init", "max", "used"}
    none = call("mbeans", "get", target, "java.lang:type=Memry", cwd=tmp_path)
    assert none.returncode == 1
    assert "no MBean" in none.stderr


def test_mbeans_takes_a_targets_name_from_the_file(file: Path) -> None:
    """TARGET may be the name of a target in the file."""
    done = call("mbeans", "ls", "broker", "java.lang:type=Memory", cwd=file.parent)
    assert done.stdout == "java.lang:type=Memory\n"


def test_a_store_belongs_to_one_bridge(kafka: Kafka, tmp_path: Path) -> None:
    """A second bridge on the same store exits at once and names the first one's process."""
    with Bridge(tmp_path, settings(kafka)) as first:
        first.wait_until(first.store.exists)
        second = call("run", str(first.file), cwd=tmp_path)
        assert second.returncode == 69
        assert str(first.process.pid) in second.stderr
        assert "Traceback" not in second.stderr


def test_a_terminal_sees_one_line_for_each_target(file: Path) -> None:
    """On a terminal the status has one line per target; Ctrl-C stops it."""
    ours, theirs = pty.openpty()
    log = file.parent / "run.log"
    try:
        running = Process(
            [sys.executable, "-m", "jmxbridge", "run", str(file)],
            log=log,
            output=theirs,
            env={"TERM": "xterm", "COLUMNS": "160"},
        )
        seen = read_until(ours, b"partition", b"points in")
        assert b"broker" in seen
        assert b"no influxdb section: points stay in" in seen
        running.popen.send_signal(signal.SIGINT)
        read_until(ours, b"\x1b[?25h")  # the cursor is visible again
        assert running.wait(DEADLINE_S) == 0
    finally:
        running.stop()
        os.close(ours)
        os.close(theirs)


def read_until(terminal: int, *words: bytes) -> bytes:
    """Read a terminal until it has shown every word; fail when output ends."""
    seen = b""
    while not all(word in seen for word in words):
        assert select.select([terminal], [], [], DEADLINE_S)[0], seen
        seen += os.read(terminal, 65536)
    return seen


def test_a_token_is_never_shown(kafka: Kafka, influx: Influx, tmp_path: Path) -> None:
    """No dry run, log or server's refusal shows the token."""
    token = "s3cr3t-t0ken-0f-a-test"  # noqa: S105
    influxdb = {"url": f"{influx.url}/wrong", "bucket": "b", "org": "o", "token": token}
    with Bridge(tmp_path, settings(kafka, influxdb=influxdb)) as bridge:
        bridge.wait_until(lambda: ": 404, " in bridge.log.read_text())
    dry = call("once", str(bridge.file), "--dry-run", cwd=tmp_path)
    checked = call("check", str(bridge.file), cwd=tmp_path)
    shown = bridge.log.read_text() + dry.stdout + dry.stderr + checked.stdout + checked.stderr
    assert "404" in shown
    assert token not in shown
