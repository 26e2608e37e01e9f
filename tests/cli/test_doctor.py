"""`doctor` on a machine with problems, which the test supplies."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import Result

from jmxbridge.doctor import examination, unit
from tests.cli import calling

GOLDEN = Path(__file__).parent / "golden"
UNIT = {
    "LoadState": "loaded",
    "ActiveState": "failed",
    "Result": "exit-code",
    "ExecMainStatus": "69",
    "Type": "simple",
}


def call(*args: str) -> Result:
    """Run the command in this process."""
    return calling.call("doctor", *args)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is almost full, a clock that is not synchronized, a service that failed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(unit, "query", lambda: UNIT)
    monkeypatch.setattr(examination, "is_synchronized", lambda: False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=512 * 2**20))
    monkeypatch.setattr(examination, "mounts", lambda: "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("options", "golden"), [([], "doctor.out"), (["--json"], "doctor.json")])
def test_doctor_prints_the_golden_file(
    options: list[str],
    golden: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recorded_jvm: Callable[[str], None],
) -> None:
    """One finding a line: where, what, how to fix it; areas without findings go to stderr."""
    monkeypatch.chdir(GOLDEN)
    recorded_jvm("consumer-4.1.0")
    result = call(*options)
    assert result.exit_code == 1
    text = result.stdout + "".join(f"! {line}\n" for line in result.stderr.splitlines())
    assert text.replace(str(tmp_path), "/state") == (GOLDEN / golden).read_text()


@pytest.mark.usefixtures("machine")
def test_doctor_of_an_invalid_file_is_a_configuration_error(tmp_path: Path) -> None:
    """Every problem with its place, unset variables too; then the machine."""
    file = tmp_path / "mbeans.yaml"
    file.write_text("intervall: 10s\ninfluxdb: {url: 'http://h:1', bucket: '${NOT_SET_HERE}'}\n")
    result = call(str(file), "--json")
    assert result.exit_code == 78
    areas = {area["name"]: area for area in json.loads(result.stdout)["areas"]}
    assert list(areas) == ["file", "clock", "systemd"]
    findings = areas["file"]["findings"]
    assert [finding["where"] for finding in findings] == [f"{file}:1:1", f"{file}:2:39"]
    assert findings[0]["mend"] == 'Did you mean "interval"?'
    assert "NOT_SET_HERE is not set" in findings[1]["problem"]


def test_doctor_without_a_file_examines_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a problem: status 0, and nothing on stdout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(unit, "query", lambda: "not examined: no systemd")
    monkeypatch.setattr(examination, "is_synchronized", lambda: True)
    result = call()
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "clock: fine\nsystemd: not examined: no systemd\n"


def test_doctor_shows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of a valid file nor of an invalid one."""
    monkeypatch.setattr(unit, "query", lambda: "not examined: no systemd")
    text = "influxdb: {url: 'http://127.0.0.1:1', bucket: b, token: swordfish-of-a-test}\n"
    for more in ("kafka: {bootstrap: '127.0.0.1:1'}\n", "intervall: 1s\n"):
        (tmp_path / "mbeans.yaml").write_text(text + more)
        result = call(str(tmp_path / "mbeans.yaml"))
        assert result.exit_code in (1, 78)
        assert re.search("swordfish", result.output) is None
