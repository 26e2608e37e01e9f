"""What runs beside each other and can be exchanged while it runs.

Rule: who is wanted as before is not touched. A member is known by its specification, a value; two
that are equal are the same member, however often the file was read. Members end by being told to,
never by themselves: one that does takes the fleet down, for it would be missed by nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Supervised(Protocol):
    """Something that holds connections."""

    async def close(self) -> None:
        """Let go of them."""


M = TypeVar("M", bound=Supervised)


@dataclass(frozen=True, slots=True)
class PollerSpec(Generic[M]):
    """A member by its specification, and how it is made."""

    specification: object
    make: Callable[[], M]


@dataclass(frozen=True, slots=True)
class Changes:
    """How many members were kept, begun and ended."""

    kept: int
    begun: int
    ended: int


class Supervisor(Generic[M]):
    """Runs each member in a task of its own; `run` is what a member does, without an end."""

    def __init__(
        self, wanted: Sequence[PollerSpec[M]], run: Callable[[M], Awaitable[None]]
    ) -> None:
        self._run = run
        self._members = [(each.specification, each.make()) for each in wanted]
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._failure: asyncio.Future[None] | None = None

    @property
    def members(self) -> list[M]:
        """The members, in the order in which they are wanted."""
        return [member for _, member in self._members]

    def start(self) -> "asyncio.Future[None]":
        """Begin every member's work; the future fails when one of them ends by an error."""
        self._failure = asyncio.get_running_loop().create_future()
        for member in self.members:
            self._begin(member)
        return self._failure

    async def change(self, wanted: Sequence[PollerSpec[M]]) -> Changes:
        """End what is no longer wanted and begin what is new, leaving all others alone."""
        old = list(self._members)
        members: list[tuple[object, M]] = []
        begun: list[M] = []
        for each in wanted:
            same = next((entry for entry in old if entry[0] == each.specification), None)
            if same is not None:
                old.remove(same)
            else:
                same = (each.specification, each.make())
                begun.append(same[1])
            members.append(same)
        self._members = members
        await asyncio.gather(*(self._end(member) for _, member in old))
        if self._failure is not None:
            for member in begun:
                self._begin(member)
        return Changes(len(members) - len(begun), len(begun), len(old))

    async def stop(self) -> None:
        """End every member's work; their connections stay until they are closed."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """End every member's work and close them."""
        await self.stop()
        await asyncio.gather(*(member.close() for member in self.members))

    def _begin(self, member: M) -> None:
        task = asyncio.ensure_future(self._run(member))
        task.add_done_callback(self._note_end)
        self._tasks[id(member)] = task

    async def _end(self, member: M) -> None:
        task = self._tasks.pop(id(member), None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await member.close()

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        is_told_to = task not in self._tasks.values()  # whoever tells one takes it out first
        if is_told_to or self._failure is None or self._failure.done():
            return
        error = None if task.cancelled() else task.exception()
        self._failure.set_exception(error or RuntimeError("a poll ended by itself"))
