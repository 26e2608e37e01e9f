"""Examination of the service from `systemctl show`, in the format of systemd 252."""

import os
import stat
from pathlib import Path

import pytest

from jmxbridge.doctor import unit
from jmxbridge.doctor.unit import environment, examine_unit, parse, permits, runs, unreadable

FINE = """\
Type=notify
NRestarts=0
ExecMainStatus=0
Result=success
ExecStart={ path=/usr/bin/jmxbridge ; argv[]=/usr/bin/jmxbridge run FILE ; ignore_errors=no ; \
start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
StateDirectory=jmxbridge
DynamicUser=no
User=
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
NeedDaemonReload=no
"""


def changed(**properties: str) -> dict[str, str]:
    """Return the properties of a service without problems, except for these."""
    return {**parse(FINE), **properties}


@pytest.mark.parametrize(
    ("properties", "problem", "fix"),
    [
        ({"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "78"},
         "has failed: exit-code, exit status 78", "jmxbridge check"),
        ({"ActiveState": "activating", "SubState": "auto-restart", "Result": "oom-kill"},
         "has failed: oom-kill", "journalctl -u jmxbridge.service"),
        ({"ActiveState": "inactive", "SubState": "dead"}, "does not run", "systemctl start"),
        ({"NRestarts": "7"}, "was restarted 7 times", "journalctl"),
        ({"Type": "simple"}, "Type=simple", "Type=notify"),
        ({"NeedDaemonReload": "yes"}, "changed after", "daemon-reload"),
    ],
)  # fmt: skip
def test_findings_of_a_unit(properties: dict[str, str], problem: str, fix: str) -> None:
    """One line each, with the command to type."""
    (finding,) = examine_unit(changed(**properties), None).findings
    assert problem in finding.problem
    assert fix in finding.fix


def test_a_service_without_problems() -> None:
    """Only a note with its state."""
    area = examine_unit(parse(FINE), None)
    assert (area.findings, area.notes) == ((), ("jmxbridge.service is active (running)",))


@pytest.mark.parametrize("properties", ["not examined: no systemd", {"LoadState": "not-found"}])
def test_a_missing_service_is_no_finding(properties: str | dict[str, str]) -> None:
    """Containers have none, and neither has a machine where the bridge is tried out."""
    area = examine_unit(properties, Path("mbeans.yaml"))
    assert area.findings == ()
    assert len(area.notes) == 1


def test_the_file_must_be_readable_by_the_services_user(tmp_path: Path) -> None:
    """By mode bits, also for a DynamicUser; root can read everything."""
    file = tmp_path / "mbeans.yaml"
    file.touch(mode=0o600)
    of_file = parse(FINE.replace("FILE", str(file)))
    (finding, *_) = examine_unit({**of_file, "DynamicUser": "yes"}, file).findings
    assert f"cannot read {file}" in finding.problem
    assert examine_unit(of_file, file).findings == ()
    assert examine_unit({**of_file, "DynamicUser": "yes"}, tmp_path / "other.yaml").findings == ()
    (finding,) = examine_unit({**of_file, "User": "no-such-user"}, file).findings
    assert "does not exist" in finding.problem


OWNER, GROUP, OTHER = 1000, 100, 4242


@pytest.mark.parametrize(
    ("mode", "uid", "groups", "is_open"),
    [
        (0o400, OWNER, set[int](), True),
        (0o044, OWNER, {GROUP}, False),
        (0o040, OTHER, {GROUP}, True),
        (0o404, OTHER, {GROUP}, False),
        (0o004, OTHER, set[int](), True),
        (0o640, OTHER, set[int](), False),
        (0o000, 0, set[int](), True),
    ],
)
def test_mode_bits_decide_as_in_the_kernel(
    mode: int, uid: int, groups: set[int], is_open: bool
) -> None:
    """Owner, else group, else others: the first that applies decides; root may do everything."""
    status = os.stat_result((mode, 0, 0, 1, OWNER, GROUP, 0, 0, 0, 0))
    assert permits(status, stat.S_IROTH, uid, groups) == is_open


def test_unreadable_names_the_first_closed_folder(tmp_path: Path) -> None:
    """The mode of the file does not matter if its folder cannot be entered."""
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "file").touch(mode=0o644)
    stranger = folder.stat().st_uid + 1
    folder.chmod(0o700)
    blocked = unreadable(folder / "file", stranger, set())
    assert blocked is not None
    assert folder.is_relative_to(blocked)
    assert unreadable(folder / "file", 0, set()) is None


def test_environment_of_a_unit_applies_to_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If its command names the file: its state, and its credentials if they can be read."""
    file = tmp_path / "mbeans.yaml"
    of_file = parse(FINE.replace("FILE", str(file)))
    assert runs(of_file, file)
    assert not runs(of_file, tmp_path / "other.yaml")
    assert not runs("not examined", file)
    (tmp_path / "jmxbridge.service").mkdir()
    monkeypatch.setattr(unit, "_CREDENTIALS", tmp_path)
    assert environment(of_file) == {
        "STATE_DIRECTORY": "/var/lib/jmxbridge",
        "CREDENTIALS_DIRECTORY": str(tmp_path / "jmxbridge.service"),
    }
    assert environment("not examined") == {}


def test_a_systemctl_that_fails_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason; the other areas are examined."""
    program = tmp_path / "systemctl"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(unit, "_BOOTED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert unit.query() == "not examined: systemctl show: CalledProcessError"
    program.write_text("#!/bin/sh\necho LoadState=not-found\n")
    assert unit.query() == {"LoadState": "not-found"}
    monkeypatch.setattr(unit, "_BOOTED", tmp_path / "none")
    assert unit.query() == "not examined: systemd does not run this machine"
