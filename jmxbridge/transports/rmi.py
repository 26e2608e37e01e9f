"""Transport over plain remote JMX (RMI), by `jmxbridge.jmx`.

A steady poll is one getMBeanCount and one getAttributes for each MBean, all of them pipelined.

A JVM drops a connection that was idle for 120 s. If polls are further apart than that, a
getDefaultDomain in between keeps the connection: it is the cheapest call that counts (RMI's own
pings do not). A connection that ended between two polls, by that or because the JVM restarted, is
replaced within the poll that notices it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from jmxbridge.jmx.connection import Connection, connect
from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import ConnectionFailed, JmxError, RemoteException
from jmxbridge.jmx.rmi.protocol import Traffic
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.transports.catalog import Catalog
from jmxbridge.transports.exposure import ExposureWarning

KEEP_ALIVE_S = 60.0
"""Half of the idle time a JVM allows."""


class RmiTransport:
    """Reads one JVM through `jmxbridge.jmx`.

    `connection` is the one in use, None before the first fetch and after a failed one. `rmi_host`
    and `rmi_port` replace the address that the JVM's registry advertises. `credentials` is called
    in a thread, at each login. `clock_s` is a monotonic clock in seconds. `connect_timeout_s`
    should be less than the deadline of a fetch: a cancelled fetch cannot report which address was
    silent.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        rmi_host: str | None = None,
        rmi_port: int | None = None,
        credentials: Callable[[], Credentials] | None = None,
        tls: Tls | None = None,
        clock_s: Callable[[], float],
        connect_timeout_s: float | None = None,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        self._host = host
        self._port = port
        self._rmi_host = rmi_host
        self._rmi_port = rmi_port
        self._credentials = credentials
        self._tls = tls
        self._connect_timeout_s = connect_timeout_s
        self._exposure = ExposureWarning(
            f"{host}:{port}",
            "JMX without TLS and without a password: anyone who reaches that port can use it",
            has_tls=tls is not None,
            has_password=credentials is not None,
        )
        self._clock_s = clock_s
        self.connection: Connection | None = None
        self.costs: Mapping[str, int] = {}
        self.peer_host: str | None = None
        self._catalog = Catalog()
        self._keep_alive_s = keep_alive_s
        self._timer: asyncio.TimerHandle | None = None
        self._keep_alive_call: asyncio.Task[None] | None = None

    @property
    def series_limited(self) -> int:
        """Series that limits of rules leave out on this JVM, as far as known."""
        return self._catalog.series_limited

    async def fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        """Return one reading for each MBean that each rule takes; raises `JmxError`."""
        was_connected = self.connection is not None
        try:
            await self._stop_keep_alive()
            return await self._fetch(rules)
        except ConnectionFailed as exc:
            await self.close()
            if not was_connected or exc.error_class in ("timeout", "cancelled"):
                raise
        except RemoteException:  # the connection is fine, and the catalog learned from the failure
            if self.connection is not None:
                self._start_keep_alive(self.connection)
            raise
        except BaseException:  # a cancellation too: replies carry no id, so pairing is lost
            await self.close()
            raise
        return await self._fetch_again(rules)

    async def _fetch_again(self, rules: Sequence[Rule]) -> list[Reading]:
        """Fetch over a new connection: the old one may have ended between the polls."""
        try:
            return await self._fetch(rules)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection and drop its catalog."""
        if self._keep_alive_call is not None:
            self._keep_alive_call.cancel()
            self._keep_alive_call = None
        if self._timer is not None:
            self._timer.cancel()
        connection, self.connection = self.connection, None
        self._catalog = Catalog()
        if connection is not None:
            await connection.close()

    async def _fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        connection = await self._connected()
        before = connection.traffic
        await self._catalog.refresh(connection, rules, self._clock_s())
        due = self._catalog.due(rules)
        sent_s = self._clock_s()
        mbean_count, replies = await asyncio.gather(
            connection.get_mbean_count(),
            connection.get_many(due.names),
        )
        answered_us = round((self._clock_s() - sent_s) * 1e6)
        self._catalog.note_count(mbean_count)
        readings = self._catalog.readings(due.reads, replies)
        self.costs = {
            **costs(before, connection.traffic),
            **times(answered_us, connection.round_trip_us),
        }
        self._start_keep_alive(connection)
        return readings

    def _start_keep_alive(self, connection: Connection) -> None:
        """Call every `keep_alive_s` until the next fetch, or until an error, which it meets too."""

        async def call() -> None:
            with contextlib.suppress(JmxError):
                await connection.get_default_domain()
                self._start_keep_alive(connection)

        def start() -> None:
            self._keep_alive_call = asyncio.create_task(call())

        self._timer = asyncio.get_running_loop().call_later(self._keep_alive_s, start)

    async def _stop_keep_alive(self) -> None:
        """Make no more calls; wait for one that is under way."""
        if self._keep_alive_call is not None:
            await self._keep_alive_call
            self._keep_alive_call = None
        if self._timer is not None:
            self._timer.cancel()

    async def _connected(self) -> Connection:
        if self.connection is None:
            credentials = self._credentials
            self.connection = await connect(
                self._host,
                self._port,
                rmi_host=self._rmi_host,
                rmi_port=self._rmi_port,
                credentials=None if credentials is None else await asyncio.to_thread(credentials),
                tls=self._tls,
                connect_timeout_s=self._connect_timeout_s,
            )
            self.peer_host = self.connection.peer_host
            self._exposure.check(self.peer_host)
        return self.connection


def costs(before: Traffic, after: Traffic) -> dict[str, int]:
    """Return the traffic between two readings of the counters, by field name."""
    return {
        name: getattr(after, name) - getattr(before, name)
        for name in ("round_trips", "bytes_received", "template_hits", "template_misses")
    }


def times(answered_us: int, round_trip_us: int | None) -> dict[str, int]:
    """Return the shares of network and JVM in the time until all was answered, by field name.

    Nothing is returned while the round-trip time of the connection is unknown.
    """
    if round_trip_us is None:
        return {}
    return {"round_trip_us": round_trip_us, "server_us": max(0, answered_us - round_trip_us)}
