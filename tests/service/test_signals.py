"""Signal handlers: stop and reload requests, by signals sent to this process."""

import asyncio
import os
import signal

from jmxbridge.service.signals import reload_requests, stop_requests


async def test_reload_requests_run_one_after_the_other() -> None:
    """A second reload does not start before the first one is done."""
    begun: list[int] = []
    first = asyncio.Event()
    go_on = asyncio.Event()
    done = asyncio.Event()

    async def reload() -> None:
        begun.append(len(begun))
        if len(begun) == 1:
            os.kill(os.getpid(), signal.SIGHUP)
            first.set()
            await go_on.wait()
        else:
            assert go_on.is_set()
            done.set()

    with reload_requests(reload):
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(10):
            await first.wait()
        go_on.set()
        async with asyncio.timeout(10):
            await done.wait()
    assert begun == [0, 1]


async def test_reload_requests_during_a_reload_share_one_more() -> None:
    """It reads the newest file; a hundred signals make no queue."""
    begun = 0
    go_on = asyncio.Event()
    heard = asyncio.Event()
    done = asyncio.Event()

    async def reload() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            await go_on.wait()
        else:
            done.set()

    loop = asyncio.get_running_loop()
    with reload_requests(reload):
        for _ in range(100):
            signal.raise_signal(signal.SIGHUP)
        loop.add_signal_handler(signal.SIGUSR1, heard.set)
        signal.raise_signal(signal.SIGUSR1)  # it comes after all of them
        async with asyncio.timeout(10):
            await heard.wait()
            go_on.set()
            await done.wait()
            waiting = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*waiting)
        loop.remove_signal_handler(signal.SIGUSR1)
    assert begun == 2


async def test_stop_requests_sets_the_event_at_the_first_signal() -> None:
    """SIGTERM sets the event and ends nothing by itself."""
    with stop_requests() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await stop.wait()
