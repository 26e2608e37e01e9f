"""One pass without a loop: poll everything once, store it, and send what the store holds."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jmxbridge.build import make_cluster, make_writer, open_store, poller_specs
from jmxbridge.config.brokers import with_brokers
from jmxbridge.config.model.models import InfluxSettings, KafkaSettings, Settings
from jmxbridge.influx.encode import encode_points
from jmxbridge.influx.sender import Sender
from jmxbridge.kafka.cluster.known_brokers import Brokers
from jmxbridge.kafka.wire.errors import KafkaUnavailable
from jmxbridge.mbeans.consumers import Consumers
from jmxbridge.mbeans.topics import TopicNames
from jmxbridge.pollers.health import Health
from jmxbridge.pollers.schedule import Tick, last_due
from jmxbridge.service.tasks import cancel
from jmxbridge.store import Store
from jmxbridge.times import NS

FLUSH_S = 30.0
"""`once` is run to deliver: a slow InfluxDB gets the time of a whole write."""


@dataclass(frozen=True, slots=True)
class Polled:
    """The result of polling everything once: lines by source, their timestamp, and the problems.

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
    """Poll everything a file names once; the newest instant of the grid is the timestamp."""
    settings, broker_problems = await meet_brokers(settings)
    interval_ns = round(settings.interval_s * NS)
    every_s = [rule.every_s or 0.0 for rules in settings.mbeans.values() for rule in rules]
    # With an interval as long as the longest `every`, every rule is due.
    specs = poller_specs(
        settings,
        interval_ns=max(interval_ns, round(max(every_s, default=0) * NS)),
        topics=TopicNames(),
        consumers=Consumers(),
    )
    pollers = [spec.make() for spec in specs]
    tick = Tick(last_due(time.time_ns(), interval_ns), 0)
    try:
        polls = await asyncio.gather(*(poller.poll(tick) for poller in pollers))
    finally:
        await asyncio.gather(*(poller.close() for poller in pollers))
    down = [poller for poller in pollers if poller.line.health is Health.DOWN]
    return Polled(
        tick.due_ns,
        tuple(
            (poller.name, encode_points(points))
            for poller, points in zip(pollers, polls, strict=True)
        ),
        (*broker_problems, *(f"{poller.name}: {poller.line.text}" for poller in down)),
    )


async def meet_brokers(settings: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings with a target for each broker to discover, and the problems met."""
    if settings.kafka is None or not settings.discover:
        return settings, ()
    try:
        extended = with_brokers(settings, await find_brokers(settings.kafka))
    except KafkaUnavailable as exc:
        return settings, (f"discover: {exc}",)
    return extended.settings, extended.problems


async def find_brokers(kafka: KafkaSettings) -> Brokers:
    """Ask a cluster for its live brokers; raises KafkaUnavailable."""
    async with make_cluster(kafka, timeout_s=kafka.timeout_s) as cluster:
        return await cluster.find_brokers()


async def deliver(settings: Settings, polled: Polled, environ: Mapping[str, str]) -> list[str]:
    """Store the lines of one pass and send what the store holds; return the problems met.

    Raises StoreError.
    """
    async with await open_store(settings, environ) as store:
        for source, lines in polled.sources:
            await store.append(lines, time_ns=polled.time_ns, source=source)
        if settings.influxdb is None:
            return []
        drained = await drain_store(store, settings.influxdb, FLUSH_S)
        problems = []
        if drained.dead_lettered:
            problems.append(f"{drained.dead_lettered} lines were refused: see the log above")
        if drained.pending:
            problems.append(f"not sent, kept in {store.path}: {drained.sentence}")
        return problems


@dataclass(frozen=True, slots=True)
class Drained:
    """The result of a drain, in lines; `sentence` is the sender's last status.

    The fields are keys of `spool drain --json`.
    """

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
        return await drain_store(store, settings.influxdb, timeout_s)


async def drain_store(store: Store, influx: InfluxSettings, timeout_s: float) -> Drained:
    """Send what an open store holds until it is empty, InfluxDB is in trouble, or time is up."""
    sender = Sender(store, make_writer(influx))
    sending = asyncio.create_task(sender.run())
    await sender.flush(timeout_s)
    status = sender.status
    await cancel(sending)
    pending = (await store.counts()).pending
    return Drained(status.stored, status.dead_lettered, pending, status.text)
