"""A JVM read over plain remote JMX, by our own client.

A steady poll is one getMBeanCount and one getAttributes for each MBean, all of them pipelined.
"""

import asyncio
from collections.abc import Callable, Sequence

from jmxbridge.jmx.connection import Connection, connect
from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.targets.catalog import Catalog


class RmiTransport:
    """Reads one JVM through `jmxbridge.jmx`.

    `connection` is the one in use, None before the first fetch and after a failed one.
    `rmi_host` and `rmi_port` replace the address that the JVM's registry advertises. `clock_s` is
    a monotonic clock in seconds.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        rmi_host: str | None,
        rmi_port: int | None,
        clock_s: Callable[[], float],
    ) -> None:
        self._host = host
        self._port = port
        self._rmi_host = rmi_host
        self._rmi_port = rmi_port
        self._clock_s = clock_s
        self.connection: Connection | None = None
        self._catalog = Catalog()

    @property
    def series_limited(self) -> int:
        """How many series the rules' limits leave out on this JVM, as far as is known."""
        return self._catalog.series_limited

    async def fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        """Return one reading for each MBean that each rule takes; raises `JmxError`."""
        try:
            return await self._fetch(rules)
        except BaseException:  # cancelled too: replies carry no id, so the pairing may be lost
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection and forget what was learned through it."""
        connection, self.connection = self.connection, None
        self._catalog = Catalog()
        if connection is not None:
            await connection.close()

    async def _fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        connection = await self._connected()
        await self._catalog.refresh(connection, rules, self._clock_s())
        wanted = self._catalog.wanted(rules)
        mbean_count, replies = await asyncio.gather(
            connection.get_mbean_count(),
            connection.get_many([(each.name, each.attributes) for each in wanted]),
        )
        self._catalog.note_count(mbean_count)
        return self._catalog.readings(wanted, replies)

    async def _connected(self) -> Connection:
        if self.connection is None:
            self.connection = await connect(
                self._host, self._port, rmi_host=self._rmi_host, rmi_port=self._rmi_port
            )
        return self.connection
