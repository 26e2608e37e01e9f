"""Examination of the store on disks with and without problems."""

import asyncio
from pathlib import Path

import pytest

from jmxbridge.doctor.disk import examine_store, file_system
from jmxbridge.doctor.finding import Area
from jmxbridge.store import Store

GIB = 2**30
HOUR_NS = 3600 * 10**9
MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:5 / /run rw,nosuid - tmpfs tmpfs rw
24 22 0:9 / /srv/a\\040b rw - nfs4 server:/x rw
25 22 8:2 / /run/disk rw - xfs /dev/sdb rw
26 22 0:6 / /srv/a\\040b rw - ext4 /dev/sdc rw
"""


def examine(path: Path, mounts: str = "", **more: object) -> Area:
    """Examine a store; by default there is room for everything."""
    facts = {"max_bytes": GIB, "sends": True, "free_bytes": lambda _: GIB, "now_ns": 0, **more}
    return examine_store(path, mounts=mounts, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/run/jmxbridge", "tmpfs"),
        ("/running", "ext4"),
        ("/run/disk/x", "xfs"),
        ("/srv/a b/x", "ext4"),
    ],
)
def test_file_system_is_that_of_the_innermost_mount(folder: str, kind: str) -> None:
    """Of two at one mount point the later; names are compared in full, \\040 is a space."""
    assert file_system(Path(folder), MOUNTS) == kind


def test_a_store_that_does_not_exist_yet(tmp_path: Path) -> None:
    """No finding: missing folders are created at the start; a note tells that there is no file."""
    area = examine(tmp_path / "a" / "b" / "store.sqlite3", MOUNTS)
    assert area.findings == ()
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("kind", "word"),
    [("tmpfs", "are lost when the machine restarts"), ("nfs4", "a network file system")],
)
def test_disk_on_a_file_system_that_loses_data(tmp_path: Path, kind: str, word: str) -> None:
    """A memory file system forgets, and SQLite's log is not safe over a network."""
    mounts = f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:7 / {tmp_path} rw - {kind} x rw\n"
    (finding,) = examine(tmp_path / "store.sqlite3", mounts).findings
    assert word in finding.problem
    assert "store.path" in finding.fix


def test_disk_that_cannot_be_written(tmp_path: Path) -> None:
    """The folder, or the file if it exists; nothing can be created below a file."""
    path = tmp_path / "store.sqlite3"
    (finding,) = examine(path, may_write=lambda _: False).findings
    assert finding.where == str(tmp_path)
    assert "no permission to write" in finding.problem
    (tmp_path / "file").touch()
    (none,) = examine(tmp_path / "file" / "store.sqlite3").findings
    assert "is not a directory" in none.problem


def test_a_folder_without_access(tmp_path: Path) -> None:
    """Its content is unknown: only what can be read is examined, without a note."""
    path = tmp_path / ("x" * 300) / "store.sqlite3"  # fails in stat(2), as a closed folder does
    area = examine(path, may_write=lambda _: False)
    assert [finding.where for finding in area.findings] == [str(tmp_path)]
    assert area.notes == ()


def test_less_room_than_max_size_is_a_finding(tmp_path: Path) -> None:
    """The present size of the store counts as room."""
    path = tmp_path / "store.sqlite3"
    (finding,) = examine(path, free_bytes=lambda _: GIB // 2).findings
    assert finding.problem == "room for 512 MiB, but the store may grow to 1,024 MiB"


def filled(path: Path) -> None:
    """A store in use, with a pending line from 1970."""

    async def fill() -> None:
        async with await Store.open(path, max_bytes=GIB, retain_s=None) as store:
            await store.append([b"m f=1 0"], time_ns=0, source="x")

    asyncio.run(fill())


def test_old_pending_lines_are_a_finding(tmp_path: Path) -> None:
    """Only with an InfluxDB to send them to, and not at once."""
    path = tmp_path / "store.sqlite3"
    filled(path)
    (finding,) = examine(path, now_ns=2 * HOUR_NS).findings
    assert finding.problem == "1 lines wait for InfluxDB, the oldest for 2.0 h"
    assert "spool drain" in finding.fix
    assert examine(path, now_ns=2 * HOUR_NS, sends=False).findings == ()
    assert examine(path, now_ns=HOUR_NS // 60).findings == ()


async def test_a_store_in_use_is_no_finding(tmp_path: Path) -> None:
    """The note has the process; for old lines the fix is in its log."""
    path = tmp_path / "store.sqlite3"
    async with await Store.open(path, max_bytes=GIB, retain_s=None) as store:
        await store.append([b"m f=1 0"], time_ns=0, source="x")
        area = examine(path, now_ns=2 * HOUR_NS)
    assert "process" in area.notes[0]
    assert "log of `run`" in area.findings[0].fix


def test_a_file_that_is_not_a_store_is_a_finding(tmp_path: Path) -> None:
    """Another program's database is named, and not read further."""
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"SQLite format 3\0" + bytes(84))
    (finding,) = examine(path).findings
    assert str(path) in finding.problem
