"""One broker: its address, and a connection that is opened again whenever it is needed."""

import asyncio
from typing import TypeVar

from jmxbridge.kafka.connection import BrokerConnection, address, connect
from jmxbridge.kafka.login.security import PLAINTEXT, Security
from jmxbridge.kafka.wire.api_numbers import Api
from jmxbridge.kafka.wire.codec import KafkaRequest
from jmxbridge.kafka.wire.errors import BrokerFailed, ConnectFailed, ConnectionLost, VersionMismatch

T = TypeVar("T")


class Broker:
    """A broker at an address; one from the bootstrap list has no id.

    `throttled_ms` grows by each delay that the broker announces because of a quota.
    """

    def __init__(
        self, host: str, port: int, node_id: int | None = None, security: Security = PLAINTEXT
    ) -> None:
        self.host = host
        self.port = port
        self.node_id = node_id
        self.throttled_ms = 0
        self._security = security
        self._connection: BrokerConnection | None = None
        self._retired: BrokerConnection | None = None
        self._connecting = asyncio.Lock()

    def __str__(self) -> str:
        where = address(self.host, self.port)
        return where if self.node_id is None else f"broker {self.node_id} at {where}"

    __repr__ = __str__

    @property
    def connected(self) -> bool:
        """Whether a connection is open, as far as is known."""
        return self._connection is not None and self._connection.failure is None

    async def ask(self, request: KafkaRequest[T]) -> T:
        """Send a request and return its answer; connects first if necessary.

        Brokers close idle connections, which may be noticed only now; such a request is sent once
        more, on a new connection. Requests only read, so sending one twice is safe. No deadline of
        its own. Raises BrokerFailed or RequestFailed.
        """
        reused = self.connected
        try:
            return await (await self._open()).ask(request)
        except ConnectionLost:
            if not reused:
                raise
        return await (await self._open()).ask(request)

    async def version(self, api: Api) -> int:
        """Return the version in which an API is used with this broker; connects if necessary."""
        return (await self._open()).version(api)

    def offers(self, api: Api) -> bool:
        """Whether it is connected and has a version of this API that we speak; never waits."""
        if self._connection is None or self._connection.failure is not None:
            return False
        try:
            self._connection.version(api)
        except VersionMismatch:
            return False
        return True

    def abandon(self, failure: BrokerFailed) -> None:
        """Close the connection; every request waiting on it fails with this error."""
        for connection in (self._connection, self._retired):
            if connection is not None:
                connection.close(failure)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        connections = (self._connection, self._retired)
        self._connection = self._retired = None
        for connection in connections:
            if connection is not None:
                connection.close()
                await connection.wait_closed()

    async def _open(self) -> BrokerConnection:
        async with self._connecting:
            if self._connection is not None and self._connection.session_expiring:
                self._retire(self._connection)
            if self._connection is None or self._connection.failure is not None:
                try:
                    self._connection = await connect(
                        self.host, self.port, self._security, on_throttle=self._count_throttle
                    )
                except ConnectFailed as exc:
                    if self.node_id is None:
                        raise
                    raise type(exc)(
                        f"{exc} (the address that broker {self.node_id} advertises)"
                    ) from exc.__cause__
            return self._connection

    def _count_throttle(self, throttle_ms: int) -> None:
        self.throttled_ms += throttle_ms

    def _retire(self, connection: BrokerConnection) -> None:
        """Stop using a connection for new requests; close it once the last one is answered."""
        if self._retired is not None:
            self._retired.close()
        self._connection, self._retired = None, connection
        connection.retire()
