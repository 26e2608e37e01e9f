"""Supervisor of the running pollers; their set can change while they run.

Rule: a poller that stays wanted is left alone. A poller is known by its specification, a value: two
equal specifications are the same poller, however often the file was read. A poller stops only when
it is told to; one that ends otherwise fails the supervisor, since nothing else would notice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from jmxbridge.pollers.poller import Poller


@dataclass(frozen=True, slots=True)
class PollerSpec:
    """A poller by its specification, and the function that makes it."""

    specification: object
    make: Callable[[], Poller]


@dataclass(frozen=True, slots=True)
class Changes:
    """How many pollers were kept, started and stopped."""

    kept: int
    started: int
    stopped: int


class Supervisor:
    """Runs each poller in a task of its own; `run` must not return by itself."""

    def __init__(
        self, specs: Sequence[PollerSpec], run: Callable[[Poller], Awaitable[None]]
    ) -> None:
        self._run = run
        self._entries = [(spec.specification, spec.make()) for spec in specs]
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._failure: asyncio.Future[None] | None = None

    @property
    def pollers(self) -> list[Poller]:
        """The pollers, in the order of their specifications."""
        return [poller for _, poller in self._entries]

    def start(self) -> "asyncio.Future[None]":
        """Start every poller; the returned future fails when one of them ends by itself."""
        self._failure = asyncio.get_running_loop().create_future()
        for poller in self.pollers:
            self._start(poller)
        return self._failure

    async def change(self, specs: Sequence[PollerSpec]) -> Changes:
        """Stop pollers that are not wanted any more and start new ones; leave the others alone."""
        old = list(self._entries)
        entries: list[tuple[object, Poller]] = []
        added: list[Poller] = []
        for spec in specs:
            entry = next((entry for entry in old if entry[0] == spec.specification), None)
            if entry is not None:
                old.remove(entry)
            else:
                entry = (spec.specification, spec.make())
                added.append(entry[1])
            entries.append(entry)
        self._entries = entries
        await asyncio.gather(*(self._stop(poller) for _, poller in old))
        if self._failure is not None:
            for poller in added:
                self._start(poller)
        return Changes(len(entries) - len(added), len(added), len(old))

    async def stop(self) -> None:
        """Stop every poller; their connections stay open until `close`."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop every poller and close it."""
        await self.stop()
        await asyncio.gather(*(poller.close() for poller in self.pollers))

    def _start(self, poller: Poller) -> None:
        task = asyncio.ensure_future(self._run(poller))
        task.add_done_callback(self._note_end)
        self._tasks[id(poller)] = task

    async def _stop(self, poller: Poller) -> None:
        task = self._tasks.pop(id(poller), None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await poller.close()

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        was_told_to = task not in self._tasks.values()  # to stop a task, it is taken out first
        if was_told_to or self._failure is None or self._failure.done():
            return
        error = None if task.cancelled() else task.exception()
        self._failure.set_exception(error or RuntimeError("a poll ended by itself"))
