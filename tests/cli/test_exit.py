"""Exit statuses and error messages of the commands."""

import json

import pytest
import typer

from jmxbridge.cli.exit import document, echo_json, fail, reported
from jmxbridge.config.text.problem import ConfigError, Problem
from jmxbridge.jmx import ConnectionFailed
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.store import StoreLocked


def test_fail_prints_on_stderr_and_exits(capsys: pytest.CaptureFixture[str]) -> None:
    """The status is the given one, and stdout stays empty."""
    with pytest.raises(typer.Exit) as raised:
        fail("no such target", 2)

    assert raised.value.exit_code == 2
    assert capsys.readouterr() == ("", "no such target\n")


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ConfigError([Problem("a.yaml", 3, 1, "interval", "too short")]), 78, "a.yaml:3:1: error"),
        (ConnectionFailed("cannot connect to h:1", "refused"), 69, "error: cannot connect to h:1"),
        (KafkaUnavailable("k:9092: refused"), 69, "error: k:9092: refused"),
        (StoreLocked("s.sqlite3 is in use"), 69, "error: s.sqlite3 is in use"),
    ],
)
def test_reported_maps_errors_to_statuses(
    error: Exception, status: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A problem of the file is 78, a server or store that cannot be used 69."""
    with pytest.raises(typer.Exit) as raised, reported():
        raise error

    assert raised.value.exit_code == status
    assert capsys.readouterr().err.startswith(text)


def test_reported_leaves_bugs_alone() -> None:
    """An error that a user cannot fix keeps its traceback."""
    with pytest.raises(ZeroDivisionError), reported():
        raise ZeroDivisionError


def test_json_documents_have_kind_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Both come before the content."""
    echo_json("spool", {"pending": 3})

    text = capsys.readouterr().out
    assert json.loads(text) == document("spool", {"pending": 3})
    assert list(json.loads(text)) == ["kind", "version", "pending"]
