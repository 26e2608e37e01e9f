"""Delivery: the points of every poll get into the store, or are counted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jmxbridge.delivery import Delivery
from jmxbridge.influx.series import SeriesBound
from jmxbridge.point import Point
from jmxbridge.store import Store
from tests.store.noise import noise

SECOND = 10**9


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty spool."""
    async with await Store.open(
        tmp_path / "local.sqlite3", max_bytes=2**30, retain_s=None
    ) as store:
        yield store


def points(count: int) -> list[Point]:
    """Points of a poll at 5 s."""
    return [Point("m", {"n": str(n)}, {"v": 1.0}, 5 * SECOND) for n in range(count)]


async def test_delivery_counts_rejected_points(store: Store) -> None:
    """A point that cannot be written is counted; the others of its poll are stored."""
    delivery = Delivery(store, SeriesBound(1000))
    bad = Point("m", {}, {"v": float("nan")}, 5 * SECOND)

    await delivery.put([*points(4), bad], time_ns=5 * SECOND, source="broker")

    assert (await store.counts()).sampled == 4
    assert delivery.fields == {
        "degraded": False,
        "held": 0,
        "lost_total": 0,
        "unwritable_total": 1,
        "series": 5,
        "series_limited_total": 0,
    }


async def test_delivery_names_the_trouble_of_a_store_that_refuses(store: Store) -> None:
    """Its lines wait in memory, and the status says so."""
    delivery = Delivery(store, SeriesBound(1000))
    before = delivery.trouble
    await store.close()

    await delivery.put(points(3), time_ns=5 * SECOND, source="broker")

    assert before is None
    trouble = delivery.trouble or ""
    assert trouble.startswith("polls are not durable (3 lines in memory, 0 lost): ")
    assert not delivery.paused


async def test_delivery_recovers_from_a_full_disk(store: Store) -> None:
    """Polls wait in memory while SQLite has no page left, and are in the store afterwards."""
    delivery = Delivery(store, SeriesBound(1000))
    await delivery.put(points(2), time_ns=5 * SECOND, source="broker")
    database = store._spool._file.connection

    def limit(pages: int) -> None:
        database.execute(f"PRAGMA max_page_count = {pages}")

    await store._run(lambda: limit(1))  # SQLite uses the present size instead
    noises = [noise(20_000, n).decode("latin-1") for n in range(10)]
    big = [Point("m", {"n": tag}, {"v": 1.0}, 5 * SECOND) for tag in noises]
    await delivery.put(big, time_ns=5 * SECOND, source="broker")
    assert (delivery.fields["degraded"], delivery.fields["held"]) == (True, 10)
    assert "the disk is full" in (delivery.trouble or "")

    await store._run(lambda: limit(2**30))
    await delivery.put(points(1), time_ns=6 * SECOND, source="broker")
    assert (delivery.fields["degraded"], delivery.fields["held"]) == (False, 0)
    assert ((await store.counts()).sampled, delivery.fields["lost_total"]) == (13, 0)


async def test_delivery_is_paused_while_the_spool_is_full(tmp_path: Path) -> None:
    """An empty put after InfluxDB took something stores what was held, and polling goes on."""
    async with await Store.open(
        tmp_path / "small", max_bytes=200, retain_s=None, pause_when_full=True
    ) as small:
        delivery = Delivery(small, SeriesBound(1000))
        paused = []
        for second in range(1, 4):
            await delivery.put(points(1), time_ns=second * SECOND, source="broker")
            paused.append(delivery.paused)
        assert (delivery.trouble or "").startswith("polling is paused (2 lines in memory, 0 lost)")

        batch = await small.take(max_lines=9, max_bytes=10**6)
        assert batch is not None
        await small.settle(batch, [])
        await delivery.put((), time_ns=8 * SECOND, source="store")
        counts = await small.counts()

    assert paused == [False, True, True]
    assert (counts.sampled, counts.dropped) == (2, 0)
    assert delivery.paused, "the third poll waits for the second to be sent"


async def test_delivery_drops_and_counts_series_beyond_the_bound(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Known series go on, points of others are counted, and one log line names the largest."""
    delivery = Delivery(store, SeriesBound(3))
    for _ in range(2):
        await delivery.put(points(5), time_ns=5 * SECOND, source="broker")

    assert (await store.counts()).sampled == 6
    assert (delivery.fields["series"], delivery.fields["series_limited_total"]) == (3, 4)
    assert delivery.fields["unwritable_total"] == 0
    assert caplog.messages == [
        "3 series are written, most of them of m: new series are dropped from now on;"
        " set `limit:` on that rule or raise max_series"
    ]


async def test_delivery_counts_what_is_held_at_the_end_as_lost(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """`close` tries a last time; a store that still refuses costs the held lines, and says so."""
    delivery = Delivery(store, SeriesBound(1000))
    await store.close()
    await delivery.put(points(3), time_ns=5 * SECOND, source="broker")

    await delivery.close()

    assert (delivery.fields["held"], delivery.fields["lost_total"]) == (0, 3)
    assert caplog.messages[-1].startswith("3 lines were held in memory and are lost: ")
