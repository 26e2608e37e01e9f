"""SIGTERM and SIGINT ask for an orderly stop, a second one does not wait for it; SIGHUP reloads."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


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


@contextmanager
def reload_requests(reload: Callable[[], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Call `reload` at each SIGHUP; those that come while a reload runs by one more after it."""
    loop = asyncio.get_running_loop()
    turn = asyncio.Lock()
    running: set[asyncio.Task[None]] = set()

    async def in_turn() -> None:
        async with turn:
            await reload()

    def request() -> None:
        if len(running) > 1:  # the one that waits has not read anything yet
            return
        task = loop.create_task(in_turn())
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, request)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in running:
            task.cancel()
