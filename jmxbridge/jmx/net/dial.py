"""The way from a JMX port to our connection object in the target.

A JVM's JMX port is an RMI registry. It names the address of the JMX server, and the server that of
our connection object: often all the same, and then one socket serves for the three. The addresses
are what the *target* thinks its own is (`java.rmi.server.hostname`), which is often wrong from
outside its container or network; `rmi_host` and `rmi_port` replace them. A failure there names both
ends, because neither alone tells what is wrong.
"""

import ssl
from typing import TypeVar

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import ConnectionFailed, RemoteException
from jmxbridge.jmx.net.channel import Channel
from jmxbridge.jmx.net.lookup import is_under_way
from jmxbridge.jmx.net.tls import context
from jmxbridge.jmx.rmi import calls
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.stub import RemoteRef

T = TypeVar("T")

# The name under which a JVM binds its JMX server.
BOUND_AS = "jmxrmi"


class Dial:
    """One attempt to connect; whoever gives it up must `abort` it."""

    def __init__(
        self,
        asked: Endpoint,
        *,
        rmi_host: str | None,
        rmi_port: int | None,
        credentials: Credentials | None,
        tls: Tls | None,
        timeout_s: float,
    ) -> None:
        self.asked = asked
        self._credentials = credentials
        self._tls = tls
        self._tls_context: ssl.SSLContext | None = None
        self._rmi_host = rmi_host
        self._rmi_port = rmi_port
        self._timeout_s = timeout_s
        self._advertised: Endpoint | None = None
        self._heading_for = asked
        self._channel: Channel | None = None

    async def connect(self) -> tuple[RemoteRef, RemoteRef, Channel]:
        """Return the JMX server, our connection object there, and the channel to it."""
        if self._tls is not None:
            self._tls_context = context(self._tls)
        by_tls = self._tls is not None and self._tls.registry
        channel = await self._open(self.asked, self._tls_context if by_tls else None)
        server = await self._ask(channel, calls.lookup(BOUND_AS))
        channel = await self._follow(channel, server)
        own = await self._ask(channel, calls.new_client(server, self._credentials))
        channel = await self._follow(channel, own)
        return server, own, channel

    def abort(self) -> None:
        """Close the socket that is open."""
        if self._channel is not None:
            self._channel.abort()

    def timed_out(self, after_s: float) -> ConnectionFailed:
        """Return the error for a time that ran out on the way."""
        host, port = self._heading_for.host, self._heading_for.port
        if is_under_way(host, port):
            problem = f"no address for host {host!r} within {after_s:g} s; do the name servers of"
            problem += " this machine answer?"
            return self._failed(ConnectionFailed(problem, "resolve"))
        problem = f"{self._heading_for} did not answer within {after_s:g} s"
        if self._channel is None:  # not even RMI's greeting
            problem += (
                "; can it be reached, and is that a JMX port? (An HTTP server may wait like that,"
                " and a Jolokia agent does: it wants transport: jolokia)"
            )
        return self._failed(ConnectionFailed(problem, "timeout"))

    async def _open(self, endpoint: Endpoint, tls_context: ssl.SSLContext | None) -> Channel:
        self._heading_for = endpoint
        try:
            self._channel = await Channel.open(endpoint, self._timeout_s, tls_context)
        except ConnectionFailed as exc:
            raise self._failed(exc) from exc
        return self._channel

    async def _follow(self, channel: Channel, ref: RemoteRef) -> Channel:
        """Return a channel to where `ref` is: the same one if that leads there."""
        self._advertised = ref.endpoint
        self._check_factory(ref)
        endpoint = Endpoint(
            self._rmi_host or ref.endpoint.host, self._rmi_port or ref.endpoint.port
        )
        leads_there = endpoint.port == channel.endpoint.port and endpoint.host in (
            channel.endpoint.host,
            channel.peer_host,
        )
        if leads_there and channel.tls_context is self._tls_context:
            return channel
        try:
            return await self._open(endpoint, self._tls_context)
        finally:
            channel.abort()

    def _check_factory(self, ref: RemoteRef) -> None:
        """Refuse a stub that leads to another kind of socket than we were told to use."""
        if ref.socket_factory is None and self._tls is not None:
            raise ConnectionFailed(
                f"tls is set, but the JMX server of {self.asked} at {ref.endpoint} is plain: leave"
                " tls out, or start its JVM with -Dcom.sun.management.jmxremote.ssl=true",
                "tls",
            )
        if ref.socket_factory is not None and self._tls is None:
            raise ConnectionFailed(
                f"the JMX server of {self.asked} at {ref.endpoint} wants TLS"
                f" ({ref.socket_factory}): set tls",
                "tls",
            )

    async def _ask(self, channel: Channel, call: Call[T]) -> T:
        [outcome] = await channel.run([call])
        if isinstance(outcome, RemoteException):
            raise self._refused(outcome) from outcome
        result: T = outcome
        return result

    def _refused(self, thrown: RemoteException) -> ConnectionFailed:
        """Say what an exception means that came instead of a stub."""
        if thrown.error_class == "not_bound":
            return ConnectionFailed(
                f"{self.asked} is an RMI registry, but there is no {BOUND_AS!r} in it: is that a"
                " JMX port?",
                "not_bound",
            )
        if thrown.error_class == "access":
            return ConnectionFailed(self._refused_access(thrown.message or ""), "access")
        if thrown.error_class == "gone":
            return self._failed(
                ConnectionFailed(f"{self._heading_for} is a JVM, but not that one", "gone")
            )
        return ConnectionFailed(f"{self.asked} refused a JMX connection: {thrown}", "remote")

    def _refused_access(self, message: str) -> str:
        if self._credentials is None:
            return (
                f"the JMX server of {self.asked} wants credentials: set username, and password or"
                f" password_file ({message})"
            )
        said = message.replace(self._credentials.password or " ", "***")
        return (
            f"the JMX server of {self.asked} does not accept the credentials of user"
            f" {self._credentials.username!r}: {said}"
        )

    def _failed(self, problem: ConnectionFailed) -> ConnectionFailed:
        """Add to `problem` how we came there, where it is about an advertised address."""
        if self._advertised is None or problem.error_class == "tls":
            return problem
        replaced = f", replaced by {self._heading_for}"
        if self._heading_for == self._advertised:
            replaced = ""
        return ConnectionFailed(
            f"the JMX server of {self.asked} advertises the address {self._advertised}{replaced}:"
            f" {problem}. {'Correct' if replaced else 'Set'} rmi_host (and rmi_port, if the port"
            " differs too) to where it can be reached from here, or start its JVM with"
            " -Djava.rmi.server.hostname=HOST and -Dcom.sun.management.jmxremote.rmi.port=PORT",
            "unreachable_advertised",
        )
