"""Examination of the store: permissions, file system, free space, and lines that wait too long."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from jmxbridge.doctor.finding import Area, Finding
from jmxbridge.store.errors import StoreError
from jmxbridge.store.reader import StoreReader

IN_MEMORY = ("tmpfs", "ramfs")
"""File systems that a restart of the machine empties."""

REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs")
"""File systems on which SQLite's log is unsafe (https://www.sqlite.org/wal.html, §1)."""

OLD_S = 600.0
"""Lines that are pending longer than this do not just wait for the next attempt."""

_LOCAL_DISK = "Set store.path to a local disk of this machine"


def examine_store(
    path: Path,
    *,
    max_bytes: int,
    sends: bool,
    mounts: str,
    now_ns: int | None = None,
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    may_write: Callable[[Path], bool] = lambda path: os.access(path, os.W_OK),
) -> Area:
    """Examine a store, or its future folder; `sends`: its lines are for InfluxDB.

    `mounts` is the text of /proc/self/mountinfo.
    """
    folder = nearest_folder(path.parent)
    if not folder.is_dir():
        problem = f"{folder} is not a directory"
        return Area("disk", (Finding(str(path), problem, "Set store.path to another path"),))
    findings: list[Finding] = []
    # Path.exists raises in a folder without access for this user.
    existing = [place for place in (path, folder) if os.path.exists(place)]
    blocked = next((place for place in existing if not may_write(place)), None)
    if blocked is not None:
        fix = "Run as the user of the service, or change its owner"
        findings.append(Finding(str(blocked), "this user has no permission to write it", fix))
    findings += _examine_file_system(path, folder, mounts)
    size = path.stat().st_size if os.path.exists(path) else 0
    room = free_bytes(folder) + size
    if room < max_bytes:
        problem = f"room for {room >> 20:,} MiB, but the store may grow to {max_bytes >> 20:,} MiB"
        findings.append(Finding(str(folder), problem, "Free some space, or lower store.max_size"))
    if not os.path.exists(path):
        # Without access to the folder it is unknown whether the file exists.
        return Area("disk", tuple(findings), () if blocked else (f"{path} does not exist yet",))
    waiting, notes = _examine_content(path, sends, time.time_ns() if now_ns is None else now_ns)
    return Area("disk", (*findings, *waiting), notes)


def nearest_folder(folder: Path) -> Path:
    """Return a folder or its nearest existing parent: `run` creates missing folders."""
    folder = folder.absolute()
    return next(parent for parent in (folder, *folder.parents) if os.path.exists(parent))


def file_system(folder: Path, mounts: str) -> str:
    """Return the type of a folder's file system; proc(5), /proc/PID/mountinfo."""
    kind, length = "", -1
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        mount_point = Path(fields.split()[4].replace("\\040", " "))
        # A later mount at the same mount point hides the earlier one.
        if folder.is_relative_to(mount_point) and len(mount_point.parts) >= length:
            kind, length = rest.split()[0], len(mount_point.parts)
    return kind


def _examine_file_system(path: Path, folder: Path, mounts: str) -> list[Finding]:
    kind = file_system(folder.resolve(), mounts)
    if kind in IN_MEMORY:
        problem = f"on {kind}: pending lines are lost when the machine restarts"
        return [Finding(str(path), problem, _LOCAL_DISK)]
    if kind in REMOTE:
        problem = f"on {kind}: SQLite's log is not safe on a network file system"
        return [Finding(str(path), problem, _LOCAL_DISK)]
    return []


def _examine_content(path: Path, sends: bool, now_ns: int) -> tuple[list[Finding], tuple[str, ...]]:
    """Return findings about old and refused lines, and a note on the process that has it open."""
    try:
        usage = StoreReader(path).usage()
    except StoreError as exc:
        return [Finding("", str(exc))], ()
    counts, findings = usage.counts, []
    oldest = counts.oldest_pending_ns
    if sends and oldest is not None and now_ns - oldest > OLD_S * 1e9:
        hours = (now_ns - oldest) / 3.6e12
        problem = f"{counts.pending:,} lines wait for InfluxDB, the oldest for {hours:.1f} h"
        fix = "Start `jmxbridge run`, or send them with `jmxbridge spool drain`"
        if usage.owner is not None:
            fix = "Read about InfluxDB in the log of `run`"
        findings.append(Finding(str(path), problem, fix))
    if counts.dead_lettered:
        problem = f"InfluxDB refused {counts.dead_lettered:,} lines"
        findings.append(Finding(str(path), problem, "See why: jmxbridge dlq ls"))
    in_use = f"{path} is in use by `run`, process {usage.owner}"
    return findings, (in_use,) if usage.owner is not None else ()
