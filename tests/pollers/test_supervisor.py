"""Supervisor: pollers that run side by side and are exchanged while they run."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from jmxbridge.point import Point
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.poller import Poller
from jmxbridge.pollers.schedule import Tick
from jmxbridge.pollers.supervisor import Changes, PollerSpec, Supervisor


class RecordingPoller:
    """Records what the supervisor does to it."""

    pausable = True
    is_spread = False
    is_timed = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.line = StatusLine(name, Health.WAITING, "")
        self.runs = 0
        self.closed = False
        self.fails = False

    async def run(self) -> None:
        self.runs += 1
        if self.fails:
            raise ValueError(self.name)
        await asyncio.Event().wait()

    async def poll(self, tick: Tick) -> Sequence[Point]:
        raise AssertionError("the supervisor itself never polls")

    async def close(self) -> None:
        self.closed = True


async def run(poller: Poller) -> None:
    """Run a recording poller, without an end."""
    await cast(RecordingPoller, poller).run()


def specs(*names: str) -> list[PollerSpec]:
    """Return specifications of pollers that equal their names."""
    return [PollerSpec(name, lambda name=name: RecordingPoller(name)) for name in names]  # type: ignore[misc]


def pollers_of(supervisor: Supervisor) -> list[RecordingPoller]:
    """Return the pollers of a supervisor, with what they recorded."""
    return cast(list[RecordingPoller], supervisor.pollers)


async def started(*names: str) -> Supervisor:
    """Start a supervisor and let every poller begin to run."""
    supervisor = Supervisor(specs(*names), run)
    supervisor.start()
    await asyncio.sleep(0)
    return supervisor


async def test_supervisor_leaves_unchanged_pollers_alone() -> None:
    """A poller that stays wanted is the same object and still runs; others come and go."""
    supervisor = await started("a", "b")
    a, b = pollers_of(supervisor)

    assert await supervisor.change(specs("c", "a")) == Changes(kept=1, started=1, stopped=1)
    await asyncio.sleep(0)

    c, kept = pollers_of(supervisor)
    assert kept is a
    assert (a.runs, a.closed) == (1, False)
    assert (b.runs, b.closed) == (1, True)
    assert (c.name, c.runs, c.closed) == ("c", 1, False)
    await supervisor.close()
    assert a.closed
    assert c.closed


async def test_supervisor_runs_equal_specifications_twice() -> None:
    """A specification that is wanted twice has two pollers, and once is one fewer."""
    supervisor = await started("a", "a")
    assert len({id(poller) for poller in supervisor.pollers}) == 2
    assert await supervisor.change(specs("a")) == Changes(kept=1, started=0, stopped=1)
    await supervisor.close()


async def test_supervisor_fails_with_the_error_of_a_poller() -> None:
    """An error that ends a poller is not lost."""
    supervisor = Supervisor(specs("a", "b"), run)
    pollers_of(supervisor)[1].fails = True
    failure = supervisor.start()
    with pytest.raises(ValueError, match="b"):
        await failure
    await supervisor.close()


async def test_supervisor_fails_when_a_poller_is_cancelled_from_inside() -> None:
    """A poller that awaits something cancelled ends as quietly as by a stop; it is an error."""

    async def run_or_cancel(poller: Poller) -> None:
        if poller.name == "b":
            raise asyncio.CancelledError
        await run(poller)

    supervisor = Supervisor(specs("a", "b"), run_or_cancel)
    with pytest.raises(RuntimeError, match="ended by itself"):
        await asyncio.wait_for(supervisor.start(), 5.0)
    await supervisor.close()


async def test_supervisor_does_not_fail_when_it_stops_pollers() -> None:
    """Neither a change nor a stop is a failure."""
    supervisor = Supervisor(specs("a", "b"), run)
    failure = supervisor.start()
    await supervisor.change(specs("a"))
    await supervisor.stop()
    await asyncio.sleep(0)
    assert not failure.done()
    await supervisor.close()


async def test_supervisor_runs_nothing_before_the_start() -> None:
    """A change before the start decides what is started."""
    supervisor = Supervisor(specs("a"), run)
    await supervisor.change(specs("b"))
    (b,) = pollers_of(supervisor)
    assert b.runs == 0
    supervisor.start()
    await asyncio.sleep(0)
    assert (b.name, b.runs) == ("b", 1)
    await supervisor.close()
