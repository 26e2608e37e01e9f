"""Signal handlers: SIGTERM and SIGINT stop in order, a second one at once; SIGHUP reloads."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_requests() -> Iterator[asyncio.Event]:
    """Yield an event that the first SIGTERM or SIGINT sets.

    A second signal ends the process at once, with the exit status that shells expect. That loses
    nothing of the store: an orderly stop only saves time at the next start.
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


@contextmanager
def reload_requests(reload: Callable[[], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Call `reload` at each SIGHUP; all that arrive during a reload share one more after it."""
    loop = asyncio.get_running_loop()
    lock = asyncio.Lock()
    running: set[asyncio.Task[None]] = set()

    async def reload_in_turn() -> None:
        async with lock:
            await reload()

    def request() -> None:
        if len(running) > 1:  # a waiting reload has not read the file yet
            return
        task = loop.create_task(reload_in_turn())
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, request)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in running:
            task.cancel()
