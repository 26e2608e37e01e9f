"""File of an open store: its lock, its permissions, and its recovery when damaged or removed."""

import errno
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jmxbridge.store import (
    DeadLine,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreUnwritable,
)
from jmxbridge.store.file import StoreFile
from jmxbridge.store.spool import Spool
from tests.store.noise import noise

OpenSpool = Callable[..., Spool]

HOLDER = """
import sys, pathlib
from jmxbridge.store.file import StoreFile
from jmxbridge.store.spool import Spool
spool = Spool(StoreFile.open(pathlib.Path(sys.argv[1])), max_bytes=10**6, retain_s=None)
spool.append([b"m v=1"], time_ns=1, source="a")
print("open", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    """Return a file's permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_store_files_are_readable_by_their_owner_only(open_spool: OpenSpool, path: Path) -> None:
    """The database, its log and the lock are 0600, the directory created for them 0700."""
    spool = open_spool()
    spool.append([b"m v=1"], time_ns=1, source="a")

    files = sorted(file.name for file in path.parent.iterdir())
    assert files == [f"local.sqlite3{end}" for end in ("", "-shm", "-wal", ".lock")]
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    assert mode(path.parent) == 0o700


def test_the_lock_ends_with_its_process(open_spool: OpenSpool, path: Path) -> None:
    """A second process is refused with the pid of the first; after a kill -9 it opens the store."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"

        with pytest.raises(StoreLocked, match=rf"in use by process {holder.pid}: .*store\.path"):
            open_spool()
        holder.send_signal(signal.SIGKILL)

    assert open_spool().counts().pending == 1  # what it had appended is there


def test_an_open_store_can_be_read_by_another_process(open_spool: OpenSpool, path: Path) -> None:
    """The lock excludes a second bridge, not a reader of the database."""
    spool = open_spool()
    spool.append([b"m v=1"], time_ns=1, source="a")

    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    assert reader.execute("SELECT pending FROM account").fetchone() == (1,)
    reader.close()


@pytest.mark.parametrize(
    "offset", [0, 40, 4096 + 20], ids=["no database at all", "header", "a page of the schema"]
)
def test_a_damaged_file_is_set_aside(
    open_spool: OpenSpool, path: Path, caplog: pytest.LogCaptureFixture, offset: int
) -> None:
    """The bridge starts with a new store and all readable lines; the log names the old file."""
    spool = open_spool()
    for n in range(100):
        line = b'm v="%s"' % noise(1500, n)
        spool.append([line] * 100, time_ns=n, source="a")
    spool.close()
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 64)

    spool = open_spool()

    assert spool.counts().pending >= 9_900
    (aside,) = path.parent.glob("local.sqlite3.damaged-*")
    assert aside.stat().st_size > 100_000
    assert str(aside) in caplog.text


def test_a_truncated_file_is_set_aside(open_spool: OpenSpool, path: Path) -> None:
    """A file that lost its end does not prevent the start; the rest of its lines is kept."""
    spool = open_spool()
    for n in range(100):
        line = b'm v="%s"' % noise(1500, n)
        spool.append([line] * 100, time_ns=n, source="a")
    spool.close()
    os.truncate(path, path.stat().st_size // 2)

    counts = open_spool().counts()
    assert counts.sampled == 10_000 == counts.pending + counts.dropped
    assert 0 < counts.pending < 10_000


def test_a_torn_log_costs_only_uncommitted_appends(open_spool: OpenSpool, path: Path) -> None:
    """After a power cut in the middle of an append, every earlier append is there."""
    spool = open_spool()
    spool.append([b"m v=1"], time_ns=1, source="a")
    whole = Path(f"{path}-wal").stat().st_size
    spool.append([b"m v=2"], time_ns=2, source="a")
    copy = path.with_name("copy.sqlite3")
    copy.write_bytes(path.read_bytes())
    Path(f"{copy}-wal").write_bytes(Path(f"{path}-wal").read_bytes()[: whole + 100])

    again = Spool(StoreFile.open(copy), max_bytes=10**6, retain_s=None)

    batch = again.take(max_lines=10, max_bytes=1000)
    assert batch is not None
    assert list(batch.lines) == [b"m v=1"]
    again.close()


def test_open_names_a_directory_that_cannot_be_created(tmp_path: Path) -> None:
    """The message has the path and the setting to change."""
    (tmp_path / "state").write_text("")

    with pytest.raises(StoreUnwritable, match=r"state.*store\.path"):
        StoreFile.open(tmp_path / "state" / "local.sqlite3")


def appended(spool: Spool, n: int) -> None:
    """Append a line with this number."""
    spool.append([b"m v=%d" % n], time_ns=n, source="a")


def test_a_removed_store_is_restored(
    open_spool: OpenSpool, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All lines, the account and the dead letters are back, even if the folder was deleted.

    The new file has a lock and the same permissions.
    """
    spool = open_spool()
    appended(spool, 1)
    appended(spool, 2)
    batch = spool.take(max_lines=1, max_bytes=100)
    assert batch is not None
    spool.settle(batch, [DeadLine(0, "no")])
    shutil.rmtree(path.parent)

    appended(spool, 3)

    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    with pytest.raises(StoreLocked):
        open_spool()
    appended(spool, 4)
    spool.close()
    again = open_spool()
    batch = again.take(max_lines=9, max_bytes=1000)
    assert batch is not None
    assert batch.lines == [b"m v=2", b"m v=3", b"m v=4"]
    counts = again.counts()
    assert (counts.sampled, counts.dead_lettered) == (4, 1)
    (record,) = caplog.records
    assert (
        "was removed while it was open; it was restored with all its lines" in record.getMessage()
    )


