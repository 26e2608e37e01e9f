"""How log lines look, on a terminal and in the journal."""

import logging
import sys
from collections.abc import Iterator

import pytest

from jmxbridge.service.log import formatter, set_up


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


def test_each_line_in_the_journal_carries_its_priority() -> None:
    """A message of two lines is two entries, both with the message's priority (sd-daemon(3))."""
    line = formatter({"JOURNAL_STREAM": "8:1"}).format(record(logging.WARNING, "one\ntwo"))
    assert line == "<4>one\n<4>two"


def test_elsewhere_a_line_says_when_and_how_bad() -> None:
    """Without the journal the line has its own time and level, and no priority."""
    line = formatter({}).format(record(logging.ERROR, "lost"))
    assert line.endswith(" ERROR   lost")
    assert line[4] == "-"


def test_only_this_package_talks_about_what_goes_well(capsys: pytest.CaptureFixture[str]) -> None:
    """Information from libraries is not ours to print; their warnings are."""
    set_up({"JOURNAL_STREAM": "8:1"})
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
