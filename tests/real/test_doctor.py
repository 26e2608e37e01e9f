"""`doctor` against a real broker, with several things wrong in the file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.servers import Influx, Kafka, free_port

pytestmark = pytest.mark.real

DEADLINE_S = 60


def call(file: Path) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Run `doctor --json`; return its status and findings by area."""
    done = subprocess.run(
        [sys.executable, "-m", "jmxbridge", "doctor", str(file), "--json"],
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    areas = json.loads(done.stdout)["areas"]
    return done.returncode, {area["name"]: area["findings"] for area in areas}


def test_doctor_names_each_fault(kafka: Kafka, influx: Influx, tmp_path: Path) -> None:
    """Findings: a dead bootstrap address, a dead JMX port, a missing bucket; not the broker."""
    dead = free_port()
    document = {
        "kafka": {"bootstrap": [kafka.bootstrap, f"127.0.0.1:{dead}"]},
        "influxdb": {"url": influx.url, "bucket": "nobody_made_it"},
        "store": {"path": str(tmp_path / "store.sqlite3"), "max_size": "1MiB"},
        "targets": [
            {"name": "broker", "jmx": f"127.0.0.1:{kafka.jmx_port}", "collect": ["jvm"]},
            {"name": "gone", "jmx": f"127.0.0.1:{dead}", "collect": ["jvm"]},
            {"name": "wrong", "jmx": kafka.bootstrap, "collect": ["jvm"]},
        ],
    }
    file = tmp_path / "mbeans.yaml"
    file.write_text(yaml.safe_dump(document))
    status, areas = call(file)
    assert status == 1
    assert [finding["where"] for finding in areas["targets"]] == ["gone", "wrong"]
    assert [finding["where"] for finding in areas["kafka"]] == [f"127.0.0.1:{dead}"]
    (no_bucket,) = areas["influxdb"]
    assert no_bucket["mend"] == "Create the bucket nobody_made_it"
    assert areas["file"] == areas["limits"] == areas["packages"] == []
    assert not [finding for finding in areas["clock"] if "InfluxDB" in finding["problem"]]


def test_doctor_has_no_findings_on_healthy_servers(
    kafka: Kafka, influx: Influx, influx_database: str, tmp_path: Path
) -> None:
    """Servers that answer and the broker's advertised address give no findings."""
    document = {
        "kafka": {"bootstrap": [kafka.bootstrap]},
        "influxdb": {"url": influx.url, "bucket": influx_database},
        "store": {"path": str(tmp_path / "store.sqlite3"), "max_size": "1MiB"},
        "targets": [{"discover": "kafka", "jmx_port": kafka.jmx_port, "collect": ["jvm"]}],
    }
    file = tmp_path / "mbeans.yaml"
    file.write_text(yaml.safe_dump(document))
    _, areas = call(file)
    assert areas["targets"] == areas["kafka"] == areas["influxdb"] == []
