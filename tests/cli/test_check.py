"""`jmxbridge check`: problems and warnings of a file, as text and as JSON."""

import json
from pathlib import Path

import pytest

from jmxbridge.state.poll_times import PollTimes
from tests.cli.calling import call

ROOT = Path(__file__).parents[2]


def test_check_accepts_the_shipped_file() -> None:
    """It prints a summary of the default file in one line."""
    result = call("check", str(ROOT / "mbeans.yaml"))
    assert result.exit_code == 0
    assert "fine: 1 target," in result.stdout
    assert "127.0.0.1:9092" in result.stdout


def test_check_warns_of_polls_longer_than_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The durations that `run` left next to its store are a warning, as text and as JSON."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    times = PollTimes(tmp_path / "local.sqlite3")
    times.note("lag", 3.25)
    times.write(0.0)
    Path("mbeans.yaml").write_text("interval: 2s\nkafka: {bootstrap: 'k:9092'}\n")
    text, report = call("check"), json.loads(call("check", "--json").stdout)
    assert text.exit_code == 0
    assert "mbeans.yaml:1:11: warning: interval: the last poll of lag took 3.2 s" in text.stderr
    assert [warning["where"] for warning in report["warnings"]] == ["interval"]


def test_check_prints_json(tmp_path: Path) -> None:
    """One document with its kind and version; problems have line and column."""
    good = json.loads(call("check", str(ROOT / "mbeans.yaml"), "--json").stdout)
    assert (good["kind"], good["version"], good["problems"]) == ("check", 1, [])
    bad = tmp_path / "bad.yaml"
    bad.write_text("intervall: 10s\n")
    result = call("check", str(bad), "--json")
    assert result.exit_code == 78
    (problem, *_) = json.loads(result.stdout)["problems"]
    assert (problem["line"], problem["column"], problem["suggestion"]) == (1, 1, "interval")
