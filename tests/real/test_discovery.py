"""Brokers found by asking Kafka, and polled over JMX like any other target."""

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
    """A file that names no broker's JMX."""
    port = f"{{port{kafka.jmx_port - kafka.port:+}}}"
    return {
        "kafka": {"bootstrap": [kafka.bootstrap]},
        "targets": [{"discover": "kafka", "jmx_port": port, "collect": ["jvm"]}],
    }


@pytest.fixture
def file(kafka: Kafka, tmp_path: Path) -> Path:
    """It, with packs alone."""
    path = tmp_path / "mbeans.yaml"
    path.write_text(yaml.safe_dump(settings(kafka)))
    return path


def call(*args: str) -> Result:
    """Run a command in this process; whatever is not an exit fails the test."""
    result = CliRunner().invoke(app, list(args))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_run_polls_the_broker_that_it_found(kafka: Kafka, tmp_path: Path) -> None:
    """The first lag poll tells of it; from the next tick on it is a target."""
    with Bridge(tmp_path, settings(kafka)) as bridge:
        bridge.wait_until(lambda: "broker-1: up" in bridge.log.read_text())
        log = bridge.log.read_text()
    assert "brokers 1: 1 begun, 0 ended" in log
    assert "Traceback" not in log


def test_once_polls_it_too(file: Path) -> None:
    """One poll of everything asks for the brokers first."""
    result = call("once", str(file), "--dry-run")
    assert result.exit_code == 0
    (line,) = [row for row in result.stdout.splitlines() if row.startswith("jmxbridge_target")]
    assert "target=broker-1 " in line
    assert " up=1i," in line


def test_check_connects_to_it(file: Path) -> None:
    """What each rule takes of a broker is told as of any target."""
    report = json.loads(call("check", str(file), "--connect", "--json").stdout)
    assert [target["name"] for target in report["targets"]] == ["broker-1"]


def test_a_command_finds_it_by_its_name(file: Path) -> None:
    """TARGET may be a broker that only Kafka knows."""
    result = call("mbeans", "ls", "broker-1", "java.lang:type=Runtime", "--file", str(file))
    assert (result.exit_code, result.stdout) == (0, "java.lang:type=Runtime\n")


def test_where_kafka_is_away_that_is_said(tmp_path: Path) -> None:
    """Nothing is found, the reason is given, and no traceback."""
    path = tmp_path / "mbeans.yaml"
    path.write_text(
        "kafka: {bootstrap: ['127.0.0.1:1'], timeout: 1s}\n"
        "targets: [{discover: kafka, jmx_port: 9999, collect: [jvm]}]\n"
    )
    result = call("once", str(path), "--dry-run")
    assert result.exit_code == 1
    assert "discover: 127.0.0.1:1: " in result.stderr
