"""The account as points: every point ever polled is somewhere, and the points say where."""

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jmxbridge import delivery as delivery_module
from jmxbridge.delivery import Delivery, flush, resident_bytes
from jmxbridge.influx.body import Body
from jmxbridge.influx.sender import Sender
from jmxbridge.influx.series import SeriesBound
from jmxbridge.influx.verdict import Answer, Outcome
from jmxbridge.point import FieldValue, Point
from jmxbridge.pollers.health import Health
from jmxbridge.pollers.schedule import Tick
from jmxbridge.store import DeadLine, Store
from tests.store.noise import noise

SECOND = 10**9


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty spool."""
    async with await Store.open(
        tmp_path / "local.sqlite3", max_bytes=2**30, retain_s=None
    ) as store:
        yield store


def delivery(store: Store, max_series: int = 1000) -> Delivery:
    """A delivery without InfluxDB, ten seconds after its start."""
    now = iter([0.0, 10.0, 20.0])
    return Delivery(
        store,
        None,
        cluster="prod",
        destination="to the test",
        bound=SeriesBound(max_series),
        clock_s=lambda: next(now),
    )


def points(count: int) -> list[Point]:
    """Points of a poll at 5 s."""
    return [Point("m", {"n": str(n)}, {"v": 1.0}, 5 * SECOND) for n in range(count)]


async def test_every_point_is_somewhere(store: Store) -> None:
    """sampled = stored + pending + dead-lettered + dropped + expired; unwritable stands beside."""
    way = delivery(store)
    bad = Point("m", {}, {"v": float("nan")}, 5 * SECOND)
    await way.put([*points(4), bad], time_ns=5 * SECOND, source="broker")
    batch = await store.take(max_lines=2, max_bytes=10**6)
    assert batch is not None
    await store.settle(batch, [DeadLine(1, "no")])

    account, process = await way.poll(Tick(8 * SECOND, 0))
    assert account.measurement == "jmxbridge_store"
    assert set(account.tags) == {"cluster", "host"}
    assert account.time_ns == 8 * SECOND
    fields = dict(account.fields)
    assert fields["oldest_pending_seconds"] == 3.0
    assert {name: fields[name] for name in ("sampled_total", "stored_total", "pending")} == {
        "sampled_total": 4,
        "stored_total": 1,
        "pending": 2,
    }
    assert (fields["dead_lettered"], fields["unwritable_total"]) == (1, 1)
    assert (fields["degraded"], fields["held"], fields["lost_total"]) == (False, 0, 0)
    assert process.measurement == "jmxbridge_process"
    assert process.fields["uptime_seconds"] == 10.0
    assert resident_bytes() > 2**20


async def test_the_account_of_an_empty_store_has_no_age(store: Store) -> None:
    """The field is there at every poll and is 0, so a graph has no hole."""
    account, _ = await delivery(store).poll(Tick(8 * SECOND, 0))
    assert account.fields["oldest_pending_seconds"] == 0.0


async def test_a_store_that_refuses_is_loudly_visible_and_stops_nothing(store: Store) -> None:
    """Polls go on: the line on the screen is red and says how many lines are in memory."""
    way = delivery(store)
    moods = [way.line.mood]
    await store.close()
    await way.put(points(3), time_ns=5 * SECOND, source="broker")
    moods.append(way.line.mood)
    assert moods == [Health.FINE, Health.DOWN]
    assert "3 lines in memory, 0 lost" in way.line.sentence
    (process,) = await way.poll(Tick(8 * SECOND, 0))
    assert process.measurement == "jmxbridge_process"


async def test_a_full_disk_mends_itself(store: Store) -> None:
    """Polls wait in memory while SQLite has no page left, and are in the store afterwards."""
    way = delivery(store)
    await way.put(points(2), time_ns=5 * SECOND, source="broker")
    database = store._spool._file.connection

    def limit(pages: int) -> None:
        database.execute(f"PRAGMA max_page_count = {pages}")

    await store._run(lambda: limit(1))  # SQLite takes the present size for it
    noises = [noise(20_000, n).decode("latin-1") for n in range(10)]
    big = [Point("m", {"n": each}, {"v": 1.0}, 5 * SECOND) for each in noises]
    await way.put(big, time_ns=5 * SECOND, source="broker")
    account, _ = await way.poll(Tick(8 * SECOND, 0))
    assert (account.fields["degraded"], account.fields["held"]) == (True, 10)
    assert "the disk is full" in way.line.sentence

    await store._run(lambda: limit(2**30))
    await way.put(points(1), time_ns=6 * SECOND, source="broker")
    account, _ = await way.poll(Tick(9 * SECOND, 0))
    assert (account.fields["degraded"], account.fields["held"]) == (False, 0)
    assert (account.fields["sampled_total"], account.fields["lost_total"]) == (13, 0)


async def test_a_paused_spool_asks_for_no_more_polls(tmp_path: Path) -> None:
    """Until InfluxDB took something: then what was held goes in, and polling goes on."""
    async with await Store.open(
        tmp_path / "small", max_bytes=200, retain_s=None, pause_when_full=True
    ) as small:
        way = delivery(small)
        paused = []
        for second in range(1, 4):
            await way.put(points(1), time_ns=second * SECOND, source="broker")
            paused.append(way.paused)
        assert "polling is paused" in way.line.sentence
        assert await way.poll(Tick(8 * SECOND, 0)) == ()

        batch = await small.take(max_lines=9, max_bytes=10**6)
        assert batch is not None
        await small.settle(batch, [])
        await way.put((), time_ns=8 * SECOND, source="store")
        counts = await small.counts()

    assert paused == [False, True, True]
    assert (counts.sampled, counts.dropped) == (2, 0)
    assert way.paused, "the third poll waits for the second to be sent"


async def test_series_beyond_the_bound_are_left_out_and_counted(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The first ones go on, the others are in the account, and one line of the log names them."""
    way = delivery(store, max_series=3)
    for _ in range(2):
        await way.put(points(5), time_ns=5 * SECOND, source="broker")

    account, _ = await way.poll(Tick(8 * SECOND, 0))
    assert (await store.counts()).sampled == 6
    assert (account.fields["series"], account.fields["series_limited_total"]) == (3, 4)
    assert account.fields["unwritable_total"] == 0
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("3 series are written, most of them of m: new ones are left out")


