"""The service of this machine, as systemd has it: asked for with one `systemctl show`."""

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
"""A systemd that takes longer has other troubles; it is skipped then."""

PROPERTIES = (
    *("LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "ExecMainStatus"),
    *(
        "NRestarts",
        "Type",
        "User",
        "DynamicUser",
        "ExecStart",
        "StateDirectory",
        "NeedDaemonReload",
    ),
)
_JOURNAL = f"See why: journalctl -u {NAME} -e"
_CONFIGURATION = "78"
_BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_CREDENTIALS = Path("/run/credentials")
_STATE = Path("/var/lib")


def ask() -> Mapping[str, str] | str:
    """Return the properties of the service, or why there are none. Raises nothing."""
    program = shutil.which("systemctl")
    if program is None or not _BOOTED.is_dir():
        return "not looked at: systemd does not run this machine"
    command = [program, "show", NAME, f"--property={','.join(PROPERTIES)}"]
    try:
        done = subprocess.run(  # noqa: S603 - a program of this machine, words of our own
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as exc:
        return f"not looked at: systemctl show: {type(exc).__name__}"
    return parse(done.stdout)


def parse(text: str) -> Mapping[str, str]:
    """Read the lines of `systemctl show`: NAME=VALUE."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def examine_unit(unit: Mapping[str, str] | str, file: Path | None) -> Area:
    """Judge the service: does it run, does it end, and may its user read the file it is for?"""
    if isinstance(unit, str):
        return Area("systemd", notes=(unit,))
    if unit.get("LoadState") != "loaded":
        said = f"there is no {NAME}: {unit.get('LoadState') or 'it is not known'}"
        return Area("systemd", notes=(said,))
    found = [*_state(unit), *_form(unit)]
    if file is not None and runs(unit, file):
        found += _access(unit, file)
    states = f"{NAME} is {unit.get('ActiveState')} ({unit.get('SubState')})"
    return Area("systemd", tuple(found), () if found else (states,))


def runs(unit: Mapping[str, str] | str, file: Path) -> bool:
    """Whether the service is for this file: its command names it in full."""
    if isinstance(unit, str):
        return False
    command = re.search(r"argv\[\]=(.*?) ;", unit.get("ExecStart", ""))
    return command is not None and str(file.resolve()) in command[1].split()


def environment(unit: Mapping[str, str] | str) -> dict[str, str]:
    """Return where the service has its state and its credentials, as its processes are told."""
    found: dict[str, str] = {}
    if isinstance(unit, str):
        return found
    if unit.get("StateDirectory"):
        found["STATE_DIRECTORY"] = str(_STATE / unit["StateDirectory"].split()[0])
    credentials = _CREDENTIALS / NAME
    if os.access(credentials, os.R_OK | os.X_OK):
        found["CREDENTIALS_DIRECTORY"] = str(credentials)
    return found


def _state(unit: Mapping[str, str]) -> list[Finding]:
    active, status = unit.get("ActiveState"), unit.get("ExecMainStatus")
    if active == "failed" or unit.get("SubState") == "auto-restart":
        said = f"has failed: {unit.get('Result')}, exit status {status}"
        mend = "The file has mistakes: jmxbridge check" if status == _CONFIGURATION else _JOURNAL
        return [Finding(NAME, said, mend)]
    if active == "inactive" and unit.get("UnitFileState") == "enabled":
        return [Finding(NAME, "is enabled and does not run", f"systemctl start {NAME}")]
    restarts = unit.get("NRestarts", "0")
    if restarts != "0":
        return [Finding(NAME, f"was restarted {restarts} times since it was started", _JOURNAL)]
    return []


def _form(unit: Mapping[str, str]) -> list[Finding]:
    found = []
    if unit.get("Type") not in ("notify", "notify-reload"):
        said = f"is of Type={unit.get('Type')}: it counts as started before it polls"
        found.append(Finding(NAME, said, "Set Type=notify"))
    if unit.get("NeedDaemonReload") == "yes":
        said = "its file was changed after systemd read it"
        found.append(Finding(NAME, said, f"systemctl daemon-reload && systemctl restart {NAME}"))
    return found


def _access(unit: Mapping[str, str], file: Path) -> list[Finding]:
    """A user of the unit's own is made at its start: what others may read is all it may."""
    name, uid, groups = unit.get("User", ""), -1, set[int]()
    if not name and unit.get("DynamicUser") != "yes":
        return []  # root
    try:
        user = pwd.getpwnam(name)
        uid, groups = user.pw_uid, set(os.getgrouplist(name, user.pw_gid))
    except KeyError:
        if unit.get("DynamicUser") != "yes":
            said = f"its user {name} does not exist"
            return [Finding(NAME, said, f"useradd --system {name}")]
    blocked = unreadable(file.resolve(), uid, groups)
    if blocked is None:
        return []
    said = f"user {name or 'of the service'} may not read {file}: {blocked} does not let it"
    return [Finding(NAME, said, f"chgrp and chmod g+r {blocked}, g+x for a folder")]


def unreadable(file: Path, uid: int, groups: set[int]) -> Path | None:
    """Return the first folder, or the file, that mode bits close to a user; None: it is open."""
    for folder in reversed(file.parents):
        if not lets(folder.stat(), stat.S_IXOTH, uid, groups):
            return folder
    return None if lets(file.stat(), stat.S_IROTH, uid, groups) else file


def lets(found: os.stat_result, bit: int, uid: int, groups: set[int]) -> bool:
    """Whether mode bits let a user; `bit` is that of others. Owner, else group, else others."""
    if uid == 0:
        return True
    shift = 6 if found.st_uid == uid else 3 if found.st_gid in groups else 0
    return bool(found.st_mode & (bit << shift))
