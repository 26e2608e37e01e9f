"""One broker: its address, and a connection that is opened again whenever it is needed."""

import asyncio
from typing import TypeVar

from jmxbridge.kafka.connection import BrokerConnection, PeerRecord, address, connect, peer_name
from jmxbridge.kafka.facts.address_map import HostPort
from jmxbridge.kafka.login.security import PLAINTEXT, Security
from jmxbridge.kafka.wire.api_numbers import Api
from jmxbridge.kafka.wire.codec import KafkaRequest
from jmxbridge.kafka.wire.errors import BrokerFailed, ConnectFailed, ConnectionLost, VersionMismatch

T = TypeVar("T")


class Broker:
    """A broker at an address; one from the bootstrap list has no id.

    `reached_at` is where to connect to, if not to the address, which is then only its name.
    """

    def __init__(
        self,
        host: str,
        port: int,
        node_id: int | None = None,
        security: Security = PLAINTEXT,
        *,
        reached_at: HostPort | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.node_id = node_id
        self.peer = peer_name(host, port, reached_at)
        self._reached_at = reached_at
        self._record = PeerRecord()
        self._security = security
        self._connection: BrokerConnection | None = None
        self._retired: BrokerConnection | None = None
        self._connecting = asyncio.Lock()

    def __str__(self) -> str:
        return self.peer if self.node_id is None else f"broker {self.node_id} at {self.peer}"

    __repr__ = __str__

    @property
    def connected(self) -> bool:
        """Whether a connection is open, as far as is known."""
        return self._connection is not None and self._connection.failure is None

    @property
    def throttled_ms(self) -> int:
        """For how long the broker has delayed us because of a quota, in all connections."""
        return self._record.throttled_ms

    def no_answer(self, after_s: float) -> str:
        """Return the message of a deadline of so many seconds."""
        if self.node_id is None or self._record.was_reached:
            return f"{self}: no answer in {after_s:g} s"
        return self._unreachable(f"no answer in {after_s:g} s")

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
                        self.host,
                        self.port,
                        self._security,
                        reached_at=self._reached_at,
                        record=self._record,
                    )
                except ConnectFailed as exc:
                    if self.node_id is None:
                        raise
                    raise type(exc)(self._connect_error(exc)) from exc.__cause__
            return self._connection

    def _connect_error(self, failure: ConnectFailed) -> str:
        """Return the message of an address that Kafka gave us, not the user.

        One that was reached before is right, so its broker is down; TLS and login errors have a fix
        of their own.
        """
        if self._record.was_reached or type(failure) is not ConnectFailed:
            return f"{failure} (the address that broker {self.node_id} advertises)"
        return self._unreachable(str(failure).removeprefix(f"{self.peer}: "))

    def _unreachable(self, reason: str) -> str:
        advertised = f"broker {self.node_id} advertises {address(self.host, self.port)}"
        if self._reached_at is not None:
            return (
                f"{advertised}, which kafka.advertised maps to {address(*self._reached_at)}, and"
                f" that cannot be reached from here: {reason}; open the tunnel, or correct the"
                " entry"
            )
        return (
            f"{advertised}, which cannot be reached from here: {reason}; if the broker runs, map"
            " the address with kafka.advertised"
        )

    def _retire(self, connection: BrokerConnection) -> None:
        """Stop using a connection for new requests; close it once the last one is answered."""
        if self._retired is not None:
            self._retired.close()
        self._connection, self._retired = None, connection
        connection.retire()
