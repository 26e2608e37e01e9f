"""`jmxbridge init`: the file it writes, the messages, and refusals."""

from pathlib import Path

import pytest
from typer.testing import Result

from jmxbridge.cli.init import DEFAULT_BOOTSTRAP, cluster_of
from jmxbridge.config.loader import schema_line
from tests.cli import calling

OLD = Path(__file__).parents[1] / "config" / "migration"


def call(*args: str | Path) -> Result:
    """Run the command in this process."""
    return calling.call("init", *map(str, args))


@pytest.mark.parametrize(
    ("option", "old", "new"),
    [
        ("--from-telegraf", "telegraf.conf", "telegraf.yaml"),
        ("--from-jmxtrans", "jmxtrans.json", "jmxtrans.yaml"),
        ("--from-jmx-exporter", "jmx-exporter.yml", "jmx-exporter.yaml"),
    ],
)
def test_init_from_another_tool_lists_the_rest(
    option: str, old: str, new: str, tmp_path: Path
) -> None:
    """Each part that is not carried over is a line with its place in the old file."""
    output = tmp_path / "mbeans.yaml"
    result = call(option, OLD / old, "--output", output)

    assert result.exit_code == 0
    assert output.read_text() == schema_line() + (OLD / new).read_text()
    *left, last = result.stderr.splitlines()
    assert left
    assert all(line.startswith(f"{OLD / old}:") for line in left)
    assert last == (
        f"{output}: {len(left)} not carried over; next: jmxbridge check {output} --connect"
    )


def test_init_to_stdout_prints_the_file_only() -> None:
    """With `-o -` messages go to stderr, so the output can be piped."""
    result = call("--from-telegraf", OLD / "telegraf.conf", "-o", "-")

    assert result.stdout == schema_line() + (OLD / "telegraf.yaml").read_text()


def test_init_from_another_tool_adds_the_lag(tmp_path: Path) -> None:
    """HOST:PORT next to the old file becomes `kafka.bootstrap`."""
    output = tmp_path / "mbeans.yaml"
    call("k1:9092,k2:9092", "--from-telegraf", OLD / "telegraf.conf", "--output", output)

    assert "kafka: {bootstrap: ['k1:9092', 'k2:9092']}\n" in output.read_text()


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("{}", 78, 'no "servers" in it: is this a file of jmxtrans?'),
        ('{"servers": [{"host": "a", "port": 1}]}', 1, "nothing of it can be carried over"),
        (None, 78, "no such file"),
    ],
)
def test_init_writes_no_file_if_nothing_is_carried_over(
    text: str | None, status: int, message: str, tmp_path: Path
) -> None:
    """A file of another kind, an empty one, a missing one: a one-line error, and no new file."""
    old, output = tmp_path / "old.json", tmp_path / "mbeans.yaml"
    if text is not None:
        old.write_text(text)
    result = call("--from-jmxtrans", old, "--output", output)

    assert result.exit_code == status
    assert message in result.stderr
    assert not output.exists()


def test_init_converts_one_file_at_a_time(tmp_path: Path) -> None:
    """Files of two tools need two commands."""
    result = call("--from-jmxtrans", "a", "--from-telegraf", "b", "-o", tmp_path / "x.yaml")

    assert result.exit_code == 2
    assert "one --from-… at a time" in result.stderr


@pytest.mark.parametrize(
    ("output", "message"),
    [("away/mbeans.yaml", "there is no directory"), ("closed/mbeans.yaml", "cannot be written")],
)
def test_init_names_a_file_that_cannot_be_written(
    output: str, message: str, tmp_path: Path
) -> None:
    """A usage error; a missing folder is reported before anything is read."""
    (tmp_path / "closed").mkdir()
    # Root may write into any folder, but into none that is a dangling link.
    (tmp_path / "closed" / "mbeans.yaml").symlink_to(tmp_path / "nowhere" / "x")
    result = call("--from-jmxtrans", OLD / "jmxtrans.json", "-o", tmp_path / output)

    assert result.exit_code == 2
    assert message in result.stderr


ACCESS = "kafka: {bootstrap: 'k1:9092', timeout: 7s, tls: {}}\n"


def test_cluster_of_the_command_line() -> None:
    """Without --access: the brokers given, or a local one."""
    assert [str(address) for address in cluster_of("a:1, b:2", None, None).bootstrap] == [
        "a:1",
        "b:2",
    ]
    assert [str(address) for address in cluster_of(None, None, None).bootstrap] == [
        DEFAULT_BOOTSTRAP
    ]


def test_cluster_of_an_access_file(tmp_path: Path) -> None:
    """TLS and timeout of the file; brokers and --timeout of the command line come first."""
    file = tmp_path / "access.yaml"
    file.write_text(ACCESS)

    own = cluster_of(None, file, None)
    given = cluster_of("k2:9092", file, 9.0)

    assert ([str(address) for address in own.bootstrap], own.timeout_s) == (["k1:9092"], 7.0)
    assert ([str(address) for address in given.bootstrap], given.timeout_s) == (["k2:9092"], 9.0)
    assert own.tls is not None
    assert given.tls == own.tls


def test_an_access_file_without_kafka_is_a_usage_error(tmp_path: Path) -> None:
    """It has nothing to connect with."""
    file = tmp_path / "access.yaml"
    file.write_text("targets: [{name: a, jmx: 'h:1', collect: [jvm]}]\n")
    result = call("--access", file, "-o", "-")

    assert result.exit_code == 2
    assert f"{file} has no kafka section" in result.stderr


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    """The message tells how to choose another."""
    output = tmp_path / "mbeans.yaml"
    output.write_text("interval: 1s\n")
    result = call("-o", output)

    assert result.exit_code == 2
    assert f"{output} exists already: name another with --output" in result.stderr
    assert output.read_text() == "interval: 1s\n"
