"""`check --connect` with a recorded consumer, and with servers that do not answer."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from demo.servers import free_port
from jmxbridge.cli.preflight import influx_text
from jmxbridge.influx.probe import ProbeResult
from tests.cli import calling
from tests.kafka.fake_cluster import FakeCluster

GOLDEN = Path(__file__).parent / "golden"


def call(*args: str) -> Result:
    """Run the command in this process."""
    return calling.call("check", "--connect", *args)


def test_preflight_json_has_each_rule(
    monkeypatch: pytest.MonkeyPatch, recorded_jvm: Callable[[str], None]
) -> None:
    """Its place, the MBeans it matches, and the same findings as the text."""
    monkeypatch.chdir(GOLDEN)
    recorded_jvm("consumer-4.1.0")
    result = call("--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    (target,) = report["targets"]
    taken = {rule["where"]: (rule["mbeans"], rule["optional"]) for rule in target["rules"]}
    assert taken == {
        "mbeans.yaml:6:7": (1, False),
        "mbeans.yaml:12:7": (3, False),
        "mbeans.yaml:17:7": (0, True),
        "mbeans.yaml:22:7": (0, False),
    }
    assert report["series"] == {"kafka_consumer": 1, "kafka_consumer_partition": 3}
    assert (report["kafka"], report["influxdb"]) == (None, None)
    assert len(report["findings"]) == 1
    assert [warning["where"] for warning in report["warnings"]] == ["mbeans.memory"]


def test_preflight_reports_full_limits(
    tmp_path: Path, recorded_jvm: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rule, before a series is missed."""
    text = (GOLDEN / "mbeans.yaml").read_text().replace("limit: 4", "limit: 2")
    (tmp_path / "mbeans.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    recorded_jvm("consumer-4.1.0")
    result = call()
    assert result.exit_code == 1
    warning = "orders: warning: limits leave out 1 series: mbeans.yaml:12:7 (limit 2); `jmxbridge"
    assert warning in result.stderr


def test_preflight_reports_more_series_than_max_series(
    tmp_path: Path, recorded_jvm: Callable[[str], None]
) -> None:
    """Before `run` leaves them out."""
    recorded_jvm("consumer-4.1.0")
    file = tmp_path / "few.yaml"
    file.write_text(f"max_series: 3\n{(GOLDEN / 'mbeans.yaml').read_text()}")
    result = call(str(file))
    assert result.exit_code == 1
    assert "one poll makes 4 series, and max_series is 3" in result.stderr


async def test_a_quota_that_delays_the_poll_is_a_finding(tmp_path: Path) -> None:
    """A warning, as polls are complete and slow."""
    file = tmp_path / "mbeans.yaml"
    async with FakeCluster() as fake:
        fake.throttle_ms = 300
        file.write_text(f"kafka: {{bootstrap: '127.0.0.1:{fake.ports[1]}'}}\n")
        result = await asyncio.to_thread(call, str(file))

    assert f"kafka: warning: broker 1 at 127.0.0.1:{fake.ports[1]} throttled us" in result.stderr


def test_preflight_names_every_unreachable_server(tmp_path: Path) -> None:
    """Status 69; not only the first server that does not answer."""
    jmx, kafka, influx = free_port(), free_port(), free_port()
    file = tmp_path / "mbeans.yaml"
    file.write_text(
        f"kafka: {{bootstrap: '127.0.0.1:{kafka}'}}\n"
        f"influxdb: {{url: 'http://127.0.0.1:{influx}', bucket: b}}\n"
        "mbeans:\n"
        "  jvm:\n"
        "    - {bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: uptime_ms}}\n"
        "targets:\n"
        f"  - {{name: app, jmx: '127.0.0.1:{jmx}', collect: [jvm]}}\n"
    )
    result = call(str(file))
    assert result.exit_code == 69
    assert f"target app: not read: cannot connect to 127.0.0.1:{jmx}" in result.stdout
    assert f"kafka: not reached: 127.0.0.1:{kafka}" in result.stdout
    assert "influxdb: not written: " in result.stdout


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (ProbeResult("1.8.10", True, True, 3600.0, None),
         "InfluxDB 1.8.10: a line was written to bucket kafka; kept for 1 hour"),
        (ProbeResult("2.9.1", True, True, 315_360_000.0, None),
         "InfluxDB 2.9.1: a line was written to bucket kafka; kept for 3650 days"),
        (ProbeResult("2.9.1", True, True, 0.0, None),
         "InfluxDB 2.9.1: a line was written to bucket kafka; kept for ever"),
        (ProbeResult("3.4.1", True, True, None, None),
         "InfluxDB 3.4.1: a line was written to bucket kafka; its retention is not known"),
        (ProbeResult("2.9.1", False, False, None, "404: create it"),
         "InfluxDB 2.9.1: not written: 404: create it; there is no bucket kafka"),
        (ProbeResult(None, False, None, None, "refused: it does not answer"),
         "not written: refused: it does not answer"),
    ],
)  # fmt: skip
def test_preflight_describes_influxdb(result: ProbeResult, text: str) -> None:
    """Version, whether the bucket exists, and its retention."""
    assert influx_text(result, "kafka") == text
