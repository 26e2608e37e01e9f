"""What keeps running, whatever one poll meets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from jmxbridge import app
from jmxbridge.app import Bridge
from jmxbridge.config.models import Settings, StoreSettings
from jmxbridge.point import Point
from jmxbridge.service.fleet import Wanted
from jmxbridge.service.grid import NS, Tick
from jmxbridge.service.status import Line, Mood


class Stumbling:
    """A poller with a bug that shows at its first tick; asks to stop at its third."""

    name = "stumbling"
    line = Line(name, Mood.FINE, "")

    def __init__(self, stop: asyncio.Event) -> None:
        self.polled: list[int] = []
        self._stop = stop

    async def poll(self, tick: Tick) -> Sequence[Point]:
        self.polled.append(tick.due_ns)
        if len(self.polled) == 1:
            raise ZeroDivisionError("a bug")
        if len(self.polled) == 3:
            self._stop.set()
        return (Point("m", {}, {"n": len(self.polled)}, tick.due_ns),)

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_poll_that_fails_inside_us_does_not_stop_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, once, with its traceback; the ticks after it are polled like any other."""
    stop = asyncio.Event()
    poller = Stumbling(stop)

    async def three(interval_ns: int) -> AsyncIterator[Tick]:
        for n in range(1, 4):
            yield Tick(n * interval_ns, 0)
        await asyncio.Event().wait()

    def wanted(*_: object, **__: object) -> list[Wanted[Any]]:
        return [Wanted("stumbling", lambda: poller)]

    monkeypatch.setattr(app, "ticks", three)
    monkeypatch.setattr(app, "wanted_pollers", wanted)
    store = StoreSettings(path=tmp_path / "store.db")
    bridge = await Bridge.open(Settings(path=tmp_path / "mbeans.yaml", store=store), {})

    try:
        await bridge.run(stop)
    finally:
        await bridge.close()

    assert poller.polled == [10 * NS, 20 * NS, 30 * NS]
    (record,) = [each for each in caplog.records if each.exc_info]
    assert record.getMessage() == "stumbling: this poll failed inside jmxbridge"
