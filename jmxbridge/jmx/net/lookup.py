"""Addresses of a host, looked up so that a name that nobody answers for holds up no other one.

Rule: a lookup is getaddrinfo(3), which blocks, for half a minute where no name server answers, and
cannot be given up. asyncio has a handful of threads for them: a few such names would keep them all,
and every other host would wait behind, also one that is an address already. So an address is looked
up at once, and each name and port on a thread of its own, which all share who ask for them
meanwhile; there are never more of these than ports to connect to. They are daemons: the end of the
program waits for none.
"""

import asyncio
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, TypeAlias

Addresses: TypeAlias = Sequence[tuple[Any, Any, int, str, Any]]
"""What getaddrinfo returns: family, type, protocol, canonical name, address."""

_under_way: dict[tuple[str, int], "Future[Addresses]"] = {}
_turn = threading.Lock()


async def addresses(host: str, port: int) -> Addresses:
    """Return where to connect to; raises OSError or UnicodeError where that cannot be told."""
    try:
        return _addresses(host, port, socket.AI_NUMERICHOST)  # asks nobody
    except socket.gaierror:
        return await asyncio.wrap_future(_begin(host, port))


def is_under_way(host: str, port: int) -> bool:
    """Tell whether a name is still being looked up, for that port."""
    with _turn:
        return (host, port) in _under_way


def _begin(host: str, port: int) -> "Future[Addresses]":
    """Return the lookup that is under way; begin one where none is."""
    with _turn:
        found = _under_way.get((host, port))
        if found is not None:
            return found
        lookup: Future[Addresses] = Future()
        lookup.set_running_or_notify_cancel()  # who gives it up does so for itself alone
        thread = threading.Thread(
            target=_look_up, args=(host, port, lookup), name="jmxbridge-lookup", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as exc:
            raise OSError(0, f"no thread to look it up ({exc})") from exc
        _under_way[host, port] = lookup
        return lookup


def _look_up(host: str, port: int, lookup: "Future[Addresses]") -> None:
    failed: BaseException | None = None
    found: Addresses = ()
    try:
        found = _addresses(host, port, 0)
    except BaseException as exc:
        failed = exc
    with _turn:
        del _under_way[host, port]
    if failed is None:
        lookup.set_result(found)
    else:
        lookup.set_exception(failed)


def _addresses(host: str, port: int, flags: int) -> Addresses:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
