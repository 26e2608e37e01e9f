"""Option --watch: work that repeats until a signal."""

import asyncio
import os
import signal

import pytest

from jmxbridge.cli.watch import clear_sequence, until_stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_watch_ends_with_a_signal(number: signal.Signals) -> None:
    """The signal is the ordinary end: the work is cancelled, and nothing is raised."""
    ended = False

    async def work() -> None:
        nonlocal ended
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            ended = True

    await until_stopped(work())

    assert ended


async def test_watch_raises_an_error_of_its_work() -> None:
    """Work that fails ends the command with its error."""

    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await until_stopped(work())


@pytest.mark.parametrize("is_terminal", [True, False])
def test_clear_sequence_is_for_terminals(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other outputs get no escape sequences."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)

    assert bool(clear_sequence()) == is_terminal
