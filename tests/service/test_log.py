"""Log lines: as text, for the journal and as JSON."""

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
    """Restore logging, with pytest's own handlers, after each test."""
    root, ours = logging.getLogger(), logging.getLogger("jmxbridge")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def record(level: int, message: str) -> logging.LogRecord:
    return logging.LogRecord("jmxbridge.x", level, "x.py", 1, message, None, None)


def our_journal() -> dict[str, str]:
    """Return an environment in which our stderr is the journal."""
    status = os.fstat(STDERR)
    return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


def test_journal_lines_carry_their_priority() -> None:
    """A message of two lines is two entries, both with the message's priority (sd-daemon(3))."""
    line = formatter(LogFormat.AUTO, journal=True).format(record(logging.WARNING, "one\ntwo"))
    assert line == "<4>one\n<4>two"


def test_text_lines_have_time_and_level() -> None:
    """Without the journal the line has its own time and level, and no priority."""
    line = formatter(LogFormat.AUTO, journal=False).format(record(logging.ERROR, "lost"))
    assert line.endswith(" ERROR   lost")
    assert line[4] == "-"


@pytest.mark.parametrize("log_format", [LogFormat.TEXT, LogFormat.JSON, LogFormat.JOURNAL])
def test_formatter_uses_the_format_that_is_asked_for(log_format: LogFormat) -> None:
    """The journal decides only for `auto`."""
    slow = record(logging.WARNING, "slow")
    in_journal = formatter(log_format, journal=True).format(slow)
    assert in_journal == formatter(log_format, journal=False).format(slow)


def test_json_formatter_writes_one_object_a_line() -> None:
    """Time in UTC, level, logger, message; newlines and letters of any kind stay in the message."""
    entry = record(logging.WARNING, "größer\nals")
    entry.created = 1_700_000_000.25
    line = formatter(LogFormat.JSON, journal=False).format(entry)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "jmxbridge.x",
        "message": "größer\nals",
    }


def test_json_formatter_keeps_an_exception_in_the_message() -> None:
    """A bug's traceback is part of its line, not lines of its own."""
    entry = record(logging.ERROR, "bug")
    entry.exc_info = (ValueError, ValueError("odd"), None)
    line = formatter(LogFormat.JSON, journal=False).format(entry)
    assert "ValueError: odd" in json.loads(line)["message"]


def test_is_journal_compares_the_stream_with_the_descriptor(tmp_path: Path) -> None:
    """A child may inherit the variable and log to a file, without priorities (systemd.exec(5))."""
    with (tmp_path / "log").open("w") as file:
        assert not is_journal(our_journal(), file.fileno())
    assert is_journal(our_journal(), STDERR)
    assert not is_journal({}, STDERR)
    assert not is_journal(our_journal(), -1)


def test_log_shows_information_of_this_package_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Of libraries only warnings are printed."""
    set_up(our_journal())
    logging.getLogger("jmxbridge.pollers").info("up again")
    logging.getLogger("urllib3").info("chatter")
    logging.getLogger("urllib3").warning("pool is full")
    captured = capsys.readouterr()
    assert captured.err == "<6>up again\n<4>pool is full\n"
    assert captured.out == ""


def test_log_ignores_a_closed_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is dropped without an exception in the caller."""

    class Gone:
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    set_up({})
    monkeypatch.setattr(sys, "stderr", Gone())
    logging.getLogger("jmxbridge").warning("to nobody")
