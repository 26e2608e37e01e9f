"""How log lines look, on a terminal and in the journal."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jmxbridge.service.log import STDERR, LogFormat, formatter, is_journal, set_up


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Let each test set logging up for itself; pytest's own handlers come back after it."""
    root, ours = logging.getLogger(), logging.getLogger("jmxbridge")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def record(level: int, message: str) -> logging.LogRecord:
    return logging.LogRecord("jmxbridge.x", level, "x.py", 1, message, None, None)


def our_journal() -> dict[str, str]:
    """Make an environment in which our stderr is the journal."""
    found = os.fstat(STDERR)
    return {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}


def test_journal_lines_carry_their_priority() -> None:
    """A message of two lines is two entries, both with the message's priority (sd-daemon(3))."""
    line = formatter(LogFormat.AUTO, journal=True).format(record(logging.WARNING, "one\ntwo"))
    assert line == "<4>one\n<4>two"


def test_log_lines_outside_the_journal_have_time_and_level() -> None:
    """Without the journal the line has its own time and level, and no priority."""
    line = formatter(LogFormat.AUTO, journal=False).format(record(logging.ERROR, "lost"))
    assert line.endswith(" ERROR   lost")
    assert line[4] == "-"


@pytest.mark.parametrize("wanted", [LogFormat.TEXT, LogFormat.JSON, LogFormat.JOURNAL])
def test_a_format_that_is_asked_for_is_used(wanted: LogFormat) -> None:
    """Whether stderr is the journal decides only where nothing was said."""
    at = record(logging.WARNING, "slow")
    in_journal = formatter(wanted, journal=True).format(at)
    assert in_journal == formatter(wanted, journal=False).format(at)


def test_json_is_one_object_a_line() -> None:
    """Time in UTC, level, logger, message; newlines and letters of any kind stay in the message."""
    at = record(logging.WARNING, "größer\nals")
    at.created = 1_700_000_000.25
    line = formatter(LogFormat.JSON, journal=False).format(at)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "jmxbridge.x",
        "message": "größer\nals",
    }


def test_json_keeps_an_exception_in_the_message() -> None:
    """A bug's traceback is part of its line, not lines of its own."""
    at = record(logging.ERROR, "bug")
    at.exc_info = (ValueError, ValueError("odd"), None)
    line = formatter(LogFormat.JSON, journal=False).format(at)
    assert "ValueError: odd" in json.loads(line)["message"]


def test_an_inherited_journal_is_not_ours(tmp_path: Path) -> None:
    """A service's child that writes to a file writes no priorities into it (systemd.exec(5))."""
    with (tmp_path / "log").open("w") as file:
        assert not is_journal(our_journal(), file.fileno())
    assert is_journal(our_journal(), STDERR)
    assert not is_journal({}, STDERR)
    assert not is_journal(our_journal(), -1)


def test_log_shows_information_of_this_package_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Information from libraries is not ours to print; their warnings are."""
    set_up(our_journal())
    logging.getLogger("jmxbridge.targets").info("up again")
    logging.getLogger("urllib3").info("chatter")
    logging.getLogger("urllib3").warning("pool is full")
    captured = capsys.readouterr()
    assert captured.err == "<6>up again\n<4>pool is full\n"
    assert captured.out == ""


def test_a_closed_stderr_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log line nobody can read is dropped without an exception in the caller."""

    class Gone:
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    set_up({})
    monkeypatch.setattr(sys, "stderr", Gone())
    logging.getLogger("jmxbridge").warning("to nobody")
