"""The commands where nothing has to be running: help, files, what cannot be reached."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from demo.servers import free_port
from jmxbridge import __version__
from jmxbridge.cli import app
from jmxbridge.state.poll_times import PollTimes

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


def call(*args: str) -> Result:
    """Run a command in this process; whatever is not an exit fails the test."""
    result = CliRunner().invoke(app, list(args))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


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


def test_the_shipped_file_is_fine() -> None:
    """`check` on the default file says in one line what it asks for."""
    result = call("check", str(ROOT / "mbeans.yaml"))
    assert result.exit_code == 0
    assert "fine: 1 target," in result.stdout
    assert "127.0.0.1:9092" in result.stdout


def test_the_file_may_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mbeans.yaml` of the current directory is taken where no file is named."""
    monkeypatch.chdir(tmp_path)
    assert call("check").exit_code == 78
    (tmp_path / "mbeans.yaml").write_text((ROOT / "mbeans.yaml").read_text())
    assert call("check").exit_code == 0


def test_check_knows_how_long_the_last_polls_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `run` wrote beside its store: a warning with its place, in the text and in the JSON."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    times = PollTimes(tmp_path / "local.sqlite3")
    times.note("lag", 3.25)
    times.write(0.0)
    Path("mbeans.yaml").write_text("interval: 2s\nkafka: {bootstrap: 'k:9092'}\n")
    text, report = call("check"), json.loads(call("check", "--json").stdout)
    assert text.exit_code == 0
    assert "mbeans.yaml:1:11: warning: interval: the last poll of lag took 3.2 s" in text.stderr
    assert [each["where"] for each in report["warnings"]] == ["interval"]


@pytest.mark.parametrize("command", ["run", "once", "check"])
def test_a_file_that_is_not_there_is_a_configuration_error(command: str, tmp_path: Path) -> None:
    """Status 78, and the name of the file; systemd does not restart a service that ends so."""
    missing = tmp_path / "nowhere.yaml"
    result = call(command, str(missing))
    assert result.exit_code == 78
    said = "no such file: name one, or create it with `jmxbridge init`"
    assert result.stderr == f"{missing}: error: {said}\n"
    assert result.stdout == ""


def test_every_problem_of_a_file_is_said_at_once(tmp_path: Path) -> None:
    """An unknown key and a bad ObjectName: two complaints with their places, one run."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "intervall: 10s\n"
        "mbeans:\n"
        "  jvm:\n"
        "    - {bean: java.lang, measurement: jvm, fields: {Uptime: uptime_ms}}\n"
    )
    result = call("run", str(bad))
    assert result.exit_code == 78
    assert f'{bad}:1:1: error: intervall: unknown key (did you mean "interval"?)' in result.stderr
    assert f"{bad}:4:" in result.stderr


def test_check_speaks_json(tmp_path: Path) -> None:
    """One document with its kind and version; problems with line and column."""
    good = json.loads(call("check", str(ROOT / "mbeans.yaml"), "--json").stdout)
    assert (good["kind"], good["version"], good["problems"]) == ("check", 1, [])
    bad = tmp_path / "bad.yaml"
    bad.write_text("intervall: 10s\n")
    result = call("check", str(bad), "--json")
    assert result.exit_code == 78
    (problem, *_) = json.loads(result.stdout)["problems"]
    assert (problem["line"], problem["column"], problem["suggestion"]) == (1, 1, "interval")


def test_lag_says_which_kafka_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file and without --bootstrap there is nobody to ask: usage, with the way out."""
    monkeypatch.chdir(tmp_path)
    result = call("lag")
    assert result.exit_code == 2
    assert "--bootstrap HOST:PORT" in result.stderr


@pytest.mark.parametrize(
    ("command", "option", "instead"),
    [
        ("lag", "--zk", "--bootstrap HOST:9092"),
        ("run", "--zk", "kafka: {bootstrap: HOST:9092} in the file"),
        ("init", "--zookeeper", "jmxbridge init HOST:9092"),
        ("run", "--refresh", "interval: 10s in the file"),
        ("run", "--retain", "store: {retain: 2d} in the file"),
        ("run", "--dbName", "store: {path: …} in the file"),
    ],
)
def test_an_old_habit_is_told_what_to_type(command: str, option: str, instead: str) -> None:
    """KafkaOffsetMonitor was pointed at ZooKeeper, and had no file."""
    result = call(command, option, "localhost:2181")

    assert result.exit_code == 2
    assert option in result.stderr
    assert instead in result.stderr
    assert option not in call(command, "--help").stdout


def test_lag_of_a_cluster_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unavailable is status 69, with the address that did not answer."""
    monkeypatch.chdir(tmp_path)
    address = f"127.0.0.1:{free_port()}"
    result = call("lag", "--bootstrap", address)
    assert result.exit_code == 69
    assert address in result.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["ls", "nobody"], "nobody is neither a target of the file"),
        (["ls", "broker-2"], "(did you mean broker-1?) nor HOST:PORT"),
        (["ls", "else"], "(the file has broker-1) nor HOST:PORT"),
        (["get", "127.0.0.1:1", "java.lang"], "; all MBeans of a domain are java.lang:*"),
    ],
)
def test_mbeans_says_what_it_cannot_read(
    arguments: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target nobody knows and a name that is none are usage errors, before any connection."""
    monkeypatch.chdir(tmp_path)
    target = "{name: broker-1, jmx: 'k:9999', collect: [jvm]}"
    Path("mbeans.yaml").write_text(f"targets: [{target}]\n")
    result = call("mbeans", *arguments)
    assert result.exit_code == 2
    assert word in result.stderr


def test_mbeans_of_a_jvm_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unavailable is status 69, with the address that did not answer."""
    monkeypatch.chdir(tmp_path)
    address = f"127.0.0.1:{free_port()}"
    result = call("mbeans", "ls", address)
    assert result.exit_code == 69
    assert address in result.stderr


def test_once_says_what_it_could_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A target that is down is a finding: status 1, its name once, and its `up=0` on stdout."""
    file = tmp_path / "mbeans.yaml"
    file.write_text(
        "mbeans:\n"
        "  jvm:\n"
        "    - {bean: 'java.lang:type=Runtime', measurement: jvm, fields: {Uptime: uptime_ms}}\n"
        "targets:\n"
        f"  - {{name: app, jmx: '127.0.0.1:{free_port()}', collect: [jvm]}}\n"
    )
    result = call("once", str(file), "--dry-run")
    assert result.exit_code == 1
    assert result.stderr.startswith("app: refused: ")
    (line,) = result.stdout.splitlines()
    assert line.startswith("jmxbridge_target,cluster=local,target=app ")
    assert "up=0i" in line
    assert 'error="refused"' in line
    assert caplog.messages == []


def test_a_target_may_be_called_as_the_bridge_calls_its_own_polls(tmp_path: Path) -> None:
    """A target named `lag` loses nothing to the lag poll, nor the other way round."""
    file = tmp_path / "mbeans.yaml"
    file.write_text(
        f"kafka: {{bootstrap: '127.0.0.1:{free_port()}'}}\n"
        "targets:\n"
        f"  - {{name: lag, jmx: '127.0.0.1:{free_port()}', collect: [jvm]}}\n"
    )
    lines = call("once", str(file), "--dry-run").stdout.splitlines()
    measurements = [line.split(",")[0] for line in lines]
    assert measurements == ["jmxbridge_target", "jmxbridge_lag_poll"]
