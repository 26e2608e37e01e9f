"""The door of the store: no trouble of the store is an error of a poll; all lines are counted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jmxbridge.store import StoreError, StoreFull, StorePaused
from jmxbridge.store.intake import LINE_COST, Intake


@dataclass
class Scripted:
    """A store that refuses while `error` is set, and waits while `slow` is."""

    path: Path = Path("local.sqlite3")
    error: StoreError | None = None
    polls: list[tuple[str, tuple[bytes, ...]]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def append(self, lines: Sequence[bytes], *, time_ns: int, source: str) -> None:
        """Append, as a Store does."""
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.polls.append((source, tuple(lines)))


@pytest.fixture
def store() -> Scripted:
    """A store that takes everything at once."""
    store = Scripted()
    store.gate.set()
    return store


def intake(store: Scripted, *, polls: int = 10) -> Intake:
    """An intake with memory for so many polls of one line of one byte."""
    return Intake(store, max_held_bytes=polls * (1 + LINE_COST))  # type: ignore[arg-type]


async def test_a_poll_is_in_the_store_when_put_returns(store: Scripted) -> None:
    """On a good day nothing is held."""
    door = intake(store)
    await door.put([b"a", b"b"], time_ns=1, source="broker")
    assert store.polls == [("broker", (b"a", b"b"))]
    assert (door.held, door.held_bytes, door.lost, door.error) == (0, 0, 0, None)


async def test_a_full_disk_is_survived_in_memory_and_in_order(
    store: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    """Polls are held, said once and loudly; the first poll after it carries all of them in."""
    door = intake(store)
    store.error = StoreFull("the disk is full")
    for name in "abc":
        await door.put([name.encode()], time_ns=1, source=name)
    assert (door.held, door.lost, door.error) == (3, 0, store.error)
    assert [r.levelname for r in caplog.records] == ["ERROR"]
    assert "NOT durable" in caplog.text

    store.error = None
    await door.put([b"d"], time_ns=1, source="d")
    assert [source for source, _ in store.polls] == ["a", "b", "c", "d"]
    assert (door.held, door.held_bytes, door.lost, door.error) == (0, 0, 0, None)
    assert "accepts polls again" in caplog.text


async def test_above_the_bound_the_oldest_poll_is_lost_and_counted(store: Scripted) -> None:
    """Memory has a bound; what does not fit is in `lost`, by lines."""
    door = intake(store, polls=2)
    store.error = StoreFull("the disk is full")
    for name in "abcde":
        await door.put([name.encode()], time_ns=1, source=name)
        assert door.held_bytes <= 2 * (1 + LINE_COST)
    assert (door.held, door.lost) == (2, 3)
    store.error = None
    await door.put([], time_ns=1, source="")
    assert [source for source, _ in store.polls] == ["d", "e"]


async def test_a_paused_spool_keeps_what_came_first(store: Scripted) -> None:
    """Where the file says pause, the newest gives way, and polls should stop."""
    door = intake(store, polls=2)
    paused = [door.paused]
    store.error = StorePaused("at its bound")
    for name in "abcd":
        await door.put([name.encode()], time_ns=1, source=name)
    paused.append(door.paused)
    store.error = None
    await door.put([], time_ns=1, source="")
    assert [source for source, _ in store.polls] == ["a", "b"]
    assert [*paused, door.paused] == [False, True, False]


async def test_a_cancelled_put_goes_on(store: Scripted) -> None:
    """Stopping in the middle of an append neither loses the poll nor stores it twice."""
    store.gate.clear()
    door = intake(store)
    put = asyncio.create_task(door.put([b"a"], time_ns=1, source="a"))
    await asyncio.sleep(0)
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    store.gate.set()
    await door.close()
    assert store.polls == [("a", (b"a",))]


async def test_what_is_held_at_the_end_is_counted_as_lost(
    store: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    """The last words name how many lines did not make it, and why."""
    door = intake(store)
    store.error = StoreFull("the disk is full")
    await door.put([b"a", b"b"], time_ns=1, source="a")
    await door.close()
    assert (door.held, door.lost) == (0, 2)
    assert "2 lines were held in memory and are lost: the disk is full" in caplog.text


async def test_concurrent_polls_are_all_counted(store: Scripted) -> None:
    """While one append is slow, the others' polls wait behind it; none is stored twice."""
    store.gate.clear()
    door = intake(store, polls=2)
    puts = [door.put([name.encode()], time_ns=1, source=name) for name in "abcdef"]
    tasks = [asyncio.create_task(put) for put in puts]
    await asyncio.sleep(0)
    store.gate.set()
    await asyncio.gather(*tasks)
    assert [source for source, _ in store.polls] == list("abcdef")
    assert (door.held, door.lost) == (0, 0)
