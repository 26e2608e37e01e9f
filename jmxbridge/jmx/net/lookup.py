"""Host lookups that cannot block each other: one daemon thread per name.

Rule: a lookup is getaddrinfo(3). It blocks, for half a minute if no name server answers, and cannot
be cancelled. asyncio runs lookups in a small thread pool; a few such names would occupy all of it,
and every other host would wait, even one given as an IP address. Here an IP address is converted at
once, and each name and port is looked up in a thread of its own, which all callers who need it in
the meantime share; so there are never more threads than ports to connect to. They are daemon
threads, so the end of the program does not wait for them.
"""

import asyncio
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, TypeAlias

Addresses: TypeAlias = Sequence[tuple[Any, Any, int, str, Any]]
"""The result of getaddrinfo: tuples of family, type, protocol, canonical name, address."""

_pending: dict[tuple[str, int], "Future[Addresses]"] = {}
_lock = threading.Lock()  # guards _pending


async def addresses(host: str, port: int) -> Addresses:
    """Return the addresses of a host; raises OSError or UnicodeError if the lookup fails."""
    try:
        return _getaddrinfo(host, port, socket.AI_NUMERICHOST)  # asks no name server
    except socket.gaierror:
        return await asyncio.wrap_future(_start(host, port))


def is_pending(host: str, port: int) -> bool:
    """Return whether a lookup of this name and port is running."""
    with _lock:
        return (host, port) in _pending


def _start(host: str, port: int) -> "Future[Addresses]":
    """Return the running lookup of a name and port; start one if there is none."""
    with _lock:
        running = _pending.get((host, port))
        if running is not None:
            return running
        lookup: Future[Addresses] = Future()
        lookup.set_running_or_notify_cancel()  # a caller that is cancelled does not cancel it
        thread = threading.Thread(
            target=_look_up, args=(host, port, lookup), name="jmxbridge-lookup", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as exc:
            raise OSError(0, f"no thread to look it up ({exc})") from exc
        _pending[host, port] = lookup
        return lookup


def _look_up(host: str, port: int, lookup: "Future[Addresses]") -> None:
    error: BaseException | None = None
    result: Addresses = ()
    try:
        result = _getaddrinfo(host, port, 0)
    except BaseException as exc:
        error = exc
    with _lock:
        del _pending[host, port]
    if error is None:
        lookup.set_result(result)
    else:
        lookup.set_exception(error)


def _getaddrinfo(host: str, port: int, flags: int) -> Addresses:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
