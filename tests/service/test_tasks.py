"""Cancellation of tasks."""

import asyncio

import pytest

from jmxbridge.service.tasks import cancel


async def test_cancel_waits_until_tasks_have_ended() -> None:
    """What a task does on its way out is done when `cancel` returns."""
    begun, ended = asyncio.Event(), []

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("work")

    task = asyncio.create_task(work())
    await begun.wait()

    await cancel(task)

    assert ended == ["work"]
    assert task.cancelled()


async def test_cancel_raises_nothing_of_a_task() -> None:
    """Neither of one that failed before, nor of one that fails as it ends."""

    async def fail() -> None:
        raise ZeroDivisionError

    async def fail_at_the_end() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError from None

    failed, failing = asyncio.create_task(fail()), asyncio.create_task(fail_at_the_end())
    await asyncio.wait([failed])

    await cancel(failed, failing)

    with pytest.raises(ZeroDivisionError):
        failed.result()
    with pytest.raises(ValueError, match=r"^$"):
        failing.result()


async def test_cancel_of_no_tasks() -> None:
    """There may be none to cancel."""
    await cancel()
