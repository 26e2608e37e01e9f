"""Transport over the Jolokia agent that a JVM already carries.

A steady poll is one POST: a query whether MBeans came or went, and a read of each MBean by its
exact name and attributes. Names and attributes are learned as over RMI (`transports.catalog`).
"""

from collections.abc import Callable, Mapping, Sequence

from jmxbridge.mbeans.reading import Reading
from jmxbridge.mbeans.rule import Rule
from jmxbridge.transports.catalog import Catalog
from jmxbridge.transports.jolokia_agent import JolokiaAgent


class JolokiaTransport:
    """Reads one JVM through its agent. `clock_s` is a monotonic clock in seconds."""

    def __init__(self, agent: JolokiaAgent, *, clock_s: Callable[[], float]) -> None:
        self._agent = agent
        self._clock_s = clock_s
        self._catalog = Catalog()
        self.costs: Mapping[str, int] = {}

    @property
    def series_limited(self) -> int:
        """Series that limits of rules leave out on this JVM, as far as known."""
        return self._catalog.series_limited

    @property
    def peer_host(self) -> str | None:
        """The IP address at which the last fetch reached the JVM; None if unknown."""
        return self._agent.peer_host

    async def fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        """Return one reading for each MBean that each rule takes; raises `JmxError`."""
        try:
            return await self._fetch(rules)
        except BaseException:  # the next answer may come from another JVM
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection and drop its catalog."""
        self._catalog = Catalog()
        await self._agent.close()

    async def _fetch(self, rules: Sequence[Rule]) -> list[Reading]:
        before = self._agent.traffic
        await self._catalog.refresh(self._agent, rules, self._clock_s())
        due = self._catalog.due(rules)
        has_changed, replies = await self._agent.poll(due.names)
        if has_changed:
            self._catalog.note_change()
        readings = self._catalog.readings(due.reads, replies)
        self.costs = {name: count - before[name] for name, count in self._agent.traffic.items()}
        return readings
