"""The commands where nothing has to be running: help, files, what cannot be reached."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jmxbridge import __version__
from tests.cli.calling import call

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "init",
    "run",
    "once",
    "check",
    "doctor",
    "lag",
    "mbeans ls",
    "mbeans get",
    "mbeans explain",
    "mbeans suggest",
    "config show",
    "config schema",
    *("spool status", "spool verify", "spool drain"),
    *("dlq ls", "dlq show", "dlq replay", "dlq purge"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    """`--help` shows a line that can be typed."""
    said = call(*command.split(), "--help").stdout
    assert f"Example: jmxbridge {command} " in re.sub(r"\s+", " ", said)


# The tests may run as root, to whom no folder is closed; this fails the same way, in stat(2).
CLOSED = "x" * 300


@pytest.mark.parametrize(
    ("args", "status"),
    [
        (f"check {CLOSED}", 78),
        (f"run {CLOSED}", 78),
        (f"mbeans ls a -f {CLOSED}", 78),
        (f"spool status -f {CLOSED}", 78),
        (f"init --from-telegraf {CLOSED} -o y", 78),
        (f"init 127.0.0.1:1 -o {CLOSED}/y", 2),
        ("spool status -f store.yaml", 69),
        ("dlq ls -f store.yaml", 69),
    ],
)
def test_what_may_not_be_looked_at_is_said(
    args: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of another user, in a folder that is closed to this one, is a sentence."""
    monkeypatch.chdir(tmp_path)
    store = f"store: {{path: {tmp_path}/{CLOSED}/a.sqlite3}}\nkafka: {{bootstrap: 127.0.0.1:1}}\n"
    (tmp_path / "store.yaml").write_text(store)
    result = call(*args.split())
    assert result.exit_code == status
    assert CLOSED in result.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("args", ["--version", "config schema", "once --help"])
def test_a_full_disk_behind_stdout_is_a_sentence(args: str, unbuffered: str) -> None:
    """What cannot be printed is said, and is neither success nor findings."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "jmxbridge", *args.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (69, "error: stdout: No space left on device\n")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_is_replaced(closed: str) -> None:
    """A service may be started without one; what a command does with it then goes nowhere."""
    seen = {"stdout": "stderr", "stderr": "stdout"}[closed]
    program = (
        "import atexit, sys; from jmxbridge.cli import main; sys.argv = ['jmxbridge', 'nobody'];"
        f" atexit.register(lambda: print(sys.{closed}.isatty(), file=sys.{seen}));"
        " main()"
    )
    number = {"stdout": 1, "stderr": 2}[closed]
    command = f'exec {sys.executable} -c "{program}" {number}>&-'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (done.stdout + done.stderr).endswith("False\n")


@pytest.mark.parametrize("group", ["", "mbeans", "config", "spool", "dlq"])
def test_every_group_shows_an_example_too(group: str) -> None:
    """Who does not know the command yet sees one that can be typed."""
    said = call(*group.split(), "--help").stdout
    assert f"Example: jmxbridge {group}" in re.sub(r"\s+", " ", said)


def test_the_version_is_printed() -> None:
    """For whoever reports a mistake."""
    assert call("--version").stdout == f"jmxbridge {__version__}\n"


def test_help_waits_for_nothing_it_does_not_use() -> None:
    """No --help imports one of the heavy libraries; each command brings its own when it runs."""
    program = (
        "import sys, contextlib\n"
        "from jmxbridge.cli import app\n"
        "with contextlib.redirect_stdout(sys.stderr):\n"
        "    for words in sys.argv[1:]:\n"
        "        app([*words.split(), '--help'], standalone_mode=False)\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *COMMANDS], capture_output=True, text=True, check=True
    )
    assert done.stderr.count("Example: jmxbridge") == len(COMMANDS)
    heavy = {"influxdb_client", "jmxquery", "kio", "pydantic", "rich", "sqlite3", "yaml"}
    assert not heavy & {name.split(".")[0] for name in done.stdout.split()}


def test_what_stdout_has_no_bytes_for_is_escaped(tmp_path: Path) -> None:
    """A terminal of another alphabet than UTF-8 loses a letter, not the answer."""
    file = tmp_path / "mbeans.yaml"
    file.write_text("cluster: größe日本\nkafka: {bootstrap: [127.0.0.1:9092]}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from jmxbridge.cli import main; main()", "config", "show", file],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
    )
    assert "cluster: größe\\u65e5\\u672c " in done.stdout.decode("latin-1")
