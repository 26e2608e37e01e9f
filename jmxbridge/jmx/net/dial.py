"""Dial: the steps from a JMX port to our connection object in the target.

A JVM's JMX port is an RMI registry. The registry returns the address of the JMX server, and the
server returns the address of our connection object. Often the three are one address, and one socket
serves all. An advertised address is the *target's* view of itself (`java.rmi.server.hostname`),
which is often wrong from outside of its container or network; `rmi_host` and `rmi_port` replace it.
An error there names both addresses, because neither alone explains it.
"""

import ssl
from typing import TypeVar

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import ConnectionFailed, RemoteException
from jmxbridge.jmx.net.channel import Channel
from jmxbridge.jmx.net.lookup import is_pending
from jmxbridge.jmx.net.tls import context
from jmxbridge.jmx.rmi import calls
from jmxbridge.jmx.rmi.calls import Call
from jmxbridge.jmx.rmi.jrmp import Endpoint
from jmxbridge.jmx.rmi.stub import RemoteRef

T = TypeVar("T")

# The name under which a JVM binds its JMX server.
BOUND_AS = "jmxrmi"


class Dial:
    """One attempt to connect; a caller that gives up must `abort` it."""

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
        self._current = asked  # the endpoint of the step that is in progress
        self._channel: Channel | None = None

    async def connect(self) -> tuple[RemoteRef, RemoteRef, Channel]:
        """Return the JMX server, our connection object there, and the channel to it."""
        if self._tls is not None:
            self._tls_context = context(self._tls)
        registry_uses_tls = self._tls is not None and self._tls.registry
        channel = await self._open(self.asked, self._tls_context if registry_uses_tls else None)
        server = await self._ask(channel, calls.lookup(BOUND_AS))
        channel = await self._follow(channel, server)
        own = await self._ask(channel, calls.new_client(server, self._credentials))
        channel = await self._follow(channel, own)
        return server, own, channel

    def abort(self) -> None:
        """Close the open socket, if any."""
        if self._channel is not None:
            self._channel.abort()

    def timed_out(self, after_s: float) -> ConnectionFailed:
        """Return the error for an attempt that took too long; it names the step in progress."""
        host, port = self._current.host, self._current.port
        if is_pending(host, port):
            problem = (
                f"no address for host {host!r} within {after_s:g} s; do the name servers of this"
                " machine answer?"
            )
            return self._with_addresses(ConnectionFailed(problem, "resolve"))
        problem = f"{self._current} did not answer within {after_s:g} s"
        if self._channel is None:  # not even RMI's greeting
            problem += (
                "; is it reachable, and is it a JMX port? (An HTTP server may stay silent too,"
                " and a Jolokia agent does: for an agent, set transport: jolokia)"
            )
        return self._with_addresses(ConnectionFailed(problem, "timeout"))

    async def _open(self, endpoint: Endpoint, tls_context: ssl.SSLContext | None) -> Channel:
        self._current = endpoint
        try:
            self._channel = await Channel.open(endpoint, self._timeout_s, tls_context)
        except ConnectionFailed as exc:
            raise self._with_addresses(exc) from exc
        return self._channel

    async def _follow(self, channel: Channel, ref: RemoteRef) -> Channel:
        """Return a channel to the server of `ref`: `channel` if it leads there, or a new one."""
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
        """Raise if a stub and the `tls` setting disagree about TLS."""
        if ref.socket_factory is None and self._tls is not None:
            raise ConnectionFailed(
                f"tls is set, but the JMX server of {self.asked} at {ref.endpoint} is plain: remove"
                " tls, or start its JVM with -Dcom.sun.management.jmxremote.ssl=true",
                "tls",
            )
        if ref.socket_factory is not None and self._tls is None:
            raise ConnectionFailed(
                f"the JMX server of {self.asked} at {ref.endpoint} requires TLS"
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
        """Return the error for an exception in place of a stub."""
        if thrown.error_class == "not_bound":
            return ConnectionFailed(
                f"{self.asked} is an RMI registry, but there is no {BOUND_AS!r} in it: is it a JMX"
                " port?",
                "not_bound",
            )
        if thrown.error_class == "access":
            return ConnectionFailed(self._access_problem(thrown.message or ""), "access")
        if thrown.error_class == "gone":
            return self._with_addresses(
                ConnectionFailed(
                    f"{self._current} is another JVM than the one that advertised it", "gone"
                )
            )
        return ConnectionFailed(f"{self.asked} refused a JMX connection: {thrown}", "remote")

    def _access_problem(self, message: str) -> str:
        if self._credentials is None:
            return (
                f"the JMX server of {self.asked} requires credentials: set username, and password"
                f" or password_file ({message})"
            )
        shown = message.replace(self._credentials.password or " ", "***")
        return (
            f"the JMX server of {self.asked} rejected the credentials of user"
            f" {self._credentials.username!r}: {shown}"
        )

    def _with_addresses(self, error: ConnectionFailed) -> ConnectionFailed:
        """Add the addresses to an error at an advertised address: where it came from, and a fix."""
        if self._advertised is None or error.error_class == "tls":
            return error
        is_replaced = self._current != self._advertised
        replaced = f", replaced by {self._current}" if is_replaced else ""
        return ConnectionFailed(
            f"the JMX server of {self.asked} advertises the address {self._advertised}{replaced}:"
            f" {error}. {'Correct' if is_replaced else 'Set'} rmi_host (and rmi_port, if the port"
            " differs too) to an address that is reachable from here, or start its JVM with"
            " -Djava.rmi.server.hostname=HOST and -Dcom.sun.management.jmxremote.rmi.port=PORT",
            "unreachable_advertised",
        )
