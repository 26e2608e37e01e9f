"""Examination of the systemd service on this machine, from one `systemctl show`."""

import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from jmxbridge.doctor.finding import Area, Finding

NAME = "jmxbridge.service"
TIMEOUT_S = 5.0
"""A systemd that takes longer has other problems; the examination is skipped then."""

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "ExecMainStatus",
    "NRestarts",
    "Type",
    "User",
    "DynamicUser",
    "ExecStart",
    "StateDirectory",
    "NeedDaemonReload",
)
_JOURNAL = f"See why: journalctl -u {NAME} -e"
_CONFIGURATION = "78"
_BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_CREDENTIALS = Path("/run/credentials")
_STATE = Path("/var/lib")


def query() -> Mapping[str, str] | str:
    """Return the properties of the service, or the reason why they are unknown; never raises."""
    program = shutil.which("systemctl")
    if program is None or not _BOOTED.is_dir():
        return "not examined: systemd does not run this machine"
    command = [program, "show", NAME, f"--property={','.join(PROPERTIES)}"]
    try:
        done = subprocess.run(  # noqa: S603 - a system program, constant arguments
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as exc:
        return f"not examined: systemctl show: {type(exc).__name__}"
    return parse(done.stdout)


def parse(text: str) -> Mapping[str, str]:
    """Parse the lines of `systemctl show`: NAME=VALUE."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def examine_unit(unit: Mapping[str, str] | str, file: Path | None) -> Area:
    """Examine the service: its state, its settings, and its user's access to its file."""
    if isinstance(unit, str):
        return Area("systemd", notes=(unit,))
    if unit.get("LoadState") != "loaded":
        note = f"there is no {NAME}: {unit.get('LoadState') or 'unknown'}"
        return Area("systemd", notes=(note,))
    findings = [*_examine_state(unit), *_examine_settings(unit)]
    if file is not None and runs(unit, file):
        findings += _examine_access(unit, file)
    state = f"{NAME} is {unit.get('ActiveState')} ({unit.get('SubState')})"
    return Area("systemd", tuple(findings), () if findings else (state,))


def runs(unit: Mapping[str, str] | str, file: Path) -> bool:
    """Tell whether the service runs this file: its command has the full path."""
    if isinstance(unit, str):
        return False
    command = re.search(r"argv\[\]=(.*?) ;", unit.get("ExecStart", ""))
    return command is not None and str(file.resolve()) in command[1].split()


def environment(unit: Mapping[str, str] | str) -> dict[str, str]:
    """Return the environment variables with the service's state and credentials directories."""
    variables: dict[str, str] = {}
    if isinstance(unit, str):
        return variables
    if unit.get("StateDirectory"):
        variables["STATE_DIRECTORY"] = str(_STATE / unit["StateDirectory"].split()[0])
    credentials = _CREDENTIALS / NAME
    if os.access(credentials, os.R_OK | os.X_OK):
        variables["CREDENTIALS_DIRECTORY"] = str(credentials)
    return variables


def _examine_state(unit: Mapping[str, str]) -> list[Finding]:
    active, status = unit.get("ActiveState"), unit.get("ExecMainStatus")
    if active == "failed" or unit.get("SubState") == "auto-restart":
        problem = f"has failed: {unit.get('Result')}, exit status {status}"
        fix = "The file has errors: jmxbridge check" if status == _CONFIGURATION else _JOURNAL
        return [Finding(NAME, problem, fix)]
    if active == "inactive" and unit.get("UnitFileState") == "enabled":
        return [Finding(NAME, "is enabled but does not run", f"systemctl start {NAME}")]
    restarts = unit.get("NRestarts", "0")
    if restarts != "0":
        return [Finding(NAME, f"was restarted {restarts} times since it was started", _JOURNAL)]
    return []


def _examine_settings(unit: Mapping[str, str]) -> list[Finding]:
    findings = []
    if unit.get("Type") not in ("notify", "notify-reload"):
        problem = f"has Type={unit.get('Type')}: it counts as started before it polls"
        findings.append(Finding(NAME, problem, "Set Type=notify"))
    if unit.get("NeedDaemonReload") == "yes":
        problem = "its file was changed after systemd read it"
        fix = f"systemctl daemon-reload && systemctl restart {NAME}"
        findings.append(Finding(NAME, problem, fix))
    return findings


def _examine_access(unit: Mapping[str, str], file: Path) -> list[Finding]:
    """Check that the service's user can read the file.

    A DynamicUser is created at the start: only permissions for others apply to it.
    """
    name, uid, groups = unit.get("User", ""), -1, set[int]()
    if not name and unit.get("DynamicUser") != "yes":
        return []  # root
    try:
        user = pwd.getpwnam(name)
        uid, groups = user.pw_uid, set(os.getgrouplist(name, user.pw_gid))
    except KeyError:
        if unit.get("DynamicUser") != "yes":
            problem = f"its user {name} does not exist"
            return [Finding(NAME, problem, f"useradd --system {name}")]
    blocked = unreadable(file.resolve(), uid, groups)
    if blocked is None:
        return []
    user_name = name or "of the service"
    problem = f"user {user_name} cannot read {file}: {blocked} does not permit it"
    return [Finding(NAME, problem, f"chgrp and chmod g+r {blocked}, g+x for a folder")]


def unreadable(file: Path, uid: int, groups: set[int]) -> Path | None:
    """Return the first folder, or the file, that a user may not access; None if there is none."""
    for folder in reversed(file.parents):
        if not permits(folder.stat(), stat.S_IXOTH, uid, groups):
            return folder
    return None if permits(file.stat(), stat.S_IROTH, uid, groups) else file


def permits(status: os.stat_result, bit: int, uid: int, groups: set[int]) -> bool:
    """Tell whether mode bits permit access: owner, else group, else others (`bit`)."""
    if uid == 0:
        return True
    shift = 6 if status.st_uid == uid else 3 if status.st_gid in groups else 0
    return bool(status.st_mode & (bit << shift))
