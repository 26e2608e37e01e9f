"""`check`, `explain`, `suggest` and `init` on a real broker: `once` does what they announce."""

import json
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.servers import Influx, Kafka

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60


def call(*args: str, cwd: Path, status: int = 0) -> str:
    """Run `jmxbridge` and return its stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "jmxbridge", *args],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout


@pytest.fixture
def folder(kafka: Kafka, tmp_path: Path) -> Path:
    """A folder with the shipped mbeans.yaml, adapted to the running broker."""
    text = (ROOT / "mbeans.yaml").read_text()
    text = text.replace("127.0.0.1:9999", f"127.0.0.1:{kafka.jmx_port}")
    (tmp_path / "mbeans.yaml").write_text(text.replace("127.0.0.1:9092", kafka.bootstrap))
    return tmp_path


def test_the_series_announced_are_the_series_written(folder: Path) -> None:
    """`check --connect` counts the series that `once` prints; every shipped rule matches."""
    report = json.loads(call("check", "--connect", "--json", cwd=folder))
    lines = call("once", "--dry-run", cwd=folder).splitlines()
    written = Counter(line.split(",")[0] for line in lines if not line.startswith("jmxbridge_ta"))
    # New request types appear over time, so their series may grow between the two commands.
    changing = {"kafka_request"}
    for measurement in changing:
        assert 0 < report["series"].pop(measurement) <= written.pop(measurement)
    assert report["series"] == written
    assert report["findings"] == []
    assert report["kafka"]["brokers_answered"] == 1


def test_a_misspelt_attribute_is_found_before_it_runs(folder: Path) -> None:
    """A misspelt attribute gets a suggestion from the JVM's MBeans."""
    text = (folder / "mbeans.yaml").read_text()
    assert "ThreadCount: threads" in text
    (folder / "mbeans.yaml").write_text(text.replace("ThreadCount: threads", "TreadCount: threads"))
    report = json.loads(call("check", "--connect", "--json", cwd=folder, status=1))
    (finding,) = report["findings"]
    assert "no MBean of broker-1 has TreadCount: did you mean ThreadCount?" in finding


def test_a_line_is_written_where_the_file_says(
    folder: Path, influx: Influx, influx_database: str
) -> None:
    """`check --connect` names the server's version and writes one line to its own measurement."""
    text = (folder / "mbeans.yaml").read_text()
    section = f"influxdb: {{url: '{influx.url}', bucket: {influx_database}}}\n"
    (folder / "mbeans.yaml").write_text(section + text)
    report = json.loads(call("check", "--connect", "--json", cwd=folder))
    assert report["influxdb"]["stored"] is True
    assert report["influxdb"]["version"].startswith("1.8")
    (row,) = influx.query('SELECT count("ok") FROM "jmxbridge_check"', influx_database)
    assert row["count"] == 1


def test_an_explained_line_is_part_of_the_poll(folder: Path) -> None:
    """`mbeans explain` shows the fields and tags of the line that `once` prints."""
    name = "kafka.server:type=ReplicaManager,name=PartitionCount"
    report = json.loads(call("mbeans", "explain", "broker-1", name, "--json", cwd=folder))
    ((line,),) = [taken["lines"] for mbean in report["mbeans"] for taken in mbean["taken"]]
    series, field = line.split(" ")
    polled = call("once", "--dry-run", cwd=folder).splitlines()
    (written,) = [row for row in polled if row.startswith(f"{series} ")]
    assert field.split("=")[0] in {pair.split("=")[0] for pair in written.split(" ")[1].split(",")}


def test_a_suggested_rule_works_as_it_is_pasted(folder: Path, kafka: Kafka) -> None:
    """A suggested rule gives a point without an edit."""
    name = "kafka.log:type=LogCleaner,name=cleaner-recopy-percent"
    rule = call("mbeans", "suggest", f"127.0.0.1:{kafka.jmx_port}", name, cwd=folder)
    content: dict[str, Any] = yaml.safe_load((folder / "mbeans.yaml").read_text())
    content["targets"][0]["collect"] = ["pasted"]
    del content["mbeans"]
    text = yaml.safe_dump(content) + "mbeans:\n  pasted:\n" + textwrap.indent(rule, "    ")
    (folder / "mbeans.yaml").write_text(text)
    lines = call("once", "--dry-run", cwd=folder).splitlines()
    (line,) = [row for row in lines if row.startswith("kafka_log_cleaner,")]
    assert "cleaner_recopy_percent=" in line


def test_init_writes_a_file_that_passes(
    kafka: Kafka, kafka_28: Kafka, kafka_39: Kafka, tmp_path: Path
) -> None:
    """`init` finds brokers, JMX ports and packs; `check --connect` has no findings.

    Brokers of other clusters with the same id run here too.
    """
    call("init", kafka.bootstrap, "--timeout", "30", cwd=tmp_path)
    assert "\n  timeout: 30s\n" in (tmp_path / "mbeans.yaml").read_text()
    report = json.loads(call("check", "--connect", "--json", cwd=tmp_path))
    assert (report["warnings"], report["findings"]) == ([], [])
    assert f"127.0.0.1:{kafka.jmx_port}" in (tmp_path / "mbeans.yaml").read_text()
    sets = {rule["set"] for rule in report["targets"][0]["rules"]}
    assert sets == {"kafka-broker", "kafka-topics", "kafka-kraft", "jvm"}
    call("init", kafka.bootstrap, cwd=tmp_path, status=2)
