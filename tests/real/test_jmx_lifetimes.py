"""Lifetime of idle JMX connections: keep-alive, replacement and close.

The server closes idle connections after one second (a JVM: 120) and grants leases of half a second:
a client that asked for a lease and did not renew it would lose its connection that soon.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.servers import Jvm, free_port
from jmxbridge.jmx import ObjectName
from jmxbridge.mbeans.rule import Field, Rule
from jmxbridge.transports.rmi import RmiTransport

pytestmark = pytest.mark.real

IDLE_MS = 1000
LEASES = ["-Djava.rmi.dgc.leaseValue=500", "-Dsun.rmi.dgc.ackTimeout=500"]
MEMORY = ObjectName.parse("java.lang:type=Memory")
RULE = Rule("test", (MEMORY,), "m", {}, (Field("HeapMemoryUsage", ("used",), "used"),))


class Server:
    """A running server, with the number of connections that ended."""

    def __init__(self, port: int, jvm: Jvm) -> None:
        self.port = port
        self._jvm = jvm

    def transport(self, keep_alive_s: float) -> RmiTransport:
        return RmiTransport(
            "127.0.0.1", self.port, clock_s=time.monotonic, keep_alive_s=keep_alive_s
        )

    async def opened_when_closed(self, count: int) -> int:
        """Wait until `count` connections were closed; return how many were opened."""
        return int(await asyncio.to_thread(self._jvm.ask, f"closed {count}"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A JMX server with short timeouts."""
    port, source = free_port(), Path(__file__).with_name("Idle.java")
    with Jvm(source, str(port), str(IDLE_MS), jvm_options=LEASES, log=tmp_path / "idle.log") as jvm:
        yield Server(port, jvm)


async def test_an_idle_connection_is_kept_or_replaced_and_closed_at_the_end(
    server: Server,
) -> None:
    """With keep-alive the connection stays the same; without it the next poll uses another.

    Neither ever asked for a lease. A close here closes the server's side at once.
    """
    kept, idle = server.transport(keep_alive_s=0.2), server.transport(keep_alive_s=3600.0)
    assert len(await idle.fetch([RULE])) == len(await kept.fetch([RULE])) == 1
    first, dropped = kept.connection, idle.connection
    assert await server.opened_when_closed(1) == 2
    assert len(await kept.fetch([RULE])) == 1
    assert kept.connection is first
    assert len(await idle.fetch([RULE])) == 1
    assert idle.connection is not dropped
    await kept.close()
    await idle.close()
    assert await server.opened_when_closed(3) == 3
