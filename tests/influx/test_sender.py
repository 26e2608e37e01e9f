"""Sender between a real store and a scripted InfluxDB: no line lost, order kept, faults logged."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from jmxbridge.influx.body import Body
from jmxbridge.influx.client import Writer
from jmxbridge.influx.outcome import HttpAnswer, NoAnswer, Outcome
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.sender import Sender, SenderState, SenderStatus
from jmxbridge.store import Batch, DeadLine, Store, StoreFull

OK = HttpAnswer(204)
BAD = '{"error":"unable to parse \'%s\': missing field value"}'
LONG_S = 60.0  # how long a test may wait for what must come

PACE = Pace(linger_s=0.0, max_lines=100)


@dataclass
class Influx:
    """Answers from a list, then like InfluxDB 2: a batch with a bad line is refused as a whole."""

    url: str = "http://influx:8086"
    answers: list[Outcome] = field(default_factory=list)
    bad: frozenset[bytes] = frozenset()
    largest: int = 10**9
    in_time: int = 10**9
    too_slow: Outcome = OK
    bodies: list[list[bytes]] = field(default_factory=list)
    stored: list[bytes] = field(default_factory=list)

    async def write(self, body: Body) -> Outcome:
        """One request."""
        lines = gzip.decompress(body.packed).strip(b"\n").split(b"\n")
        self.bodies.append(lines)
        if self.answers:
            return self.answers.pop(0)
        if body.size > self.largest:
            return HttpAnswer(413)
        if body.size > self.in_time:
            return self.too_slow
        for line in lines:
            if line in self.bad:
                return HttpAnswer(400, BAD % line.decode())
        self.stored += lines
        return OK


@dataclass
class Naps:
    """A sleep that takes no time, records the durations, and can be watched."""

    slept: list[float] = field(default_factory=list)
    watch: Callable[[float], None] = lambda _: None

    async def sleep(self, seconds: float) -> None:
        """Let others run once."""
        if seconds:
            self.slept.append(seconds)
            self.watch(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def running(sender: Sender) -> AsyncIterator[None]:
    """Run the sender during a block."""
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def drained(store: Store) -> None:
    """Return when no line is pending."""
    async with asyncio.timeout(LONG_S):
        while (await store.counts()).pending:
            pass


async def send(store: Store, influx: Influx, *, pace: Pace = PACE) -> tuple[Sender, Naps]:
    """Send all pending lines; return the sender and its naps."""
    naps = Naps()
    sender = Sender(store, influx, pace=pace, sleep=naps.sleep, random=lambda: 1.0)
    async with running(sender):
        await drained(store)
        async with asyncio.timeout(LONG_S):
            while sender.status.state is not SenderState.IDLE:
                await store.counts()
    return sender, naps


def numbered(*numbers: int) -> list[bytes]:
    """Return lines that differ."""
    return [b"m v=%d" % n for n in numbers]


async def test_lines_arrive_in_order(store: Store) -> None:
    """Poll after poll, as many whole polls as fit in a batch, each line once."""
    influx = Influx()
    for n in range(10):
        await store.append(numbered(*range(n * 30, n * 30 + 30)), time_ns=n, source="a")

    sender, naps = await send(store, influx)

    assert influx.stored == numbered(*range(300))
    assert [len(lines) for lines in influx.bodies] == [90, 90, 90, 30]
    assert (await store.counts()).stored == 300
    assert (sender.status.stored, sender.status.requests, naps.slept) == (300, 4, [])
    assert sender.status.last_stored_ns is not None


async def test_sender_wakes_up_for_new_lines(store: Store) -> None:
    """After a short wait for the polls of other targets."""
    influx, naps = Influx(), Naps()
    sender = Sender(store, influx, pace=Pace(linger_s=0.25), sleep=naps.sleep)
    async with running(sender):
        assert sender.status.state is SenderState.IDLE
        await store.append(numbered(1), time_ns=1, source="a")
        await drained(store)

    assert influx.stored == numbered(1)
    assert naps.slept == [0.25]


async def test_a_refused_line_is_a_dead_letter_and_the_others_arrive(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """With InfluxDB's message, logged once, and without a delay for the good lines."""
    bad = frozenset(numbered(17, 55))
    influx = Influx(bad=bad)
    await store.append(numbered(*range(100)), time_ns=9, source="orders")

    sender, naps = await send(store, influx)

    assert influx.stored == [line for line in numbered(*range(100)) if line not in bad]
    letters = {letter.line: letter for letter in await store.dead_letters(10)}
    assert letters.keys() == bad
    assert letters[b"m v=17"].reason == "400: unable to parse 'm v=17': missing field value"
    assert letters[b"m v=17"].source == "orders"
    assert (sender.status.stored, sender.status.dead_lettered) == (98, 2)
    assert naps.slept == []
    assert len([r for r in caplog.records if "dead letter" in r.message]) == 1


