"""Broker discovery: brokers found through Kafka and polled over JMX like other targets."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from demo.servers import Kafka
from jmxbridge.cli import app
from tests.real.bridge import Bridge

pytestmark = pytest.mark.real


def settings(kafka: Kafka) -> dict[str, Any]:
    """A file with `discover: kafka` and no broker's JMX address."""
    port = f"{{port{kafka.jmx_port - kafka.port:+}}}"
    return {
        "kafka": {"bootstrap": [kafka.bootstrap]},
        "targets": [{"discover": "kafka", "jmx_port": port, "collect": ["jvm"]}],
    }


@pytest.fixture
def file(kafka: Kafka, tmp_path: Path) -> Path:
    """The file without rules of its own, only packs."""
    path = tmp_path / "mbeans.yaml"
    path.write_text(yaml.safe_dump(settings(kafka)))
    return path


def call(*args: str) -> Result:
    """Run a command in this process; any exception but an exit fails the test."""
    result = CliRunner().invoke(app, list(args))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_run_polls_the_broker_that_it_found(kafka: Kafka, tmp_path: Path) -> None:
    """The first lag poll finds the broker; from the next tick on it is a target."""
    with Bridge(tmp_path, settings(kafka)) as bridge:
        bridge.wait_until(lambda: "broker-1: up" in bridge.log.read_text())
        log = bridge.log.read_text()
    assert "brokers 1: 1 started, 0 stopped" in log
    assert "Traceback" not in log


def test_once_polls_a_discovered_broker(file: Path) -> None:
    """`once` discovers brokers before it polls."""
    result = call("once", str(file), "--dry-run")
    assert result.exit_code == 0
    (line,) = [row for row in result.stdout.splitlines() if row.startswith("jmxbridge_target")]
    assert "target=broker-1 " in line
    assert " up=1i," in line


def test_check_connects_to_a_discovered_broker(file: Path) -> None:
    """`check --connect` reports a discovered broker's rules like any target's."""
    report = json.loads(call("check", str(file), "--connect", "--json").stdout)
    assert [target["name"] for target in report["targets"]] == ["broker-1"]


def test_mbeans_finds_a_discovered_broker_by_name(file: Path) -> None:
    """TARGET may be the name of a discovered broker."""
    result = call("mbeans", "ls", "broker-1", "java.lang:type=Runtime", "--file", str(file))
    assert (result.exit_code, result.stdout) == (0, "java.lang:type=Runtime\n")


def test_discovery_reports_an_unreachable_kafka(tmp_path: Path) -> None:
    """No broker is found; the reason is printed without a traceback."""
    path = tmp_path / "mbeans.yaml"
    path.write_text(
        "kafka: {bootstrap: ['127.0.0.1:1'], timeout: 1s}\n"
        "targets: [{discover: kafka, jmx_port: 9999, collect: [jvm]}]\n"
    )
    result = call("once", str(path), "--dry-run")
    assert result.exit_code == 1
    assert "discover: 127.0.0.1:1: " in result.stderr
