"""`jmxbridge check`: problems and warnings of a file, as text and as JSON."""

import json
from pathlib import Path

import pytest

from jmxbridge.state.poll_times import PollTimes
from tests.cli.calling import call

ROOT = Path(__file__).parents[2]


def test_the_shipped_file_is_fine() -> None:
    """`check` on the default file says in one line what it asks for."""
    result = call("check", str(ROOT / "mbeans.yaml"))
    assert result.exit_code == 0
    assert "fine: 1 target," in result.stdout
    assert "127.0.0.1:9092" in result.stdout


def test_check_knows_how_long_the_last_polls_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `run` wrote beside its store: a warning with its place, in the text and in the JSON."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    times = PollTimes(tmp_path / "local.sqlite3")
    times.note("lag", 3.25)
    times.write(0.0)
    Path("mbeans.yaml").write_text("interval: 2s\nkafka: {bootstrap: 'k:9092'}\n")
    text, report = call("check"), json.loads(call("check", "--json").stdout)
    assert text.exit_code == 0
    assert "mbeans.yaml:1:11: warning: interval: the last poll of lag took 3.2 s" in text.stderr
    assert [each["where"] for each in report["warnings"]] == ["interval"]


def test_check_speaks_json(tmp_path: Path) -> None:
    """One document with its kind and version; problems with line and column."""
    good = json.loads(call("check", str(ROOT / "mbeans.yaml"), "--json").stdout)
    assert (good["kind"], good["version"], good["problems"]) == ("check", 1, [])
    bad = tmp_path / "bad.yaml"
    bad.write_text("intervall: 10s\n")
    result = call("check", str(bad), "--json")
    assert result.exit_code == 78
    (problem, *_) = json.loads(result.stdout)["problems"]
    assert (problem["line"], problem["column"], problem["suggestion"]) == (1, 1, "interval")