async def test_a_dead_letter_is_no_failure_of_the_server(store: Store) -> None:
    """The sender is idle afterwards, not retrying."""
    influx = Influx(bad=frozenset(numbered(0)))
    await store.append(numbered(0), time_ns=9, source="a")

    sender, _ = await send(store, influx)

    assert sender.status.state is SenderState.IDLE


async def test_a_batch_full_of_refused_lines_is_settled_in_pieces(store: Store) -> None:
    """The budget of requests bounds a search; the undecided lines are taken again."""
    lines = numbered(*range(100))
    influx = Influx(bad=frozenset(lines[:90]))
    await store.append(lines, time_ns=9, source="a")

    await send(store, influx, pace=Pace(linger_s=0.0, max_lines=100, budget=20))

    counts = await store.counts()
    assert (counts.dead_lettered, counts.stored) == (90, 10)
    assert influx.stored == lines[90:]


@pytest.mark.parametrize(
    ("outcome", "state", "delay_s", "words"),
    [
        (
            NoAnswer("refused", "connection refused"),
            SenderState.RETRYING,
            1.0,
            "connection refused",
        ),
        (
            HttpAnswer(503, retry_after="7"),
            SenderState.RETRYING,
            7.0,
            "503, InfluxDB cannot accept",
        ),
        (HttpAnswer(429, retry_after="0"), SenderState.RETRYING, 1.0, "429, InfluxDB asks to wait"),
        (HttpAnswer(401), SenderState.HOLDING, 60.0, "check influxdb.token"),
        (HttpAnswer(403), SenderState.HOLDING, 60.0, "write access"),
        (
            HttpAnswer(404, '{"error":"database not found: \\"kafka\\""}'),
            SenderState.HOLDING,
            60.0,
            "404, InfluxDB has no such bucket or organization; create it, or correct"
            ' influxdb.bucket or influxdb.org (database not found: "kafka")',
        ),
        (HttpAnswer(302, location="https://sso/"), SenderState.HOLDING, 60.0, "(to https://sso/)"),
        (
            HttpAnswer(200, "<title>Sign in</title>"),
            SenderState.HOLDING,
            60.0,
            "(an HTML page, 'Sign in')",
        ),
    ],
)
async def test_a_failing_server_costs_no_line(
    store: Store, outcome: Outcome, state: SenderState, delay_s: float, words: str
) -> None:
    """The sender waits, tells what to fix, and sends the same lines again, in order."""
    influx = Influx(answers=[outcome])
    naps, seen = Naps(), list[SenderStatus]()
    sender = Sender(store, influx, pace=PACE, sleep=naps.sleep, random=lambda: 1.0)
    naps.watch = lambda _: seen.append(sender.status)
    await store.append(numbered(1, 2, 3), time_ns=1, source="a")

    async with running(sender):
        await drained(store)

    (status,) = seen
    assert status.state is state
    assert words in status.text
    assert status.text.startswith("http://influx:8086: ")
    assert status.next_try_ns is not None
    assert naps.slept == [delay_s]
    assert influx.bodies == [numbered(1, 2, 3)] * 2
    assert (await store.counts()).stored == 3


async def test_delays_double_and_start_again_after_a_success(store: Store) -> None:
    """A long outage is retried less and less often; the next one begins with a short delay."""
    gone = NoAnswer("refused", "connection refused")
    influx = Influx(answers=[*[gone] * 8, OK, gone])
    await store.append(numbered(*range(200)), time_ns=1, source="a")

    _, naps = await send(store, influx)

    assert naps.slept == [1, 2, 4, 8, 16, 32, 60, 60, 1]


