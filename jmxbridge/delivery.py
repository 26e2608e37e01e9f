"""The way from points to InfluxDB, and the account of it, as points of its own.

Rule: at every instant each point that was ever polled is somewhere, and `jmxbridge_store` says
where: sampled = stored + pending + dead_lettered + dropped + expired in the store's own file, and
beside them, since the start of this process, what never got there: held in memory while the disk
is full, lost, or, as a whole or a field of it, unwritable as line protocol.

It is polled on the grid like a target, so the account has the timestamps of what it counts.
"""

import asyncio
import logging
import os
import re
import socket
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from jmxbridge.influx.line_protocol import encode, series_key
from jmxbridge.influx.sender import Sender, State
from jmxbridge.influx.series import SeriesBound
from jmxbridge.point import FieldValue, Point
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.schedule import Tick
from jmxbridge.store import Counts, Intake, Store, StoreError
from jmxbridge.times import NS

log = logging.getLogger(__name__)

# How often the end of a flush is looked for.
FLUSH_LOOK_S = 0.05


# Points are of few measurements, and what is wrong with them of few kinds; it is said once of each.
MAX_SAID = 64


class Unwritable:
    """What cannot be written as line protocol: how many points, and each kind of it in the log."""

    def __init__(self) -> None:
        self.count = 0
        self._said: set[str] = set()

    def note(self, point: Point, why: ValueError) -> None:
        """Count a point that is not written, or not all of it; say why where that is new."""
        self.count += 1
        kind = re.sub(r"\d+", "#", f"{point.measurement}: {why}")
        if kind not in self._said and len(self._said) < MAX_SAID:
            self._said.add(kind)
            log.error("a point of %s cannot be written: %s", point.measurement, why)


def freeze(
    points: Iterable[Point],
    bound: SeriesBound | None = None,
    unwritable: Unwritable | None = None,
) -> list[bytes]:
    """Encode points as line protocol, without those of series that the bound does not admit.

    A field that cannot be written costs its point no other field.
    """
    unwritable = unwritable or Unwritable()
    lines: list[bytes] = []
    for point in points:
        try:
            key = series_key(point)
            if bound is None or bound.admits(point.measurement, key):
                lines.append(encode(point, key))
        except ValueError as exc:
            unwritable.note(point, exc)
            with suppress(ValueError):  # of the point itself, or of all its fields together
                lines.append(encode(replace(point, fields=writable(point))))
    return lines


def writable(point: Point) -> dict[str, FieldValue]:
    """Return the fields of a point that can be written by themselves."""
    found: dict[str, FieldValue] = {}
    for name, value in point.fields.items():
        with suppress(ValueError):
            encode(replace(point, fields={name: value}))
            found[name] = value
    return found


class Delivery:
    """Takes every poll's points; polled itself, it tells where all of them are.

    `destination` is the sentence for where points go while all is well; `cluster` tags the points;
    `bound` is on the series of a run.
    """

    name = "store"

    def __init__(
        self,
        store: Store,
        sender: Sender | None,
        *,
        cluster: str,
        destination: str,
        bound: SeriesBound,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._sender = sender
        self._intake = Intake(store)
        self._tags = {"cluster": cluster, "host": socket.gethostname()}
        self._destination = destination
        self._bound = bound
        self._warned_of_series = False
        self._clock_s = clock_s
        self._started_s = clock_s()
        self._unwritable = Unwritable()

    @property
    def paused(self) -> bool:
        """Whether polls should not be made: the spool is full, and the file says to pause then."""
        return self._intake.paused

    async def put(self, points: Collection[Point], *, time_ns: int, source: str) -> None:
        """Freeze one poll's points and store them; durable on return, unless `line` says no."""
        refused = self._bound.refused
        lines = freeze(points, self._bound, self._unwritable)
        refused = self._bound.refused - refused
        if refused and not self._warned_of_series:
            self._warned_of_series = True
            log.error(
                "%d series are written, most of them of %s: new ones are left out from here on;"
                " a limit in its rule makes it fewer, max_series lets in more",
                *(self._bound.count, self._bound.largest),
            )
        await self._intake.put(lines, time_ns=time_ns, source=source)

    async def poll(self, tick: Tick) -> Sequence[Point]:
        """Return the account and what this process costs, with the tick's timestamp."""
        if self.paused:
            return ()  # the account must not be what fills the memory
        process = Point("jmxbridge_process", self._tags, self._process_fields(), tick.due_ns)
        try:
            counts = await self._store.counts()
        except StoreError:
            return (process,)  # what is put next meets the same trouble, and says so
        fields = {**account_fields(counts, tick.due_ns), **self._intake_fields()}
        return (Point("jmxbridge_store", self._tags, fields, tick.due_ns), process)

    async def close(self) -> None:
        """Give what is held in memory a last chance to become durable."""
        await self._intake.close()

    @property
    def line(self) -> StatusLine:
        """How the delivery stands, for people."""
        if self._intake.error is not None:
            where = f"{self._intake.held:,} lines in memory, {self._intake.lost:,} lost"
            said = "polling is paused" if self.paused else "polls are not durable"
            return StatusLine(self.name, Health.DOWN, f"{said} ({where}): {self._intake.error}")
        if self._sender is None:
            return StatusLine(self.name, Health.FINE, self._destination)
        status = self._sender.status
        counts = f"{status.stored:,} lines stored"
        if status.dead_lettered:
            counts += f", {status.dead_lettered:,} refused"
        waiting = status.state in (State.RETRYING, State.HOLDING)
        mood = Health.DOWN if waiting else Health.ALERT if status.dead_lettered else Health.FINE
        return StatusLine("influxdb", mood, f"{counts} · {status.sentence}")

    def _intake_fields(self) -> Mapping[str, FieldValue]:
        return {
            "degraded": self._intake.error is not None,
            "held": self._intake.held,
            "lost_total": self._intake.lost,
            "unwritable_total": self._unwritable.count,
            "series": self._bound.count,
            "series_limited_total": self._bound.refused,
        }

    def _process_fields(self) -> Mapping[str, FieldValue]:
        fields: dict[str, FieldValue] = {
            "cpu_seconds_total": time.process_time(),
            "uptime_seconds": self._clock_s() - self._started_s,
        }
        with suppress(OSError):  # too many open files: the account is wanted all the more
            fields["rss_bytes"] = resident_bytes()
        return fields


def account_fields(counts: Counts, now_ns: int) -> Mapping[str, FieldValue]:
    """Name the account's numbers as they stand in InfluxDB; the age is 0 where nothing waits."""
    oldest_ns = now_ns if counts.oldest_pending_ns is None else counts.oldest_pending_ns
    return {
        "sampled_total": counts.sampled,
        "stored_total": counts.stored,
        "pending": counts.pending,
        "dead_lettered": counts.dead_lettered,
        "dropped_total": counts.dropped,
        "expired_total": counts.expired,
        "pending_bytes": counts.pending_bytes,
        "dead_letter_bytes": counts.dead_bytes,
        "oldest_pending_seconds": max(now_ns - oldest_ns, 0) / NS,
    }


def resident_bytes() -> int:
    """Memory of this process that is in RAM: the second number of /proc/self/statm, in pages."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def flush(store: Store, sender: Sender, timeout_s: float) -> None:
    """Wait until nothing is pending, sender or store are in trouble, or the time is up."""
    with suppress(TimeoutError, StoreError):
        async with asyncio.timeout(timeout_s):
            while sender.status.next_try_ns is None:
                if not (await store.counts()).pending:
                    return
                await asyncio.sleep(FLUSH_LOOK_S)  # nothing announces that the counts changed
