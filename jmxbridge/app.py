"""Starts the tasks of what a file asks for, and stops them in order; or polls one time.

    targets ─┐
             ├─► points ─► frozen lines ─► store ─► sender ─► InfluxDB
    lag ─────┘

Rule: a poll's lines are in the store, durable, before anything is sent, and nothing that one poll
meets stops another one. Stopping goes the way the data goes: no more polls, then the sender gets a
moment for what is left, then the store is closed. What was not sent is sent after the next start.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jmxbridge.build import (
    Poller,
    addresses,
    find_brokers,
    make_writer,
    open_store,
    wanted_pollers,
)
from jmxbridge.config.brokers import with_brokers
from jmxbridge.config.model.models import InfluxSettings, Settings
from jmxbridge.delivery import Delivery, flush, freeze
from jmxbridge.influx.sender import Sender
from jmxbridge.influx.series import SeriesBound
from jmxbridge.kafka.cluster.known_brokers import KnownBrokers
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.mbeans.consumers import Consumers
from jmxbridge.mbeans.topics import TopicNames
from jmxbridge.point import Point
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.schedule import Tick, last_due, spread_ns, ticks
from jmxbridge.pollers.supervisor import PollerSpec, Supervisor
from jmxbridge.pollers.target import Target
from jmxbridge.service.garbage import collect_seldom
from jmxbridge.state.paths import beside
from jmxbridge.state.poll_times import PollTimes
from jmxbridge.store import Store
from jmxbridge.times import NS

log = logging.getLogger(__name__)

# What is in the store is safe, so stopping does not wait long for the last lines to be sent.
STOP_FLUSH_S = 3.0
# What the store, the grid and the sender were built with: no reload changes it.
FIXED = ("cluster", "interval_s", "influxdb", "store")
# `once` is there to deliver: a slow InfluxDB gets the time of a whole write.
ONCE_FLUSH_S = 30.0


class Bridge:
    """Everything a file asks for, running. Made by `open`, ended by `close`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._interval_ns = round(settings.interval_s * NS)
        self._store = store
        self._topics = TopicNames()
        self._consumers = Consumers()
        self._times = PollTimes(store.path)
        self._brokers = KnownBrokers(self._meet_brokers, clock_s=time.monotonic)
        self._meeting: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._fleet = Supervisor(self._wanted(settings), self._poll)
        influx = settings.influxdb
        self._sender = None if influx is None else Sender(store, make_writer(influx))
        self._bound = SeriesBound(settings.max_series)
        self._delivery = Delivery(
            store,
            self._sender,
            cluster=settings.cluster,
            destination=self._destination(),
            bound=self._bound,
        )

    @classmethod
    async def open(cls, settings: Settings, environ: Mapping[str, str]) -> "Bridge":
        """Open the store; nothing is polled yet. Raises StoreError."""
        return cls(settings, await open_store(settings, environ))

    def lines(self) -> list[StatusLine]:
        """Say how everything stands: each target, the lag, the delivery."""
        return [each.line for each in (*self._fleet.members, self._delivery)]

    async def reload(self, settings: Settings) -> None:
        """Poll what another file asks for; targets it does not change stay connected.

        What only a restart can change is kept as it was, and said.
        """
        fixed = [key for key in FIXED if getattr(settings, key) != getattr(self._settings, key)]
        if fixed:
            names = ", ".join(key.removesuffix("_s") for key in fixed)
            log.warning("%s: nothing changed: %s needs a restart", settings.path, names)
            return
        async with self._changing:
            changes = await self._fleet.change(self._wanted(settings))
            self._settings = settings
        self._bound.limit = settings.max_series
        log.info(
            "%s: reloaded: %d kept, %d begun, %d ended",
            *(settings.path, changes.kept, changes.begun, changes.ended),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Poll on the grid and send, until `stop` is set; then give the sender a moment."""
        log.info("%s: %s", self._settings.path, self._destination())
        collect_seldom()
        failure = self._fleet.start()
        own = asyncio.create_task(self._poll(self._delivery))
        sends = [] if self._sender is None else [asyncio.create_task(self._sender.run())]
        stopping = asyncio.create_task(stop.wait())
        try:
            # None of these ends by itself, but by an error, which must not go unnoticed.
            ends: set[asyncio.Future[Any]] = {stopping, failure, own, *sends}
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*done)
        finally:
            await asyncio.gather(cancel(stopping, own), self._fleet.stop())
            if self._sender is not None:
                await flush(self._store, self._sender, STOP_FLUSH_S)
            await cancel(*sends)

    async def close(self) -> None:
        """Let go of targets and cluster, then close the store."""
        if self._meeting is not None:
            await cancel(self._meeting)
        await self._fleet.close()
        await self._delivery.close()
        await asyncio.to_thread(self._times.write, time.monotonic())
        await self._store.close()

    def _meet_brokers(self) -> None:
        """Poll the brokers there are now, if the file asks for them, beside the lag poll."""
        if self._settings.discover:
            self._meeting = asyncio.create_task(self._poll_brokers())

    async def _poll_brokers(self) -> None:
        async with self._changing:
            changes = await self._fleet.change(self._wanted(self._settings))
        known = ", ".join(map(str, sorted(self._brokers.known)))
        log.info("brokers %s: %d begun, %d ended", known, changes.begun, changes.ended)

    def _wanted(self, settings: Settings) -> list[PollerSpec[Poller]]:
        found = with_brokers(settings, addresses(self._brokers.known))
        for problem in found.problems:
            log.error("not polled: %s", problem)
        return wanted_pollers(
            found.settings,
            interval_ns=self._interval_ns,
            topics=self._topics,
            consumers=self._consumers,
            brokers=self._brokers,
            memory_path=beside(self._store.path, ".lag.json"),
        )

    async def _poll(self, poller: Poller) -> None:
        async for tick in ticks(self._interval_ns, offset_ns=self._offset_ns(poller)):
            if self._delivery.paused and poller is not self._delivery:
                continue
            try:
                # By no name: points that are delivered need not stay until the next ones are made.
                await self._delivery.put(
                    await self._timed(poller, tick), time_ns=tick.due_ns, source=poller.name
                )
            except Exception:  # a bug of ours in one poll; the next one may go well
                log.exception("%s: this poll failed inside jmxbridge", poller.name)

    async def _timed(self, poller: Poller, tick: Tick) -> Collection[Point]:
        """Poll, and keep for `check` how long that took."""
        started_s = time.monotonic()
        points = await poller.poll(tick)
        now_s = time.monotonic()
        if poller is self._delivery:
            if self._times.is_due(now_s):
                await asyncio.to_thread(self._times.write, now_s)
        elif poller.line.mood is not Health.DOWN:
            self._times.note(poller.name, now_s - started_s)
        return points

    def _offset_ns(self, poller: Poller) -> int:
        """Spread targets; the lag and the account are of the instant itself."""
        targets = [each for each in self._fleet.members if isinstance(each, Target)]
        return spread_ns(targets.index(poller), self._interval_ns) if poller in targets else 0

    def _destination(self) -> str:
        influx = self._settings.influxdb
        if influx is not None:
            return f"sending to {influx.url}, bucket {influx.bucket}, from {self._store.path}"
        days = self._settings.store.retain_s / 86_400
        return f"no influxdb section: points stay in {self._store.path} for {days:g} days"


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll of everything gave: each source with its lines, their time, what went wrong.

    Two sources may have one name: a target may be called `lag`.
    """

    time_ns: int
    sources: tuple[tuple[str, Sequence[bytes]], ...]
    problems: tuple[str, ...]

    @property
    def lines(self) -> list[bytes]:
        """All lines, in the order of the file."""
        return [line for _, lines in self.sources for line in lines]


async def poll_once(settings: Settings) -> Polled:
    """Poll everything a file names one time, with the newest instant of the grid as timestamp."""
    settings, unmet = await meet_brokers(settings)
    interval_ns = round(settings.interval_s * NS)
    every = [rule.every_s or 0.0 for rules in settings.mbeans.values() for rule in rules]
    # With an interval as long as the longest `every`, every rule is due.
    wanted = wanted_pollers(
        settings,
        interval_ns=max(interval_ns, round(max(every, default=0) * NS)),
        topics=TopicNames(),
        consumers=Consumers(),
    )
    pollers = [each.make() for each in wanted]
    tick = Tick(last_due(time.time_ns(), interval_ns), 0)
    try:
        points = await asyncio.gather(*(each.poll(tick) for each in pollers))
    finally:
        await asyncio.gather(*(each.close() for each in pollers))
    return Polled(
        tick.due_ns,
        tuple((each.name, freeze(found)) for each, found in zip(pollers, points, strict=True)),
        (
            *unmet,
            *(
                f"{each.name}: {each.line.sentence}"
                for each in pollers
                if each.line.mood is Health.DOWN
            ),
        ),
    )


async def meet_brokers(settings: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return the file with a target for each broker that it wants found, and what went wrong."""
    if settings.kafka is None or not settings.discover:
        return settings, ()
    try:
        found = with_brokers(settings, await find_brokers(settings.kafka))
    except KafkaUnavailable as exc:
        return settings, (f"discover: {exc}",)
    return found.settings, found.problems


async def deliver(settings: Settings, polled: Polled, environ: Mapping[str, str]) -> list[str]:
    """Store what was polled once and send what the store holds; return what went wrong.

    Raises StoreError.
    """
    async with await open_store(settings, environ) as store:
        for source, lines in polled.sources:
            await store.append(lines, time_ns=polled.time_ns, source=source)
        if settings.influxdb is None:
            return []
        drained = await empty(store, settings.influxdb, ONCE_FLUSH_S)
        problems = []
        if drained.dead_lettered:
            problems.append(f"{drained.dead_lettered} lines were refused: see the log above")
        if drained.pending:
            problems.append(f"not sent, kept in {store.path}: {drained.sentence}")
        return problems


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain came to, in lines; `sentence` is how the sending stood at its end."""

    stored: int
    dead_lettered: int
    pending: int
    sentence: str


async def drain(settings: Settings, environ: Mapping[str, str], *, timeout_s: float) -> Drained:
    """Send what the store holds until it is empty, InfluxDB is in trouble, or the time is up.

    Raises StoreError. The file must have an influxdb section.
    """
    if settings.influxdb is None:
        raise ValueError("no influxdb section")
    async with await open_store(settings, environ) as store:
        return await empty(store, settings.influxdb, timeout_s)


async def empty(store: Store, influx: InfluxSettings, timeout_s: float) -> Drained:
    """Send what an open store holds until it is empty, InfluxDB is in trouble, or time is up."""
    sender = Sender(store, make_writer(influx))
    sending = asyncio.create_task(sender.run())
    await flush(store, sender, timeout_s)
    status = sender.status
    await cancel(sending)
    pending = (await store.counts()).pending
    return Drained(status.stored, status.dead_lettered, pending, status.sentence)


async def cancel(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they have ended; what they died of was told before."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
