"""Bridge: runs the pollers and the sender that a file asks for, and stops them in order.

    targets ─┐
             ├─► points ─► encoded lines ─► store ─► sender ─► InfluxDB
    lag ─────┘

Rule: the lines of a poll are durable in the store before any of them is sent, and no failure of one
poll stops another. A stop follows the data: polling ends first, then the sender gets a moment for
the remaining lines, then the store is closed. Lines that were not sent are sent after the next
start.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from typing import Any

from jmxbridge.build import make_writer, open_store, poller_specs
from jmxbridge.config.brokers import with_brokers
from jmxbridge.config.model.models import Settings
from jmxbridge.delivery import Delivery
from jmxbridge.influx.sender import Sender
from jmxbridge.influx.series import SeriesBound
from jmxbridge.kafka.cluster.known_brokers import KnownBrokers
from jmxbridge.mbeans.consumers import Consumers
from jmxbridge.mbeans.topics import TopicNames
from jmxbridge.point import Point
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.poller import Poller
from jmxbridge.pollers.schedule import Tick, spread_ns, ticks
from jmxbridge.pollers.self_report import SelfReport
from jmxbridge.pollers.supervisor import PollerSpec, Supervisor
from jmxbridge.service.garbage import collect_seldom
from jmxbridge.service.tasks import cancel
from jmxbridge.state.paths import state_path
from jmxbridge.state.poll_times import PollTimes
from jmxbridge.store import Store
from jmxbridge.times import NS

log = logging.getLogger(__name__)

STOP_FLUSH_S = 3.0
"""The store keeps what is not sent, so a stop does not wait long for the last lines."""

FIXED = ("cluster", "interval_s", "influxdb", "store")
"""Settings that store, grid and sender were built with; a reload cannot change them."""


class Bridge:
    """Runs everything that a file asks for: made by `open`, ended by `close`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._interval_ns = round(settings.interval_s * NS)
        self._store = store
        self._topics = TopicNames()
        self._consumers = Consumers()
        self._times = PollTimes(store.path)
        self._brokers = KnownBrokers(self._discover, clock_s=time.monotonic)
        self._discovering: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._supervisor = Supervisor(self._specs(settings), self._run)
        influx = settings.influxdb
        self._sender = None if influx is None else Sender(store, make_writer(influx))
        self._bound = SeriesBound(settings.max_series)
        self._delivery = Delivery(store, self._bound)
        self._self_report = SelfReport(
            store,
            self._delivery,
            self._sender,
            cluster=settings.cluster,
            destination=self._destination(),
        )

    @classmethod
    async def open(cls, settings: Settings, environ: Mapping[str, str]) -> "Bridge":
        """Open the store; nothing is polled yet. Raises StoreError."""
        return cls(settings, await open_store(settings, environ))

    def lines(self) -> list[StatusLine]:
        """Return the status lines of all targets, the lag and the delivery."""
        return [poller.line for poller in (*self._supervisor.pollers, self._self_report)]

    async def reload(self, settings: Settings) -> None:
        """Poll what another file asks for; unchanged targets stay connected.

        A file that changes what only a restart can change is refused, with a warning.
        """
        fixed = [key for key in FIXED if getattr(settings, key) != getattr(self._settings, key)]
        if fixed:
            names = ", ".join(key.removesuffix("_s") for key in fixed)
            log.warning("%s: not reloaded: %s needs a restart", settings.path, names)
            return
        async with self._changing:
            changes = await self._supervisor.change(self._specs(settings))
            self._settings = settings
        self._bound.limit = settings.max_series
        log.info(
            "%s: reloaded: %d kept, %d started, %d stopped",
            settings.path,
            changes.kept,
            changes.started,
            changes.stopped,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Poll on the grid and send until `stop` is set; then give the sender a moment."""
        log.info("%s: %s", self._settings.path, self._destination())
        collect_seldom()
        failure = self._supervisor.start()
        reporting = asyncio.create_task(self._run(self._self_report))
        sending = [] if self._sender is None else [asyncio.create_task(self._sender.run())]
        stopping = asyncio.create_task(stop.wait())
        try:
            # Except for `stopping`, these end only by an error, which must not go unnoticed.
            ends: set[asyncio.Future[Any]] = {stopping, failure, reporting, *sending}
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*done)
        finally:
            await asyncio.gather(cancel(stopping, reporting), self._supervisor.stop())
            if self._sender is not None:
                await self._sender.flush(STOP_FLUSH_S)
            await cancel(*sending)

    async def close(self) -> None:
        """Close targets and cluster, then the store."""
        if self._discovering is not None:
            await cancel(self._discovering)
        await self._supervisor.close()
        await self._delivery.close()
        await asyncio.to_thread(self._times.write, time.monotonic())
        await self._store.close()

    def _discover(self) -> None:
        """Start polling newly known brokers, if the file asks for that."""
        if self._settings.discover:
            # The lag poll that found the brokers does not wait for their targets.
            self._discovering = asyncio.create_task(self._poll_brokers())

    async def _poll_brokers(self) -> None:
        async with self._changing:
            changes = await self._supervisor.change(self._specs(self._settings))
        known = ", ".join(map(str, sorted(self._brokers.known)))
        log.info("brokers %s: %d started, %d stopped", known, changes.started, changes.stopped)

    def _specs(self, settings: Settings) -> list[PollerSpec]:
        extended = with_brokers(settings, self._brokers.known)
        for problem in extended.problems:
            log.error("not polled: %s", problem)
        return poller_specs(
            extended.settings,
            interval_ns=self._interval_ns,
            topics=self._topics,
            consumers=self._consumers,
            brokers=self._brokers,
            state_path=state_path(self._store.path, ".lag.json"),
        )

    async def _run(self, poller: Poller) -> None:
        """Poll on every tick and store the points, until cancelled."""
        async for tick in ticks(self._interval_ns, offset_ns=self._offset_ns(poller)):
            if self._delivery.paused and poller.pausable:
                continue
            try:
                # Do not keep a reference: the points are garbage once they are stored.
                await self._delivery.put(
                    await self._poll(poller, tick), time_ns=tick.due_ns, source=poller.name
                )
            except Exception:  # a bug of ours in one poll; the next one may go well
                log.exception("%s: this poll failed inside jmxbridge", poller.name)

    async def _poll(self, poller: Poller, tick: Tick) -> Collection[Point]:
        """Poll, and record the duration for `check`; after a self-report, write the durations."""
        started_s = time.monotonic()
        points = await poller.poll(tick)
        now_s = time.monotonic()
        if poller.is_timed:
            if poller.line.health is not Health.DOWN:
                self._times.note(poller.name, now_s - started_s)
        elif self._times.is_due(now_s):
            await asyncio.to_thread(self._times.write, now_s)
        return points

    def _offset_ns(self, poller: Poller) -> int:
        """Return how long after an instant the polls of a poller start."""
        spread = [other for other in self._supervisor.pollers if other.is_spread]
        return spread_ns(spread.index(poller), self._interval_ns) if poller in spread else 0

    def _destination(self) -> str:
        influx = self._settings.influxdb
        if influx is not None:
            return f"sending to {influx.url}, bucket {influx.bucket}, from {self._store.path}"
        days = self._settings.store.retain_s / 86_400
        return f"no influxdb section: points stay in {self._store.path} for {days:g} days"
