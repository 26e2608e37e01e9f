"""Where the store is: may it be written, on what, is there room, and does anything wait in it?"""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from jmxbridge.doctor.finding import Area, Finding
from jmxbridge.store.errors import StoreError
from jmxbridge.store.reader import StoreReader

# File systems that are gone after a restart, and those over which SQLite's log is not safe
# (https://www.sqlite.org/wal.html, §1).
IN_MEMORY = ("tmpfs", "ramfs")
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs")

OLD_S = 600.0
"""Lines that wait longer are not waiting for the next try."""

_ELSEWHERE = "Set store.path to a place on a disk of this machine"


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
    """Judge a store, or the place where it will be; `sends`: its lines are for InfluxDB.

    `mounts` is the text of /proc/self/mountinfo.
    """
    folder = nearest_folder(path.parent)
    if not folder.is_dir():
        said = f"{folder} is not a directory"
        return Area("disk", (Finding(str(path), said, "Set store.path to another place"),))
    findings: list[Finding] = []
    # Path.exists raises in a folder that is closed to this user.
    there = [each for each in (path, folder) if os.path.exists(each)]
    blocked = next((each for each in there if not may_write(each)), None)
    if blocked is not None:
        said = "this user may not write there"
        mend = "Run as the user of the service, or change its owner"
        findings.append(Finding(str(blocked), said, mend))
    findings += _medium(path, folder, mounts)
    size = path.stat().st_size if os.path.exists(path) else 0
    room = free_bytes(folder) + size
    if room < max_bytes:
        said = f"room for {room >> 20:,} MiB, and the store may become {max_bytes >> 20:,}"
        findings.append(Finding(str(folder), said, "Free some space, or lower store.max_size"))
    if not os.path.exists(path):
        # Below a folder that is closed to this user nobody knows.
        return Area("disk", tuple(findings), () if blocked else (f"{path} is not there yet",))
    waiting, notes = _content(path, sends, time.time_ns() if now_ns is None else now_ns)
    return Area("disk", (*findings, *waiting), notes)


def nearest_folder(folder: Path) -> Path:
    """Return a path, or what there is of it: missing folders are made at the start."""
    folder = folder.absolute()
    return next(each for each in (folder, *folder.parents) if os.path.exists(each))


def file_system(folder: Path, mounts: str) -> str:
    """Return the type of the file system a folder is on; proc(5), /proc/PID/mountinfo."""
    found, length = "", -1
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        place = Path(fields.split()[4].replace("\\040", " "))
        # Of two that are mounted at one place the later one covers the other.
        if folder.is_relative_to(place) and len(place.parts) >= length:
            found, length = rest.split()[0], len(place.parts)
    return found


def _medium(path: Path, folder: Path, mounts: str) -> list[Finding]:
    kind = file_system(folder.resolve(), mounts)
    if kind in IN_MEMORY:
        said = f"on {kind}: what waits there is lost when the machine restarts"
        return [Finding(str(path), said, _ELSEWHERE)]
    if kind in REMOTE:
        said = f"on {kind}: a network's file system does not keep what SQLite counts on"
        return [Finding(str(path), said, _ELSEWHERE)]
    return []


def _content(path: Path, sends: bool, now_ns: int) -> tuple[list[Finding], tuple[str, ...]]:
    """What is in the store: lines that wait too long, refused ones; who has it open."""
    try:
        usage = StoreReader(path).usage()
    except StoreError as exc:
        return [Finding("", str(exc))], ()
    counts, found = usage.counts, []
    oldest = counts.oldest_pending_ns
    if sends and oldest is not None and now_ns - oldest > OLD_S * 1e9:
        hours = (now_ns - oldest) / 3.6e12
        said = f"{counts.pending:,} lines wait for InfluxDB, the oldest for {hours:.1f} h"
        mend = "Start `jmxbridge run`, or send them with `jmxbridge spool drain`"
        if usage.owner is not None:
            mend = "See what the log of `run` says of InfluxDB"
        found.append(Finding(str(path), said, mend))
    if counts.dead_lettered:
        said = f"InfluxDB refused {counts.dead_lettered:,} lines"
        found.append(Finding(str(path), said, "See why: jmxbridge dlq ls"))
    at_work = f"`run` is at work on {path}, process {usage.owner}"
    return found, (at_work,) if usage.owner is not None else ()
