"""`run` on a full file system: it says so, loses nothing and recovers by itself.

The file system is a small tmpfs in the bridge's own mount namespace. It needs no root where users
may create namespaces, and disappears with the process. The tests enter the namespace to read the
store.
"""

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.influx import Influx
from demo.process import free_port
from tests.real.bridge import Bridge

pytestmark = pytest.mark.real

INTERVAL_NS = 100_000_000
POLLS = 20
DATABASE = "kafka"


UNSHARE = ["unshare", "--map-root-user", "--mount"]
ENTER = ["nsenter", "--user", "--mount", "--preserve-credentials", "--target"]
LOOK = """
import json, pathlib, sqlite3, sys
path = pathlib.Path(sys.argv[1])
query = "SELECT pending, dead_lettered, dropped, (SELECT min(time_ns) FROM chunk), "
query += "(SELECT max(time_ns) FROM chunk) FROM account"
print(json.dumps(sqlite3.connect(path.as_uri() + "?mode=ro", uri=True).execute(query).fetchone()))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder, and a command prefix under which it is an 8 MiB file system."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = f'mount -t tmpfs -o size=8m none "{folder}" && exec "$@"'
    inside = [*UNSHARE, "sh", "-c", mount, "sh"]
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        pytest.skip("no unshare(1) and nsenter(1) to make a small file system with")
    tried = subprocess.run([*inside, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {tried.stderr.strip()}")
    return folder, inside


class Inside:
    """The store of a bridge inside its mount namespace."""

    def __init__(self, bridge: Bridge, path: Path) -> None:
        self._bridge = bridge
        self._path = path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the bridge's namespace."""
        enter = [*ENTER, str(self._bridge.process.pid), *command]
        return subprocess.run(enter, capture_output=True, text=True, check=False)

    def look(self) -> tuple[int, int, int, int, int]:
        """Return pending, dead-lettered and dropped lines, first and last time; zeros at first."""
        done = self.run(sys.executable, "-c", LOOK, str(self._path))
        row = json.loads(done.stdout) if done.returncode == 0 else ()
        return tuple(value or 0 for value in row) if row else (0, 0, 0, 0, 0)  # type: ignore[return-value]

    @property
    def pending(self) -> int:
        """Return the number of pending lines."""
        return self.look()[0]


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    with path.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        file.writelines(itertools.repeat(b"x" * 4096))


def test_a_full_disk_is_loud_loses_nothing_and_mends_itself(
    tmp_path: Path, small_disk: tuple[Path, list[str]]
) -> None:
    """I1 to I3: every instant of the grid before, during and after the full disk arrives.

    InfluxDB is down all the time, so every line was in the store or in memory until the end.
    """
    folder, inside = small_disk
    influx = Influx(tmp_path / "influx")
    target = {"name": "nobody", "jmx": f"127.0.0.1:{free_port()}", "collect": ["jvm"]}
    settings = {
        "interval": "100ms",
        "influxdb": {"url": influx.url, "bucket": DATABASE},
        "store": {"path": str(folder / "store.sqlite3")},
        "targets": [target],
    }
    with Bridge(tmp_path, settings, inside=inside) as bridge:
        store = Inside(bridge, folder / "store.sqlite3")

        def log() -> str:
            return bridge.log.read_text()

        bridge.wait_until(lambda: store.pending > POLLS)
        filler = Path(f"/proc/{bridge.process.pid}/root{folder}/filler")
        fill(filler)
        bridge.wait_until(lambda: "the disk is full" in log())
        durable, _, _, first, full = store.look()
        filler.unlink()
        bridge.wait_until(lambda: "accepts polls again; lines lost: 0" in log())
        bridge.wait_until(lambda: store.pending > durable + POLLS)
        *_, last = store.look()
        output = log()
        influx.start()
        influx.create_database(DATABASE)
        bridge.wait_until(lambda: store.pending < POLLS)
        _, dead, dropped, _, _ = store.look()
        verified = store.run(
            sys.executable, "-m", "jmxbridge", "spool", "verify", "-f", str(bridge.file)
        )
        assert verified.returncode == 0, verified.stdout
        assert bridge.stop() == 0

    assert output.count("the disk is full") == 1
    assert "polls are held in memory and are NOT durable" in output
    assert dead == dropped == 0
    rows = influx.query("SELECT up, skipped_ticks FROM jmxbridge_target", DATABASE)
    times = [row["time"] for row in rows if first <= row["time"] <= last]
    skipped = sum(row["skipped_ticks"] for row in rows if first < row["time"] <= last)
    assert len(times) == (last - first) // INTERVAL_NS + 1 - skipped
    own = influx.query("SELECT degraded, held, lost_total FROM jmxbridge_store", DATABASE)
    assert {row["degraded"] for row in own if row["time"] <= full} == {False}
    assert any(row["degraded"] and row["held"] for row in own)
    assert {row["lost_total"] for row in own} == {0}
    influx.close()


@pytest.mark.parametrize("room", [0, 8, 16, 36, 48], ids=lambda room: f"{room} KiB")
def test_a_start_on_a_full_disk_is_one_sentence(
    tmp_path: Path, small_disk: tuple[Path, list[str]], room: int
) -> None:
    """One sentence and no traceback, whichever file does not fit."""
    folder, inside = small_disk
    file = tmp_path / "mbeans.yaml"
    target = {"name": "nobody", "jmx": f"127.0.0.1:{free_port()}", "collect": ["jvm"]}
    store = {"path": str(folder / "store.sqlite3")}
    file.write_text(json.dumps({"store": store, "targets": [target]}))
    filled = f'head -c {8 * 2**20 - room * 2**10} /dev/zero > "{folder}/filler" && exec "$@"'
    run = [sys.executable, "-m", "jmxbridge", "run", str(file)]
    done = subprocess.run(
        [*inside, "sh", "-c", filled, "sh", *run], capture_output=True, text=True, check=False
    )
    assert done.returncode == 69, done.stderr
    (error,) = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert "the disk is full; free some space" in error
