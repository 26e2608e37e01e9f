"""Bridge: keeps running whatever one poll meets, and stops in time."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from jmxbridge import app
from jmxbridge.app import Bridge
from jmxbridge.config.loader import load
from jmxbridge.config.model.models import (
    InfluxSettings,
    KafkaSettings,
    Settings,
    StoreSettings,
    TargetSettings,
)
from jmxbridge.config.values.address import Address
from jmxbridge.config.values.jmx_address import JmxAddress
from jmxbridge.point import Point
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.schedule import SPREAD_STEP_NS, Tick
from jmxbridge.pollers.self_report import SelfReport
from jmxbridge.pollers.supervisor import PollerSpec
from jmxbridge.state import poll_times
from jmxbridge.store import StoreReader
from jmxbridge.times import NS

STOP_S = 10.0  # the promise for a server that is down, black-holed or trickling


class FaultyPoller:
    """A poller with a bug that shows at its first tick; asks to stop at its third."""

    name = "faulty"
    line = StatusLine(name, Health.FINE, "")
    pausable = True
    is_spread = False
    is_timed = True

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


async def test_bridge_goes_on_after_a_bug_in_one_poll(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The bug is logged once, with its traceback; the next ticks are polled like any other."""
    stop = asyncio.Event()
    poller = FaultyPoller(stop)

    async def three(interval_ns: int, *, offset_ns: int) -> AsyncIterator[Tick]:
        for n in range(1, 4):
            yield Tick(n * interval_ns, 0)
        await asyncio.Event().wait()

    def specs(*_: object, **__: object) -> list[PollerSpec]:
        return [PollerSpec("faulty", lambda: poller)]

    monkeypatch.setattr(app, "ticks", three)
    monkeypatch.setattr(app, "poller_specs", specs)
    store = StoreSettings(path=tmp_path / "store.db")
    bridge = await Bridge.open(Settings(path=tmp_path / "mbeans.yaml", store=store), {})

    try:
        await bridge.run(stop)
    finally:
        await bridge.close()

    assert poller.polled == [10 * NS, 20 * NS, 30 * NS]
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.getMessage() == "faulty: this poll failed inside jmxbridge"


async def test_bridge_writes_durations_of_polls_for_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only of polls that went well: a failed one took as long as its deadline."""
    stop = asyncio.Event()
    healthy, down = FaultyPoller(stop), FaultyPoller(asyncio.Event())
    down.name, down.line = "down", StatusLine("down", Health.DOWN, "refused")

    async def three(interval_ns: int, *, offset_ns: int) -> AsyncIterator[Tick]:
        for n in range(1, 4):
            yield Tick(n * interval_ns, 0)
        await asyncio.Event().wait()

    def specs(*_: object, **__: object) -> list[PollerSpec]:
        return [PollerSpec("down", lambda: down), PollerSpec("healthy", lambda: healthy)]

    monkeypatch.setattr(app, "ticks", three)
    monkeypatch.setattr(app, "poller_specs", specs)
    path = tmp_path / "store.db"
    settings = Settings(path=tmp_path / "mbeans.yaml", store=StoreSettings(path=path))
    bridge = await Bridge.open(settings, {})
    try:
        await bridge.run(stop)
    finally:
        await bridge.close()

    assert list(poll_times.read(path)) == ["faulty"]


async def test_bridge_spreads_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each target starts a step after the one before it; lag and self-report have no offset."""
    stop = asyncio.Event()
    offsets: list[int] = []

    async def never(interval_ns: int, *, offset_ns: int) -> AsyncIterator[Tick]:
        offsets.append(offset_ns)
        if len(offsets) == 5:
            stop.set()
        await asyncio.Event().wait()
        yield Tick(interval_ns, 0)

    monkeypatch.setattr(app, "ticks", never)
    settings = Settings(
        path=tmp_path / "mbeans.yaml",
        store=StoreSettings(path=tmp_path / "store.db"),
        targets=tuple(
            TargetSettings(name=name, jmx=JmxAddress("127.0.0.1", 9), collect=("jvm",))
            for name in "abc"
        ),
        mbeans={"jvm": ()},
        kafka=KafkaSettings(bootstrap=(Address("127.0.0.1", 9),)),
    )
    bridge = await Bridge.open(settings, {})

    try:
        await bridge.run(stop)
    finally:
        await bridge.close()

    assert sorted(offsets) == [0, 0, 0, SPREAD_STEP_NS, 2 * SPREAD_STEP_NS]


class OnePointPoller:
    """A poller with one point a tick."""

    name = "once"
    line = StatusLine(name, Health.FINE, "")
    pausable = True
    is_spread = False
    is_timed = True

    async def poll(self, tick: Tick) -> Sequence[Point]:
        return (Point("m", {}, {"n": 1}, tick.due_ns),)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.slow
