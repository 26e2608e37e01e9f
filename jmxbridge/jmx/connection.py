"""A connection to the JMX server of one JVM.

Rule: nothing but this file, `channel` and `lookup` below it does I/O in this library.

Distributed garbage collection is left alone: a client that never says it holds an object never has
to say so again. The server keeps our connection object until it is closed or was idle for two
minutes, also when its socket is gone. A JVM closes the socket after an answer it failed to write (a
value that cannot be serialized), and so do we after one whose end we cannot tell; what was not
answered is then asked again over a new socket. Each must have brought an answer before the next is
tried, so this comes to an end. A socket that is closed while requests wait in it is reset, and a
reset loses answers that were sent before it, so up to the one that did it calls are then made one
by one.
"""

import asyncio
from collections.abc import Awaitable, Generator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import ConnectionFailed, JmxError, RemoteException
from jmxbridge.jmx.net.channel import Channel
from jmxbridge.jmx.net.dial import Dial
from jmxbridge.jmx.net.service_url import Place, parse
from jmxbridge.jmx.object_name import ObjectName
from jmxbridge.jmx.rmi import calls
from jmxbridge.jmx.rmi.calls import AttributeCalls, Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.protocol import Traffic
from jmxbridge.jmx.rmi.repeats import Repeats
from jmxbridge.jmx.rmi.stub import RemoteRef
from jmxbridge.jmx.values import MBeanInfo, Value

T = TypeVar("T")

# A JVM that answers at all answers `close` within milliseconds; one that does not cleans up itself.
CLOSE_S = 1.0
# What the JMX server throws once it has dropped our connection object: RMI's word, then its own.
_DROPPED = ("java.rmi.NoSuchObjectException", "java.io.IOException")


