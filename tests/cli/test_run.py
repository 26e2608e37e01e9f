"""`jmxbridge run`: the file it reads, and reads again."""

import asyncio
from pathlib import Path

import pytest
import typer

from jmxbridge.cli.run import load, load_again
from tests.cli.calling import call


def test_run_reports_every_problem_of_a_file(tmp_path: Path) -> None:
    """An unknown key and a malformed ObjectName, each with its place."""
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


FILE = """
kafka: {bootstrap: '127.0.0.1:9092'}
targets:
  - {name: broker-1, jmx: 'k1:9999', collect: [jvm]}
  - {name: broker-2, jmx: 'k2:9999', collect: [jvm]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with two targets and a lag poll."""
    file = tmp_path / "two.yaml"
    file.write_text(FILE)
    return file


async def test_load_reads_the_whole_file(file: Path) -> None:
    """Without --only every target is polled, and the lag."""
    settings = await load(file, ())

    assert [target.name for target in settings.targets] == ["broker-1", "broker-2"]
    assert settings.kafka is not None


async def test_load_limits_the_targets(file: Path) -> None:
    """With --only the other targets and the lag are not polled."""
    settings = await load(file, ["broker-2"])

    assert [target.name for target in settings.targets] == ["broker-2"]
    assert (settings.kafka, settings.discover) == (None, ())


async def test_load_of_an_unknown_target_is_a_usage_error(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message lists the targets of the file."""
    with pytest.raises(typer.Exit) as raised:
        await load(file, ["broker-3"])

    assert raised.value.exit_code == 2
    text = f"{file} has no target broker-3: it has broker-1, broker-2\n"
    assert capsys.readouterr().err == text


def test_load_again_returns_the_changed_file(file: Path) -> None:
    """A reload reads what is in the file now."""
    file.write_text(FILE.replace("broker-2", "broker-3"))
    settings = asyncio.run(load_again(file, ()))

    assert settings is not None
    assert [target.name for target in settings.targets] == ["broker-1", "broker-3"]


@pytest.mark.parametrize(
    ("change", "only", "message"),
    [
        ("intervall: 1s", (), "not reloaded, the file has errors:"),
        ("", ("broker-3",), "not reloaded: it no longer has a target of --only"),
    ],
)
def test_load_again_of_a_bad_file_changes_nothing(
    file: Path, change: str, only: tuple[str, ...], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is in the log."""
    file.write_text(FILE + change)

    assert asyncio.run(load_again(file, only)) is None
    assert f"{file}: {message}" in caplog.text