def test_a_restored_store_does_not_use_the_old_log(open_spool: OpenSpool, path: Path) -> None:
    """SQLite would apply any log with the name of the database."""
    spool = open_spool()
    appended(spool, 1)
    path.unlink()
    assert path.with_name(f"{path.name}-wal").stat().st_size

    appended(spool, 2)
    spool.close()

    assert open_spool().counts().pending == 2


def test_restoring_removes_the_old_log_first(
    open_spool: OpenSpool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At no instant do both exist: a process killed then would leave a damaged store."""
    spool = open_spool()
    appended(spool, 1)
    path.unlink()
    logs: list[bool] = []
    rename = os.rename

    def look_and_rename(old: Path, new: Path) -> None:
        logs.extend(path.with_name(f"{path.name}{end}").exists() for end in ("-wal", "-shm"))
        rename(old, new)

    monkeypatch.setattr(os, "rename", look_and_rename)
    appended(spool, 2)

    assert logs == [False, False]
    spool.close()
    assert open_spool().counts().pending == 2


def test_restoring_does_not_replace_another_file(open_spool: OpenSpool, path: Path) -> None:
    """A copy of a backup, for example: appends fail until it is moved away, and no line is lost."""
    spool = open_spool()
    appended(spool, 1)
    other = path.with_name("other")
    other.write_bytes(b"a copy")
    other.replace(path)

    for _ in range(2):
        with pytest.raises(StoreUnwritable, match=r"not the file that was opened: .* move that"):
            appended(spool, 2)
    assert path.read_bytes() == b"a copy"

    path.unlink()
    appended(spool, 2)
    assert spool.counts().pending == 2
    assert path.exists()


def test_restoring_is_tried_again_after_an_error(open_spool: OpenSpool, path: Path) -> None:
    """The message names the obstacle; once it is gone, all lines are there."""
    spool = open_spool()
    appended(spool, 1)
    copy = path.with_name(f"{path.name}.new")
    copy.mkdir()
    path.unlink()

    with pytest.raises(StoreUnwritable, match="was removed and cannot be restored: Is a dir"):
        appended(spool, 2)

    copy.rmdir()
    appended(spool, 2)
    spool.close()
    assert open_spool().counts().pending == 2


def test_the_limit_on_open_files_is_an_error_of_the_store(
    open_spool: OpenSpool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every file that it opens; the next append or start tries again."""
    open_file = os.open

    def refuse(name: Path, flags: int, *rest: int) -> int:
        if name == path and flags == os.O_RDONLY | os.O_CLOEXEC:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return open_file(name, flags, *rest)

    def refuse_to_connect(name: Path, **options: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        with pytest.raises(StoreUnwritable, match="Too many open files"):
            open_spool()
    spool = open_spool()
    appended(spool, 1)
    path.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        for _ in range(2):
            with pytest.raises(StoreUnwritable, match="Too many open files"):
                appended(spool, 2)
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", refuse_to_connect)
        with pytest.raises(StoreError, match="unable to open"):
            appended(spool, 2)

    appended(spool, 2)
    assert spool.counts().pending == 2


def test_restoring_removes_an_incomplete_copy(open_spool: OpenSpool, path: Path) -> None:
    """Here a limit on file sizes ends the copy; the next append tries again."""
    spool = open_spool()
    appended(spool, 1)
    path.unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(StoreError):
            appended(spool, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not path.with_name(f"{path.name}.new").exists()

    appended(spool, 2)
    assert spool.counts().pending == 2
    assert path.exists()


def test_restoring_needs_room_for_the_whole_copy(
    open_spool: OpenSpool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each poll would fill the disk and remove the copy again."""
    spool = open_spool()
    appended(spool, 1)
    path.unlink()
    space = os.statvfs(path.parent)
    full = os.statvfs_result([*space[:4], 1, *space[5:]])  # of blocks, one is free

    with monkeypatch.context() as patched:
        patched.setattr(os, "statvfs", lambda _: full)
        with pytest.raises(StoreFull, match=r"no room for the \d+ bytes that were in it"):
            appended(spool, 2)
        assert not path.with_name(f"{path.name}.new").exists()

    appended(spool, 2)
    assert spool.counts().pending == 2
    assert path.exists()


def test_a_lock_that_is_removed_is_taken_again(open_spool: OpenSpool, path: Path) -> None:
    """After the next append no second process can open the store."""
    spool = open_spool()
    path.with_name(f"{path.name}.lock").unlink()
    appended(spool, 1)
    with pytest.raises(StoreLocked):
        open_spool()