async def test_a_field_that_cannot_be_written_costs_no_other(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Its point arrives without it, counted at every poll and said once; others are not touched.

    A name made of a key property can be one that InfluxDB drops in silence, a text too long.
    """
    way = delivery(store)
    for second in (5, 6):
        odd: dict[str, FieldValue] = {"v": 1.0, "time": 2.0, "text": "x" * 2**21, "w": 3.0}
        found = [Point("m", {}, odd, second * SECOND), Point("n", {}, {"v": 1.0}, second * SECOND)]
        await way.put(found, time_ns=second * SECOND, source="broker")
    await way.put([Point("m", {}, {"time": 1.0}, 7 * SECOND)], time_ns=7 * SECOND, source="broker")
    batch = await store.take(max_lines=9, max_bytes=10**6)
    assert batch is not None
    assert batch.lines == [
        *(b"m v=1.0,w=3.0 5000000000", b"n v=1.0 5000000000"),
        *(b"m v=1.0,w=3.0 6000000000", b"n v=1.0 6000000000"),
    ]
    account, _ = await way.poll(Tick(8 * SECOND, 0))
    assert account.fields["unwritable_total"] == 3
    (said,) = caplog.messages
    assert said == "a point of m cannot be written: m: a field cannot be called 'time'"


async def test_the_account_needs_no_file_to_be_opened(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit on open files the memory of the process is not known; all else is told."""

    def refuse() -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(delivery_module, "resident_bytes", refuse)
    account, process = await delivery(store).poll(Tick(8 * SECOND, 0))
    assert account.fields["sampled_total"] == 0
    assert set(process.fields) == {"cpu_seconds_total", "uptime_seconds"}


class Nowhere:
    """A server that is never written to."""

    url = "http://nowhere"

    async def write(self, body: Body) -> Outcome:
        return Answer(204)


async def test_a_store_that_fails_does_not_disturb_a_stop(store: Store) -> None:
    """Whatever it says at the last moment ends the wait for the last lines, and nothing else."""
    await store.append([b"m v=1 1"], time_ns=1, source="test")
    sender = Sender(store, Nowhere())
    await store.close()
    await flush(store, sender, 60.0)
    assert sender.status.requests == 0
