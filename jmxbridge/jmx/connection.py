"""A connection to the JMX server of one JVM.

Rule: in this library only this file and `net` below it do I/O.

Distributed garbage collection is not used: a client that never claims to hold a remote object does
not have to renew the claim. The server keeps our connection object until it is closed or was idle
for two minutes, even if its socket is gone.

A JVM closes the socket after a reply that it failed to write (a value that cannot be serialized),
and we do after a reply whose end cannot be found. The unanswered calls are then made again over a
new socket. A socket must have brought a reply before the next one is opened, so this ends. If a
socket is closed while requests wait in it, it is reset, and a reset can lose replies that were sent
before it. So the calls up to the one that closed it are made one at a time.
"""

import asyncio
from collections.abc import Awaitable, Generator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import ConnectionFailed, JmxError, RemoteException
from jmxbridge.jmx.net.channel import Channel
from jmxbridge.jmx.net.dial import Dial
from jmxbridge.jmx.net.service_url import ServiceAddress, parse
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import calls
from jmxbridge.jmx.rmi.calls import AttributeCalls, Call
from jmxbridge.jmx.rmi.exact_template import ExactTemplate
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Traffic
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.values import MBeanInfo, Value

T = TypeVar("T")

# A JVM answers `close` within milliseconds. If it does not, the connection object expires there.
CLOSE_S = 1.0
# Thrown by a server that has dropped our connection object: by RMI, then by the JMX server.
_DROPPED = ("java.rmi.NoSuchObjectException", "java.io.IOException")


