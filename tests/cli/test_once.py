"""`jmxbridge once`: one poll, its lines and its problems."""

from pathlib import Path

import pytest

from demo.servers import free_port
from tests.cli.calling import call


def test_once_reports_a_target_that_is_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Status 1, its name once on stderr, and its `up=0` line on stdout."""
    file = tmp_path / "mbeans.yaml"
    file.write_text(
        "mbeans:\n"
        "  jvm:\n"
        "    - {bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: uptime_ms}}\n"
        "targets:\n"
        f"  - {{name: app, jmx: '127.0.0.1:{free_port()}', collect: [jvm]}}\n"
    )
    result = call("once", str(file), "--dry-run")
    assert result.exit_code == 1
    assert result.stderr.startswith("app: refused: ")
    (line,) = result.stdout.splitlines()
    assert line.startswith("jmxbridge_target,cluster=local,target=app ")
    assert "up=0i" in line
    assert 'error="refused"' in line
    assert caplog.messages == []


def test_once_accepts_a_target_named_lag(tmp_path: Path) -> None:
    """It is not mixed up with the lag poll."""
    file = tmp_path / "mbeans.yaml"
    file.write_text(
        f"kafka: {{bootstrap: '127.0.0.1:{free_port()}'}}\n"
        "targets:\n"
        f"  - {{name: lag, jmx: '127.0.0.1:{free_port()}', collect: [jvm]}}\n"
    )
    lines = call("once", str(file), "--dry-run").stdout.splitlines()
    measurements = [line.split(",")[0] for line in lines]
    assert measurements == ["jmxbridge_target", "jmxbridge_lag_poll"]