async def test_verdicts_before_a_failure_are_settled(store: Store) -> None:
    """If the server fails during a search, only the undecided lines are sent again."""
    bad = HttpAnswer(400, BAD % "x")
    influx = Influx(answers=[bad, OK, HttpAnswer(503)])
    await store.append(numbered(*range(8)), time_ns=1, source="a")

    await send(store, influx)

    assert influx.bodies[3] == numbered(4, 5, 6, 7)
    assert (await store.counts()).stored == 8


async def test_sender_logs_each_failure_once(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """When it begins, when it changes, and when it ends; not at every attempt."""
    caplog.set_level(logging.INFO, logger="jmxbridge.influx")
    gone = NoAnswer("refused", "connection refused")
    influx = Influx(answers=[gone, gone, gone, HttpAnswer(401), HttpAnswer(401), gone])
    await store.append(numbered(1), time_ns=1, source="a")

    await send(store, influx)

    records = [(r.levelname, r.message) for r in caplog.records]
    levels = [level for level, _ in records]
    assert levels == ["WARNING", "ERROR", "WARNING", "WARNING"]
    assert "does not answer (connection refused); lines stay in the spool" in records[0][1]
    assert "accepts lines again" in records[3][1]


async def test_a_limit_on_bodies_is_remembered(store: Store) -> None:
    """After one 413 later requests are small enough at once, and no line is lost."""
    influx = Influx(largest=8000)
    line = b'm v="%s"' % (b"x" * 994)
    await store.append([line] * 100, time_ns=1, source="a")

    await send(store, influx)

    assert influx.stored == [line] * 100
    sizes = [len(body) for body in influx.bodies]
    assert sizes == [100, 50, 25, 12, *[6] * 16, 4]


async def test_a_tiny_limit_on_bodies_is_not_remembered(store: Store) -> None:
    """A server that accepts single lines only gets them, but only while it does so."""
    influx = Influx(largest=20)
    lines = numbered(*range(100, 200))
    await store.append(lines, time_ns=1, source="a")
    await send(store, influx)
    assert influx.stored == lines
    influx.largest = 10**9
    await store.append(lines, time_ns=1, source="a")

    await send(store, influx)

    assert influx.bodies[-1] == lines


@pytest.mark.parametrize(
    "too_slow", [NoAnswer("timeout", "no answer in time"), HttpAnswer(500, '{"error":"timeout"}')]
)
async def test_slow_requests_become_smaller(store: Store, too_slow: Outcome) -> None:
    """A slow server or network gets all lines; once it is fast again, in full requests."""
    influx = Influx(in_time=10_000, too_slow=too_slow)
    lines = numbered(*range(20_000))
    await store.append(lines, time_ns=1, source="a")

    pace = Pace(linger_s=0.0)
    sender = Sender(store, influx, pace=pace, sleep=Naps().sleep, random=lambda: 0.0)
    async with running(sender):
        await drained(store)
        assert influx.stored == lines
        timed_out = sum(sum(map(len, body)) + len(body) > 10_000 for body in influx.bodies)
        assert timed_out < len(influx.bodies) / 2

        influx.in_time = 10**9
        again = numbered(*range(20_000, 120_000))
        await store.append(again, time_ns=2, source="a")
        await drained(store)
    assert influx.stored == lines + again
    assert max(map(len, influx.bodies[-9:])) == pace.max_lines


async def test_a_line_too_large_by_itself_is_a_dead_letter(store: Store) -> None:
    """It does not block other lines."""
    influx = Influx(largest=2000)
    large = b'm v="%s"' % (b"x" * 5000)
    await store.append([*numbered(1), large, *numbered(2)], time_ns=1, source="a")

    await send(store, influx)

    (letter,) = await store.dead_letters(10)
    assert letter.line == large
    assert letter.reason == "413: the request exceeds the server's size limit"
    assert influx.stored == numbered(1, 2)


async def test_a_cancelled_sender_leaves_its_lines_pending(store: Store) -> None:
    """A stop in the middle of a write loses nothing: the next sender sends the lines."""
    writing = asyncio.Event()

    class Silent(Influx):
        async def write(self, body: Body) -> Outcome:
            writing.set()
            await asyncio.Event().wait()
            raise AssertionError

    await store.append(numbered(1, 2), time_ns=1, source="a")
    async with running(Sender(store, Silent(), pace=PACE)):
        await asyncio.wait_for(writing.wait(), LONG_S)
    assert (await store.counts()).pending == 2

    influx = Influx()
    await send(store, influx)

    assert influx.stored == numbered(1, 2)


async def test_a_silent_server_does_not_delay_the_stop(store: Store, script: Any) -> None:
    """The task ends and the lines stay pending."""

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    script.replies = [silence]
    writer = Writer(script.url, bucket="b", read_s=LONG_S, deadline_s=LONG_S)
    await store.append(numbered(1, 2), time_ns=1, source="a")

    async with asyncio.timeout(LONG_S / 2), running(Sender(store, writer, pace=PACE)):
        await script.arrived.wait()

    await writer.close()
    assert (await store.counts()).pending == 2


async def test_a_store_that_fails_is_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk while a batch is settled: the error is logged, and the lines are sent again."""
    settle, failures = store.settle, [StoreFull("store: the disk is full")]

    async def fail_once(batch: Batch, dead: list[DeadLine]) -> None:
        if failures:
            raise failures.pop()
        await settle(batch, dead)

    monkeypatch.setattr(store, "settle", fail_once)
    influx = Influx()
    await store.append(numbered(1), time_ns=1, source="a")

    _, naps = await send(store, influx)

    assert influx.bodies == [numbered(1)] * 2
    assert (await store.counts()).stored == 1
    assert naps.slept == [1.0]
    assert "the disk is full" in caplog.text


async def test_sender_remembers_a_bounded_number_of_refusals(store: Store) -> None:
    """New reasons of a server do not grow its memory."""
    influx = Influx()
    sender = Sender(store, influx)

    for n in range(1000):
        sender._log_refused(b"m v=1", f"reason {chr(65 + n % 26)}{'x' * n}")

    assert len(sender._reasons) <= 64


async def test_sender_takes_the_next_lines_during_a_write(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scripted write ends only after the lines behind it were taken."""
    ahead = asyncio.Event()
    take = store.take

    async def watched(**options: Any) -> Batch | None:
        batch = await take(**options)
        if options["after"] is not None:
            ahead.set()
        return batch

    class Patient(Influx):
        async def write(self, body: Body) -> Outcome:
            async with asyncio.timeout(LONG_S):
                await ahead.wait()
            ahead.clear()
            return await super().write(body)

    monkeypatch.setattr(store, "take", watched)
    influx = Patient()
    for n in range(5):
        await store.append(numbered(*range(n * 100, n * 100 + 100)), time_ns=n, source="a")

    await send(store, influx)

    assert influx.stored == numbered(*range(500))


async def test_lines_that_could_not_be_settled_are_sent_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up between two writes: lines that InfluxDB got twice are counted once."""
    settle = store.settle
    failures = [StoreFull("the disk is full")]

    async def failing(batch: Batch, dead: list[DeadLine]) -> None:
        if failures and batch.lines[0] == b"m v=100":
            raise failures.pop()
        await settle(batch, dead)

    monkeypatch.setattr(store, "settle", failing)
    influx = Influx()
    for n in range(5):
        await store.append(numbered(*range(n * 100, n * 100 + 100)), time_ns=n, source="a")

    await send(store, influx)

    assert set(influx.stored) == set(numbered(*range(500)))
    assert influx.stored.count(b"m v=100") == 2
    counts = await store.counts()
    assert (counts.sampled, counts.stored, counts.pending) == (500, 500, 0)


async def test_flush_ends_when_the_store_fails(store: Store) -> None:
    """An error of the store ends only the wait for the last lines."""
    await store.append([b"m v=1 1"], time_ns=1, source="test")
    influx = Influx()
    sender = Sender(store, influx)
    await store.close()
    await sender.flush(60.0)
    assert sender.status.requests == 0