class Connection:
    """An open connection; made by `connect`, closed by `close` or at the end of `async with`.

    Several tasks may make calls at the same time; they are answered in the order they were made.
    A call raises RemoteException, after which the connection is usable, or ConnectionFailed or
    RemoteProtocolError, after which it is dead. A call that is cancelled or gets no reply for
    `timeout_s` kills the connection, because later replies could no longer be matched to calls. A
    name or pattern given as text raises MalformedObjectName, a ValueError, if it is malformed.

    `asked` is the endpoint that was connected to, `advertised` the one that the target advertises.
    """

    def __init__(
        self, asked: Endpoint, server: RemoteRef, own: RemoteRef, channel: Channel
    ) -> None:
        self.asked = asked
        self.advertised = server.endpoint
        self._own = own
        self._channel = channel
        self._earlier = Traffic()  # of sockets that were replaced
        self._replacing = asyncio.Lock()
        self._attribute_calls = AttributeCalls(own)
        self._info_template: ExactTemplate[MBeanInfo] = ExactTemplate()
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Connection to {self.asked}, advertised as {self.advertised}: {self._channel!r}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def address(self) -> Endpoint:
        """The address the socket leads to: the advertised one, unless it was replaced."""
        return self._channel.endpoint

    @property
    def peer_host(self) -> str | None:
        """The IP address of the peer."""
        return self._channel.peer_host

    @property
    def round_trip_us(self) -> int | None:
        """The round-trip time of the network in microseconds; None if it is not known."""
        return self._channel.round_trip_us

    @property
    def is_open(self) -> bool:
        """Whether calls can be made, as far as is known."""
        return self._channel.protocol.error is None

    @property
    def traffic(self) -> Traffic:
        """Counters of calls, bytes and round trips so far."""
        return self._earlier + self._channel.protocol.traffic

    async def query(self, pattern: ObjectName | str | None = None) -> list[ObjectName]:
        """Return the names of the MBeans that match `pattern`, or of all MBeans."""
        name = None if pattern is None else _name(pattern)
        return await self._one(calls.query_names(self._own, name))

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        """Return the names that match each pattern, in order."""
        names: list[list[ObjectName]] = []
        queries = [calls.query_names(self._own, pattern) for pattern in patterns]
        for outcome in await self._many(queries):
            if isinstance(outcome, RemoteException):
                raise outcome
            names.append(outcome)
        return names

    async def get_mbean_info(self, name: ObjectName | str) -> MBeanInfo:
        """Return the description of an MBean."""
        return await self._one(calls.get_mbean_info(self._own, _name(name)))

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo | RemoteException]:
        """Return the descriptions of many MBeans, in order; a failure does not stop the others."""
        template = self._info_template
        return await self._many([calls.get_mbean_info(self._own, name, template) for name in names])

    async def get(self, name: ObjectName | str, attributes: Sequence[str]) -> dict[str, Value]:
        """Return attributes of one MBean.

        An attribute that does not exist, or whose getter throws, is left out.
        """
        return await self._one(self._attribute_calls.call(_name(name), attributes))

    async def get_many(
        self, wanted: Sequence[tuple[ObjectName, Sequence[str]]]
    ) -> list[dict[str, Value] | RemoteException]:
        """Return attributes of many MBeans, in order; a failure does not stop the others.

        A value that cannot be serialized, or is of an externalizable class, makes the result of its
        MBean a RemoteException. Passing the same tuple again is cheaper than passing an equal one.
        """
        return await self._many(self._attribute_calls.all(wanted))

    async def get_mbean_count(self) -> int:
        """Return the number of MBeans: a cheap way to notice that some appeared or disappeared."""
        return await self._one(calls.get_mbean_count(self._own))

    async def get_default_domain(self) -> str:
        """Return the server's default domain: a cheap call that keeps an idle connection alive."""
        return await self._one(calls.get_default_domain(self._own))

    async def close(self) -> None:
        """Close the connection; the server is told if that takes less than a second."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._channel.run([calls.close(self._own)])
        except (JmxError, TimeoutError):
            pass  # the connection object expires by itself
        finally:
            await self._channel.abort_and_wait()

    async def _one(self, call: Call[T]) -> T:
        [outcome] = await self._many([call])
        if isinstance(outcome, RemoteException):
            raise outcome
        return outcome

    async def _many(self, batch: Sequence[Call[T]]) -> list[T | RemoteException]:
        """Return the outcome of each call, over as many sockets as that takes."""
        channel = self._channel
        outcomes: list[T | RemoteException] = await channel.run(batch)
        one_at_a_time = False
        while (answered := len(outcomes)) < len(batch):
            if channel.is_replaceable:
                channel = await self._replaced(channel)
                # A loss with calls in flight starts a search, call by call, for the call that makes
                # the socket close; the next loss is that call, and ends the search.
                one_at_a_time = not one_at_a_time
            last = answered + 1 if one_at_a_time else len(batch)
            outcomes += await channel.run(batch[answered:last])
        self._check_not_dropped(outcomes)
        return outcomes

    def _check_not_dropped(self, outcomes: Sequence[object]) -> None:
        """Raise ConnectionFailed if the server no longer knows our connection object."""
        for outcome in outcomes:
            if isinstance(outcome, RemoteException) and outcome.java_class in _DROPPED:
                self._channel.abort()
                raise ConnectionFailed(
                    f"the JMX server of {self.asked} dropped our connection, as it does after two"
                    f" idle minutes: {outcome}",
                    "closed",
                )

    async def _replaced(self, ended: Channel) -> Channel:
        """Return the channel that replaces `ended`; several tasks may ask for it at once."""
        async with self._replacing:
            if self._is_closed:
                raise ConnectionFailed(f"the connection to {self.asked} was closed here", "closed")
            if self._channel is ended:
                try:
                    async with asyncio.timeout(ended.timeout_s):
                        self._channel = await ended.reopen()
                except TimeoutError:
                    problem = f"{ended.endpoint} did not answer within {ended.timeout_s:g} s"
                    raise ConnectionFailed(problem, "timeout") from None
                self._earlier += ended.protocol.traffic
            return self._channel


class Connecting(Awaitable[Connection]):
    """An attempt to connect: `await` it, or use it in `async with`, which also closes it."""

    def __init__(self, dial: Dial, timeout_s: float) -> None:
        self._dial = dial
        self._timeout_s = timeout_s
        self._connection: Connection  # set by `async with`

    def __await__(self) -> Generator[Any, None, Connection]:
        return self._connect().__await__()

    async def __aenter__(self) -> Connection:
        self._connection = await self._connect()
        return self._connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.close()

    async def _connect(self) -> Connection:
        dial = self._dial
        try:
            async with asyncio.timeout(self._timeout_s):
                server, own, channel = await dial.connect()
        except TimeoutError:
            dial.abort()
            raise dial.timed_out(self._timeout_s) from None
        except BaseException:
            dial.abort()
            raise
        return Connection(dial.asked, server, own, channel)


def connect(
    host: str,
    port: int | None = None,
    *,
    timeout_s: float = 10.0,
    connect_timeout_s: float | None = None,
    rmi_host: str | None = None,
    rmi_port: int | None = None,
    credentials: Credentials | None = None,
    tls: Tls | None = None,
) -> Connecting:
    """Connect to the JMX server of the JVM whose JMX port is `port` of `host`.

    Without `port`, `host` is HOST:PORT or a JMX service URL; raises ValueError if it is neither.
    `rmi_host` and `rmi_port` replace the address that the target advertises. Without `tls` registry
    and JMX server must be plain; with it nothing is sent to a plain JMX server. `timeout_s` bounds
    the wait for each reply, and connecting as a whole unless `connect_timeout_s` is given. Await
    the result or use it in `async with`; that raises ConnectionFailed or RemoteProtocolError.
    """
    address = parse(host) if port is None else ServiceAddress(Endpoint(host, port))
    if address.server is not None:
        rmi_host, rmi_port = rmi_host or address.server.host, rmi_port or address.server.port
    dial = Dial(
        address.registry,
        rmi_host=rmi_host,
        rmi_port=rmi_port,
        credentials=credentials,
        tls=tls,
        timeout_s=timeout_s,
    )
    return Connecting(dial, timeout_s if connect_timeout_s is None else connect_timeout_s)


def _name(name: ObjectName | str) -> ObjectName:
    return ObjectName.parse(name) if isinstance(name, str) else name
