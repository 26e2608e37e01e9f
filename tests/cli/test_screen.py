"""Status display of `run` on a terminal."""

import asyncio
import io
import logging
from collections.abc import Iterator

import pytest

from jmxbridge.cli.screen import shown
from jmxbridge.pollers.health import Health, StatusLine


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _log_level() -> Iterator[None]:
    """Restore the level of the log, which the display changes."""
    log = logging.getLogger("jmxbridge")
    before = log.level
    yield
    log.setLevel(before)


def lines() -> list[StatusLine]:
    """Two pollers, one of them down."""
    return [
        StatusLine("broker-1", Health.FINE, "96 MBeans"),
        StatusLine("app", Health.DOWN, "gone"),
    ]


async def test_screen_shows_a_line_for_each_poller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a sign for its health, its name and its text; the log keeps to warnings."""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with shown(lines, on=terminal):
        await asyncio.sleep(0)
        assert logging.getLogger("jmxbridge").level == logging.WARNING

    text = terminal.getvalue()
    assert "● broker-1" in text
    assert "96 MBeans" in text
    assert "✗ app" in text
    assert "gone" in text


async def test_screen_writes_nothing_to_a_file() -> None:
    """Without a terminal the log has everything, and its level stays."""
    before = logging.getLogger("jmxbridge").level
    file = io.StringIO()
    with shown(lines, on=file):
        await asyncio.sleep(0)
        assert logging.getLogger("jmxbridge").level == before

    assert file.getvalue() == ""
