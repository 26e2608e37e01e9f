"""Connects to a host that may have several addresses: Happy Eyeballs, RFC 8305.

Addresses are tried in the order of the lookup. Each attempt starts when the one before it has
failed, or has been silent for `ATTEMPT_DELAY_S`; the first socket that connects is used. Without
that an address that never answers, such as an IPv6 address behind a firewall that drops packets,
would use up the time of all others.
"""

import asyncio
import os
import socket
from collections import deque
from typing import Any, TypeAlias

from jmxbridge.jmx.errors import ConnectionFailed
from jmxbridge.jmx.net import lookup
from jmxbridge.jmx.rmi.jrmp import Endpoint

# The Connection Attempt Delay that RFC 8305, section 8, recommends.
ATTEMPT_DELAY_S = 0.25

Connected: TypeAlias = tuple[socket.socket, str]
"""A connected socket and the IP address of its peer."""


async def connect_socket(endpoint: Endpoint) -> Connected:
    """Return a socket that is connected to `endpoint`, and the IP address of the peer.

    (A socket that was reset in the meantime could not tell the address.) Raises ConnectionFailed,
    with the reason of the last address that failed.
    """
    try:
        addresses = await lookup.addresses(endpoint.host, endpoint.port)
    except (OSError, UnicodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConnectionFailed(
            f"no address for host {endpoint.host!r}: {reason}", "resolve"
        ) from exc
    try:
        return await _first_connected(addresses)
    except OSError as exc:
        error_class = "refused" if isinstance(exc, ConnectionRefusedError) else "unreachable"
        reason = os.strerror(exc.errno) if exc.errno else str(exc)
        raise ConnectionFailed(f"cannot connect to {endpoint}: {reason}", error_class) from exc


async def _first_connected(addresses: lookup.Addresses) -> Connected:
    """Return the first socket that connects; raise the last OSError if none does."""
    untried = deque(addresses)
    attempts: set[asyncio.Task[Connected]] = set()
    error: BaseException | None = None
    try:
        while untried or attempts:
            if untried:
                family, kind, proto, _, address = untried.popleft()
                attempts.add(asyncio.create_task(_attempt(family, kind, proto, address)))
            done, _ = await asyncio.wait(
                attempts,
                timeout=ATTEMPT_DELAY_S if untried else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                attempts.remove(attempt)
                error = attempt.exception()
                if error is None:
                    return attempt.result()
    finally:
        # Not awaited: a cancellation while waiting here would lose the socket that is returned.
        for attempt in attempts:
            attempt.add_done_callback(_close_unused)
            attempt.cancel()
    raise error or OSError("it has no address")


async def _attempt(family: int, kind: int, proto: int, address: Any) -> Connected:
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock, str(address[0])


def _close_unused(attempt: asyncio.Task[Connected]) -> None:
    """Close the socket of an attempt that connected although it was no longer needed."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result()[0].close()
