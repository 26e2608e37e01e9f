"""The poller of this process: the account of all points, and the cost of the process.

Rule: at every instant each point that was ever polled is somewhere, and `jmxbridge_store` says
where: sampled = stored + pending + dead_lettered + dropped + expired in the store's own file, plus,
since the start of this process, what never got into the store (`Delivery.fields`).

It is polled on the grid like a target, so the account has the timestamps of the points it counts.
It is polled while polling is paused too: storing its empty poll makes the intake try again to store
the lines it holds, which ends the pause.
"""

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from jmxbridge.delivery import Delivery
from jmxbridge.influx.sender import Sender, SenderState
from jmxbridge.point import FieldValue, Point
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.schedule import Tick
from jmxbridge.store import Counts, Store, StoreError
from jmxbridge.times import NS


class SelfReport:
    """Reports where all points are and what the process costs.

    `cluster` tags the points. `destination` is the status text for a run without a sender.
    `clock_s` is a monotonic clock in seconds.
    """

    name = "store"
    pausable = False
    is_spread = False
    is_timed = False

    def __init__(
        self,
        store: Store,
        delivery: Delivery,
        sender: Sender | None,
        *,
        cluster: str,
        destination: str,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._sender = sender
        self._tags = {"cluster": cluster, "host": socket.gethostname()}
        self._destination = destination
        self._clock_s = clock_s
        self._started_s = clock_s()

    async def poll(self, tick: Tick) -> Sequence[Point]:
        """Return the account and the cost of this process, with the tick's timestamp."""
        if self._delivery.paused:
            return ()  # the account must not be what fills the memory
        process = Point("jmxbridge_process", self._tags, self._process_fields(), tick.due_ns)
        try:
            counts = await self._store.counts()
        except StoreError:
            return (process,)  # the next put meets the same error and reports it
        fields = {**account_fields(counts, tick.due_ns), **self._delivery.fields}
        return (Point("jmxbridge_store", self._tags, fields, tick.due_ns), process)

    async def close(self) -> None:
        """Do nothing: it has no connections."""

    @property
    def line(self) -> StatusLine:
        """The status of the delivery."""
        if self._delivery.trouble is not None:
            return StatusLine(self.name, Health.DOWN, self._delivery.trouble)
        if self._sender is None:
            return StatusLine(self.name, Health.FINE, self._destination)
        status = self._sender.status
        counts = f"{status.stored:,} lines stored"
        if status.dead_lettered:
            counts += f", {status.dead_lettered:,} refused"
        waiting = status.state in (SenderState.RETRYING, SenderState.HOLDING)
        health = Health.DOWN if waiting else Health.ALERT if status.dead_lettered else Health.FINE
        return StatusLine("influxdb", health, f"{counts} · {status.text}")

    def _process_fields(self) -> Mapping[str, FieldValue]:
        fields: dict[str, FieldValue] = {
            "cpu_seconds_total": time.process_time(),
            "uptime_seconds": self._clock_s() - self._started_s,
        }
        with suppress(OSError):  # too many open files: then the account matters even more
            fields["rss_bytes"] = resident_bytes()
        return fields


def account_fields(counts: Counts, now_ns: int) -> Mapping[str, FieldValue]:
    """Return the store's counts by their field names; the age is 0 if no line is pending."""
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
    """Return the resident set of this process: field 2 of /proc/self/statm, in pages."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
