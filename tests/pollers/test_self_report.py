"""SelfReport: where every point is, and what the process costs."""

import errno
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from jmxbridge.delivery import Delivery
from jmxbridge.influx.sender import Sender, SenderState, SenderStatus
from jmxbridge.influx.series import SeriesBound
from jmxbridge.point import Point
from jmxbridge.pollers import self_report
from jmxbridge.pollers.health import Health, StatusLine
from jmxbridge.pollers.schedule import Tick
from jmxbridge.pollers.self_report import SelfReport, account_fields, resident_bytes
from jmxbridge.store import Counts, DeadLine, Store

SECOND = 10**9


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty spool."""
    async with await Store.open(
        tmp_path / "local.sqlite3", max_bytes=2**30, retain_s=None
    ) as store:
        yield store


def report_of(store: Store, delivery: Delivery, sender: Sender | None = None) -> SelfReport:
    """A report whose clock shows ten seconds more at every look."""
    now = iter([0.0, 10.0, 20.0])
    return SelfReport(
        store,
        delivery,
        sender,
        cluster="prod",
        destination="to the test",
        clock_s=lambda: next(now),
    )


def points(count: int) -> list[Point]:
    """Points of a poll at 5 s."""
    return [Point("m", {"n": str(n)}, {"v": 1.0}, 5 * SECOND) for n in range(count)]


async def test_self_report_says_where_every_point_is(store: Store) -> None:
    """sampled = stored + pending + dead-lettered + dropped + expired; rejected ones are extra."""
    delivery = Delivery(store, SeriesBound(1000))
    report = report_of(store, delivery)
    bad = Point("m", {}, {"v": float("nan")}, 5 * SECOND)
    await delivery.put([*points(4), bad], time_ns=5 * SECOND, source="broker")
    batch = await store.take(max_lines=2, max_bytes=10**6)
    assert batch is not None
    await store.settle(batch, [DeadLine(1, "no")])

    account, process = await report.poll(Tick(8 * SECOND, 0))

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
    assert process.time_ns == 8 * SECOND
    assert process.fields["uptime_seconds"] == 10.0
    assert resident_bytes() > 2**20


def test_account_fields_of_an_empty_store_have_an_age_of_0() -> None:
    """The field is there at every poll, so a graph has no gap."""
    counts = Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, oldest_pending_ns=None)
    assert account_fields(counts, 8 * SECOND)["oldest_pending_seconds"] == 0.0


async def test_self_report_of_a_store_that_refuses_is_down(store: Store) -> None:
    """Its status line shows how many lines are in memory; the process is reported all the same."""
    delivery = Delivery(store, SeriesBound(1000))
    report = report_of(store, delivery)
    health = [report.line.health]
    await store.close()
    await delivery.put(points(3), time_ns=5 * SECOND, source="broker")
    health.append(report.line.health)

    assert health == [Health.FINE, Health.DOWN]
    assert "3 lines in memory, 0 lost" in report.line.text
    (process,) = await report.poll(Tick(8 * SECOND, 0))
    assert process.measurement == "jmxbridge_process"


async def test_self_report_returns_no_points_while_polling_is_paused(tmp_path: Path) -> None:
    """The account must not be what fills the memory; it goes on being polled, without points."""
    async with await Store.open(
        tmp_path / "small", max_bytes=200, retain_s=None, pause_when_full=True
    ) as small:
        delivery = Delivery(small, SeriesBound(1000))
        report = report_of(small, delivery)
        for second in range(1, 4):
            await delivery.put(points(1), time_ns=second * SECOND, source="broker")

        assert "polling is paused" in report.line.text
        assert await report.poll(Tick(8 * SECOND, 0)) == ()
        assert not report.pausable


async def test_self_report_needs_no_free_file_descriptor(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit on open files only the resident memory of the process is missing."""

    def refuse() -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(self_report, "resident_bytes", refuse)
    report = report_of(store, Delivery(store, SeriesBound(1000)))

    account, process = await report.poll(Tick(8 * SECOND, 0))

    assert account.fields["sampled_total"] == 0
    assert set(process.fields) == {"cpu_seconds_total", "uptime_seconds"}


@dataclass
class ScriptedSender:
    """A sender in a given state."""

    status: SenderStatus


SENDING = SenderStatus(SenderState.SENDING, "sending to http://i", 0, stored=1234)
CASES: Sequence[tuple[SenderStatus, StatusLine]] = [
    (
        SENDING,
        StatusLine("influxdb", Health.FINE, "1,234 lines stored · sending to http://i"),
    ),
    (
        SenderStatus(SenderState.IDLE, "no lines wait", 0, stored=5, dead_lettered=2),
        StatusLine("influxdb", Health.ALERT, "5 lines stored, 2 refused · no lines wait"),
    ),
    (
        SenderStatus(SenderState.RETRYING, "http://i: 503", 0, stored=5),
        StatusLine("influxdb", Health.DOWN, "5 lines stored · http://i: 503"),
    ),
    (
        SenderStatus(SenderState.HOLDING, "http://i: 401", 0, dead_lettered=2),
        StatusLine("influxdb", Health.DOWN, "0 lines stored, 2 refused · http://i: 401"),
    ),
]


@pytest.mark.parametrize(("status", "line"), CASES, ids=lambda case: getattr(case, "state", ""))
async def test_self_report_shows_the_sender(
    store: Store, status: SenderStatus, line: StatusLine
) -> None:
    """The status line has its counts and its own words; waiting after trouble is down."""
    sender = cast(Sender, ScriptedSender(status))
    report = report_of(store, Delivery(store, SeriesBound(1000)), sender)

    assert report.line == line
