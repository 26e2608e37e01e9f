"""Every command: its help, its streams, and files without access."""

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
def test_help_of_a_command_has_an_example(command: str) -> None:
    """`--help` shows a command line to copy."""
    text = call(*command.split(), "--help").stdout
    assert f"Example: jmxbridge {command} " in re.sub(r"\s+", " ", text)


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
def test_a_path_without_access_is_named(
    args: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in a folder without access is reported as a one-line error."""
    monkeypatch.chdir(tmp_path)
    store = f"store: {{path: {tmp_path}/{CLOSED}/a.sqlite3}}\nkafka: {{bootstrap: 127.0.0.1:1}}\n"
    (tmp_path / "store.yaml").write_text(store)
    result = call(*args.split())
    assert result.exit_code == status
    assert CLOSED in result.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("args", ["--version", "config schema", "once --help"])
def test_a_full_disk_behind_stdout_is_a_one_line_error(args: str, unbuffered: str) -> None:
    """The status is neither success nor findings."""
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
    """A service may be started without stdout or stderr; its output is discarded then."""
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
def test_help_of_a_group_has_an_example(group: str) -> None:
    """A user who does not know the command yet sees a command line to copy."""
    text = call(*group.split(), "--help").stdout
    assert f"Example: jmxbridge {group}" in re.sub(r"\s+", " ", text)


def test_version_is_printed() -> None:
    """For reports of errors."""
    assert call("--version").stdout == f"jmxbridge {__version__}\n"


def test_help_imports_no_heavy_library() -> None:
    """Each command imports the libraries it needs when it runs."""
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


def test_characters_that_stdout_cannot_encode_are_escaped(tmp_path: Path) -> None:
    """A terminal with another encoding than UTF-8 loses a letter, not the output."""
    file = tmp_path / "mbeans.yaml"
    file.write_text("cluster: größe日本\nkafka: {bootstrap: [127.0.0.1:9092]}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from jmxbridge.cli import main; main()", "config", "show", file],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
    )
    assert "cluster: größe\\u65e5\\u672c " in done.stdout.decode("latin-1")