async def test_bridge_stops_in_time_with_a_black_holed_influxdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes bytes and never answers: the bridge ends in the time systemd allows; lines stay."""
    stop = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(1)
        stop.set()
        await reader.read()
        writer.close()

    async def one(interval_ns: int, *, offset_ns: int) -> AsyncIterator[Tick]:
        yield Tick(interval_ns, 0)
        await asyncio.Event().wait()

    monkeypatch.setattr(app, "ticks", one)
    monkeypatch.setattr(app, "poller_specs", lambda *_, **__: [PollerSpec("once", OnePointPoller)])
    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Settings(
        path=tmp_path / "mbeans.yaml",
        store=StoreSettings(path=tmp_path / "store.db"),
        influxdb=InfluxSettings(url=f"http://127.0.0.1:{port}", bucket="kafka"),
    )
    bridge = await Bridge.open(settings, {})

    async with asyncio.timeout(STOP_S):
        await bridge.run(stop)
        await bridge.close()

    assert StoreReader(tmp_path / "store.db").usage().counts.pending > 0
    server.close()
    for writer in writers:
        writer.transport.abort()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


FILE = """\
store: {{path: {folder}/store.db}}
kafka: {{bootstrap: '127.0.0.1:1'}}
targets:
  - {{name: a, jmx: '127.0.0.1:1', collect: [jvm]}}
"""


def load_file(folder: Path, more: str = "", *, change: tuple[str, str] = ("", "")) -> Settings:
    """Load a file with one target and the lag, and more lines."""
    file = folder / "mbeans.yaml"
    file.write_text(FILE.format(folder=folder).replace(*change) + more)
    return load(file, {})


async def test_bridge_reload_changes_what_is_polled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Unchanged pollers are kept; the last status line is that of the delivery."""
    caplog.set_level(logging.INFO, "jmxbridge")
    bridge = await Bridge.open(load_file(tmp_path), {})
    assert [line.name for line in bridge.lines()] == ["a", "lag", "store"]

    await bridge.reload(load_file(tmp_path, "  - {name: b, jmx: '127.0.0.1:1', collect: [jvm]}\n"))

    assert [line.name for line in bridge.lines()] == ["a", "b", "lag", "store"]
    assert caplog.messages[-1].endswith("reloaded: 2 kept, 1 started, 0 stopped")
    await bridge.close()


async def test_bridge_reload_refuses_what_needs_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The store and the grid stay as they were built, and so does everything else."""
    bridge = await Bridge.open(load_file(tmp_path), {})

    await bridge.reload(
        load_file(tmp_path, "interval: 1s\ncluster: other\n", change=("name: a", "name: b"))
    )

    assert [line.name for line in bridge.lines()] == ["a", "lag", "store"]
    assert caplog.messages == [
        f"{tmp_path / 'mbeans.yaml'}: not reloaded: cluster, interval needs a restart"
    ]
    await bridge.close()


async def test_bridge_polls_brokers_as_they_become_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A target for each live broker, where the file discovers them; a bad port is logged."""
    caplog.set_level(logging.INFO, "jmxbridge")
    more = "  - {discover: kafka, jmx_port: '{id}9999', collect: [jvm]}\n"
    bridge = await Bridge.open(load_file(tmp_path, more), {})

    bridge._brokers.learn({1: ("k1", 9092), 7: ("k7", 9092)})
    assert bridge._discovering is not None
    await bridge._discovering

    assert [line.name for line in bridge.lines()] == ["a", "broker-1", "lag", "store"]
    problem, started = caplog.messages
    assert problem.startswith("not polled: broker 7: ")
    assert started == "brokers 1, 7: 1 started, 0 stopped"
    await bridge.close()


async def test_bridge_ignores_brokers_that_no_file_discovers(tmp_path: Path) -> None:
    """Without `discover` the lag poll's brokers make no targets."""
    bridge = await Bridge.open(load_file(tmp_path), {})
    bridge._brokers.learn({1: ("k1", 9092)})
    assert bridge._discovering is None
    await bridge.close()


async def test_bridge_polls_only_itself_while_polling_is_paused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The self-report is polled all the same: each of its polls tries again to end the pause."""
    stop, polled = asyncio.Event(), {"once": 0, "store": 0}
    poll_once, report = OnePointPoller.poll, SelfReport.poll

    async def count_poll(poller: OnePointPoller, tick: Tick) -> Sequence[Point]:
        polled["once"] += 1
        return await poll_once(poller, tick)

    async def count_report(poller: SelfReport, tick: Tick) -> Sequence[Point]:
        polled["store"] += 1
        if polled["store"] == 6:
            stop.set()
        return await report(poller, tick)

    async def six(interval_ns: int, *, offset_ns: int) -> AsyncIterator[Tick]:
        for n in range(1, 7):
            yield Tick(n * interval_ns, 0)
        await asyncio.Event().wait()

    monkeypatch.setattr(OnePointPoller, "poll", count_poll)
    monkeypatch.setattr(SelfReport, "poll", count_report)
    monkeypatch.setattr(app, "ticks", six)
    monkeypatch.setattr(app, "poller_specs", lambda *_, **__: [PollerSpec("once", OnePointPoller)])
    monkeypatch.setattr(app, "STOP_FLUSH_S", 0.0)
    settings = Settings(
        path=tmp_path / "mbeans.yaml",
        store=StoreSettings(path=tmp_path / "store.db", max_bytes=100, when_full="pause"),
        influxdb=InfluxSettings(url="http://127.0.0.1:1", bucket="kafka"),
    )
    bridge = await Bridge.open(settings, {})

    await bridge.run(stop)
    await bridge.close()

    assert polled["store"] == 6
    assert polled["once"] < 6