class Connection:
    """An open connection; made by `connect`, closed by `close` or at the end of `async with`.

    Calls may be made at once from several tasks; they are answered in the order they were made.
    Each may raise RemoteException, and then the connection is fine; ConnectionFailed or
    RemoteProtocolError, and then it is dead. A call that is cancelled, or that gets no answer for
    `timeout_s`, kills the connection: what is answered later could no longer be told apart. A name
    or pattern given as text raises MalformedObjectName, a ValueError, where it is none.
    """

    def __init__(
        self, asked: Endpoint, server: RemoteRef, own: RemoteRef, channel: Channel
    ) -> None:
        self.asked = asked
        self.advertised = server.endpoint
        self._own = own
        self._channel = channel
        self._earlier = Traffic()  # over sockets that the server closed
        self._reopening = asyncio.Lock()
        self._attribute_calls = AttributeCalls(own)
        self._infos: Repeats[MBeanInfo] = Repeats()
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
        """Where the socket leads: the advertised address, unless that was replaced."""
        return self._channel.endpoint

    @property
    def peer_host(self) -> str | None:
        """The IP address at the other end."""
        return self._channel.peer_host

    @property
    def round_trip_us(self) -> int | None:
        """How long a byte is under way, there and back, in microseconds; None where not known."""
        return self._channel.round_trip_us

    @property
    def is_open(self) -> bool:
        """Whether calls can still be made, as far as is known."""
        return self._channel.protocol.error is None

    @property
    def traffic(self) -> Traffic:
        """What was exchanged so far."""
        return self._earlier + self._channel.protocol.traffic

    async def query(self, pattern: ObjectName | str | None = None) -> list[ObjectName]:
        """Return the names of MBeans that `pattern` selects; of all where it is None."""
        selects = None if pattern is None else _name(pattern)
        return await self._one(calls.query_names(self._own, selects))

    async def query_many(self, patterns: Sequence[ObjectName]) -> list[list[ObjectName]]:
        """Return the names that each pattern selects, in order."""
        found: list[list[ObjectName]] = []
        for outcome in await self._many([calls.query_names(self._own, each) for each in patterns]):
            if isinstance(outcome, RemoteException):
                raise outcome
            found.append(outcome)
        return found

    async def get_mbean_info(self, name: ObjectName | str) -> MBeanInfo:
        """Return what an MBean says about itself."""
        return await self._one(calls.get_mbean_info(self._own, _name(name)))

    async def get_infos(self, names: Sequence[ObjectName]) -> list[MBeanInfo | RemoteException]:
        """Return what many MBeans say about themselves, in order."""
        repeats = self._infos
        return await self._many([calls.get_mbean_info(self._own, name, repeats) for name in names])

    async def get(self, name: ObjectName | str, attributes: Sequence[str]) -> dict[str, Value]:
        """Return values of attributes of one MBean.

        An attribute that does not exist or whose getter throws is left out.
        """
        return await self._one(self._attribute_calls.call(_name(name), attributes))

    async def get_many(
        self, wanted: Sequence[tuple[ObjectName, Sequence[str]]]
    ) -> list[dict[str, Value] | RemoteException]:
        """Return values of attributes of many MBeans, in order; one failing does not stop the rest.

        A value that cannot be serialized, or is of an externalizable class, makes the whole answer
        of its MBean a RemoteException. A tuple that is wanted again costs less than another one.
        """
        return await self._many(self._attribute_calls.all(wanted))

    async def get_mbean_count(self) -> int:
        """Return how many MBeans there are: a cheap way to notice that some came or went."""
        return await self._one(calls.get_mbean_count(self._own))

    async def get_default_domain(self) -> str:
        """Return the server's default domain: a call that keeps an idle connection alive."""
        return await self._one(calls.get_default_domain(self._own))

    async def close(self) -> None:
        """Close the connection, telling the server if that can be done within a second."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._channel.run([calls.close(self._own)])
        except (JmxError, TimeoutError):
            pass  # it ends on its own when the socket does
        finally:
            await self._channel.aborted()

    async def _one(self, call: Call[T]) -> T:
        [outcome] = await self._many([call])
        if isinstance(outcome, RemoteException):
            raise outcome
        return outcome

    async def _many(self, batch: Sequence[Call[T]]) -> list[T | RemoteException]:
        channel = self._channel
        outcomes: list[T | RemoteException] = await channel.run(batch)
        one_by_one = False
        while (answered := len(outcomes)) < len(batch):
            if channel.was_left:
                await self._reopen(channel)
                channel, one_by_one = self._channel, not one_by_one
            outcomes += await channel.run(batch[answered : answered + 1 if one_by_one else None])
        for outcome in outcomes:
            if isinstance(outcome, RemoteException) and outcome.java_class in _DROPPED:
                self._channel.abort()
                raise ConnectionFailed(
                    f"the JMX server of {self.asked} dropped our connection, as it does with one"
                    f" idle for two minutes: {outcome}",
                    "closed",
                )
        return outcomes

    async def _reopen(self, left: Channel) -> None:
        """Replace a channel that the server closed; several tasks may ask for it at once."""
        async with self._reopening:
            if self._is_closed:
                raise ConnectionFailed(f"the connection to {self.asked} was closed here", "closed")
            if self._channel is not left:
                return
            try:
                async with asyncio.timeout(left.timeout_s):
                    self._channel = await left.reopened()
            except TimeoutError:
                problem = f"{left.endpoint} did not answer within {left.timeout_s:g} s"
                raise ConnectionFailed(problem, "timeout") from None
            self._earlier += left.protocol.traffic


class Connecting(Awaitable[Connection]):
    """A connection to be: `await` it, or use it in `async with`, which also closes it."""

    def __init__(self, dial: Dial, timeout_s: float) -> None:
        self._dial = dial
        self._timeout_s = timeout_s
        self._connection: Connection | None = None

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
        if self._connection is not None:
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

    Without `port`, `host` is HOST:PORT or a JMX service URL; raises ValueError where it is neither.
    `rmi_host` and `rmi_port` replace the address that the target advertises. Without `tls` both
    ends must be plain; with it nothing is said to a JMX server that is. `timeout_s` bounds
    connecting as a whole, unless `connect_timeout_s` does, and later the wait for each answer. To
    be awaited, or used in `async with`; that raises ConnectionFailed or RemoteProtocolError.
    """
    place = parse(host) if port is None else Place(Endpoint(host, port))
    if place.server is not None:
        rmi_host, rmi_port = rmi_host or place.server.host, rmi_port or place.server.port
    dial = Dial(
        place.registry,
        rmi_host=rmi_host,
        rmi_port=rmi_port,
        credentials=credentials,
        tls=tls,
        timeout_s=timeout_s,
    )
    return Connecting(dial, timeout_s if connect_timeout_s is None else connect_timeout_s)


def _name(name: ObjectName | str) -> ObjectName:
    return ObjectName.parse(name) if isinstance(name, str) else name
