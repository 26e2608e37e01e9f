"""The place of the store, on disks that are not as they should be."""

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
    """Examine with room for everything, by default."""
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
def test_the_innermost_mount_counts(folder: str, kind: str) -> None:
    """Of two at one place the later; names are compared whole, and spaces are written as \\040."""
    assert file_system(Path(folder), MOUNTS) == kind


def test_a_place_that_is_right(tmp_path: Path) -> None:
    """Folders that are missing are made at the start; the note says that nothing is there yet."""
    area = examine(tmp_path / "a" / "b" / "store.sqlite3", MOUNTS)
    assert area.findings == ()
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("kind", "word"),
    [("tmpfs", "are lost when the machine restarts"), ("nfs4", "a network file system")],
)
def test_disk_on_a_file_system_that_loses_data(tmp_path: Path, kind: str, word: str) -> None:
    """Memory forgets, and SQLite's log is not safe over a network."""
    mounts = f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:7 / {tmp_path} rw - {kind} x rw\n"
    (found,) = examine(tmp_path / "store.sqlite3", mounts).findings
    assert word in found.problem
    assert "store.path" in found.fix


def test_disk_that_cannot_be_written(tmp_path: Path) -> None:
    """The folder, or the file where there is one; below a file there is no place at all."""
    path = tmp_path / "store.sqlite3"
    (found,) = examine(path, may_write=lambda _: False).findings
    assert found.where == str(tmp_path)
    assert "no permission to write" in found.problem
    (tmp_path / "file").touch()
    (none,) = examine(tmp_path / "file" / "store.sqlite3").findings
    assert "is not a directory" in none.problem


def test_a_folder_that_is_closed_to_us(tmp_path: Path) -> None:
    """What is in it nobody knows: what may be looked at is judged, and nothing else is said."""
    path = tmp_path / ("x" * 300) / "store.sqlite3"  # fails in stat(2), as a closed folder does
    area = examine(path, may_write=lambda _: False)
    assert [each.where for each in area.findings] == [str(tmp_path)]
    assert area.notes == ()


def test_less_room_than_the_file_allows_the_store(tmp_path: Path) -> None:
    """What the store has already counts as room."""
    path = tmp_path / "store.sqlite3"
    (found,) = examine(path, free_bytes=lambda _: GIB // 2).findings
    assert found.problem == "room for 512 MiB, but the store may grow to 1,024 MiB"


def filled(path: Path) -> None:
    """A store with a line of the year 1970 that waits, in use."""

    async def fill() -> None:
        async with await Store.open(path, max_bytes=GIB, retain_s=None) as store:
            await store.append([b"m f=1 0"], time_ns=0, source="x")

    asyncio.run(fill())


def test_lines_that_wait_for_long(tmp_path: Path) -> None:
    """Only where there is an InfluxDB to send them to, and not at once."""
    path = tmp_path / "store.sqlite3"
    filled(path)
    (found,) = examine(path, now_ns=2 * HOUR_NS).findings
    assert found.problem == "1 lines wait for InfluxDB, the oldest for 2.0 h"
    assert "spool drain" in found.fix
    assert examine(path, now_ns=2 * HOUR_NS, sends=False).findings == ()
    assert examine(path, now_ns=HOUR_NS // 60).findings == ()


async def test_a_store_at_work_is_no_finding(tmp_path: Path) -> None:
    """The note has the process; who waits for it reads its log."""
    path = tmp_path / "store.sqlite3"
    async with await Store.open(path, max_bytes=GIB, retain_s=None) as store:
        await store.append([b"m f=1 0"], time_ns=0, source="x")
        area = examine(path, now_ns=2 * HOUR_NS)
    assert "process" in area.notes[0]
    assert "log of `run`" in area.findings[0].fix


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    """Another program's database is named, not opened for more."""
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"SQLite format 3\0" + bytes(84))
    (found,) = examine(path).findings
    assert str(path) in found.problem
