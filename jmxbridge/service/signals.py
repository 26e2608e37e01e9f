"""SIGTERM and SIGINT ask for an orderly stop; a second one does not wait for it."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_requests() -> Iterator[asyncio.Event]:
    """Give an event that is set by the first SIGTERM or SIGINT.

    A second signal ends the process at once with the status a shell expects of it: what is in the
    store stays there, an orderly stop only saves time at the next start.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def request(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    watched = (signal.SIGTERM, signal.SIGINT)
    for number in watched:
        loop.add_signal_handler(number, request, number)
    try:
        yield stop
    finally:
        for number in watched:
            loop.remove_signal_handler(number)
