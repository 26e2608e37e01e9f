"""JolokiaTransport: one POST a poll, with names and attributes learned before."""

from collections.abc import Sequence
from typing import cast

import pytest

from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.values import AttributeInfo, MBeanInfo
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.transports.jolokia import JolokiaTransport
from jmxbridge.transports.jolokia_agent import JolokiaAgent
from jmxbridge.transports.transport import AttributeNames, AttributeValues

MEMORY = ObjectName.parse("java.lang:type=Memory")
RULE = Rule("jvm", (MEMORY,), "jvm", {}, (Field("Used", (), "used"),))


class ScriptedAgent:
    """An agent with one MBean; `error` is raised by its next poll."""

    def __init__(self) -> None:
        self.peer_host: str | None = "192.0.2.7"
        self.traffic = {"round_trips": 0, "bytes_received": 0}
        self.has_changed = False
        self.queries = 0
        self.closed = 0
        self.error: Exception | None = None
        self.polled: list[AttributeNames] = []

    def _count(self) -> None:
        self.traffic = {
            "round_trips": self.traffic["round_trips"] + 1,
            "bytes_received": self.traffic["bytes_received"] + 100,
        }

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        self._count()
        self.queries += 1
        return [[MEMORY] for _ in patterns]

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo]:
        self._count()
        info = MBeanInfo("M", None, (AttributeInfo("Used", "long", None, True, False),))
        return [info for _ in names]

    async def poll(self, wanted: AttributeNames) -> tuple[bool, list[AttributeValues]]:
        self._count()
        self.polled.append(wanted)
        if self.error is not None:
            raise self.error
        return self.has_changed, [{"Used": 7} for _ in wanted]

    async def close(self) -> None:
        self.closed += 1


def transport_of(agent: ScriptedAgent) -> JolokiaTransport:
    """A transport over a scripted agent."""
    return JolokiaTransport(cast(JolokiaAgent, agent), clock_s=lambda: 1.0)


async def test_fetch_costs_one_post_in_a_steady_poll() -> None:
    """The first fetch learns names and attributes; `costs` are those of the last fetch."""
    agent = ScriptedAgent()
    transport = transport_of(agent)
    costs = []
    for _ in range(2):
        [reading] = await transport.fetch([RULE])
        assert (reading.rule, reading.name, reading.values) == (RULE, MEMORY, {"Used": 7})
        costs.append(dict(transport.costs))

    assert costs == [
        {"round_trips": 3, "bytes_received": 300},
        {"round_trips": 1, "bytes_received": 100},
    ]
    assert agent.polled == [((MEMORY, ("Used",)),)] * 2
    assert (transport.series_limited, transport.peer_host) == (0, "192.0.2.7")


async def test_fetch_queries_names_after_a_change() -> None:
    """An agent that reports a change is asked for names at the next fetch."""
    agent = ScriptedAgent()
    transport = transport_of(agent)
    agent.has_changed = True
    await transport.fetch([RULE])
    assert agent.queries == 1
    agent.has_changed = False
    for _ in range(2):
        await transport.fetch([RULE])
    assert agent.queries == 2


async def test_fetch_that_fails_closes_and_forgets() -> None:
    """The next answer may come from another JVM, so names are learned again."""
    agent = ScriptedAgent()
    transport = transport_of(agent)
    await transport.fetch([RULE])
    agent.error = ConnectionFailed("gone", "closed")
    with pytest.raises(ConnectionFailed, match="gone"):
        await transport.fetch([RULE])
    assert agent.closed == 1
    agent.error = None
    await transport.fetch([RULE])
    assert agent.queries == 2
