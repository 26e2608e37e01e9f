"""Intake: no failure of the store is an error of a poll, and all lines are counted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jmxbridge.store import StoreError, StoreFull, StorePaused
from jmxbridge.store.intake import LINE_COST, Intake


@dataclass
class Scripted:
    """A store that refuses appends while `error` is set, and delays them while `slow` is set."""

    path: Path = Path("local.sqlite3")
    error: StoreError | None = None
    polls: list[tuple[str, tuple[bytes, ...]]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def append(self, lines: Sequence[bytes], *, time_ns: int, source: str) -> None:
        """Append as a Store does."""
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.polls.append((source, tuple(lines)))


@pytest.fixture
def store() -> Scripted:
    """A store that accepts everything at once."""
    store = Scripted()
    store.gate.set()
    return store


def intake(store: Scripted, *, polls: int = 10) -> Intake:
    """An intake with memory for this many polls of one line of one byte."""
    return Intake(store, max_held_bytes=polls * (1 + LINE_COST))  # type: ignore[arg-type]


async def test_put_appends_a_poll(store: Scripted) -> None:
    """Without a failure nothing is held in memory."""
    door = intake(store)
    await door.put([b"a", b"b"], time_ns=1, source="broker")
    assert store.polls == [("broker", (b"a", b"b"))]
    assert (door.held, door.held_bytes, door.lost, door.error) == (0, 0, 0, None)


async def test_put_holds_polls_while_the_disk_is_full(
    store: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged once; the first poll after it appends all held ones, in order."""
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


async def test_intake_discards_the_oldest_poll_above_its_bound(store: Scripted) -> None:
    """`lost` counts its lines."""
    door = intake(store, polls=2)
    store.error = StoreFull("the disk is full")
    for name in "abcde":
        await door.put([name.encode()], time_ns=1, source=name)
        assert door.held_bytes <= 2 * (1 + LINE_COST)
    assert (door.held, door.lost) == (2, 3)
    store.error = None
    await door.put([], time_ns=1, source="")
    assert [source for source, _ in store.polls] == ["d", "e"]


async def test_intake_of_a_paused_spool_discards_the_newest_poll(store: Scripted) -> None:
    """With `when_full: pause` the older polls stay, and polling should stop."""
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


async def test_a_cancelled_put_still_appends(store: Scripted) -> None:
    """A stop in the middle of an append neither loses the poll nor stores it twice."""
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


async def test_close_counts_held_polls_as_lost(
    store: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the number of lines and the reason."""
    door = intake(store)
    store.error = StoreFull("the disk is full")
    await door.put([b"a", b"b"], time_ns=1, source="a")
    await door.close()
    assert (door.held, door.lost) == (0, 2)
    assert "2 lines were held in memory and are lost: the disk is full" in caplog.text


async def test_concurrent_polls_are_all_counted(store: Scripted) -> None:
    """While one append is slow, other polls wait; none is stored twice."""
    store.gate.clear()
    door = intake(store, polls=2)
    puts = [door.put([name.encode()], time_ns=1, source=name) for name in "abcdef"]
    tasks = [asyncio.create_task(put) for put in puts]
    await asyncio.sleep(0)
    store.gate.set()
    await asyncio.gather(*tasks)
    assert [source for source, _ in store.polls] == list("abcdef")
    assert (door.held, door.lost) == (0, 0)
