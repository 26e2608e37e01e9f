"""Sender, store and writer with a scripted InfluxDB 3 Core.

Its /api/v2/write accepts a batch whole or not at all, creates a missing database, and refuses an
empty body, a body above 10 MiB, and a name that is both a tag and a field of a table.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from jmxbridge.influx.client import Writer
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.sender import Sender
from jmxbridge.store import Counts, Store

LARGEST = 10 * 1024 * 1024
TOKEN = "apiv3_" + "0123456789" * 8
PACE = Pace(linger_s=0.0, max_lines=100, retry_first_s=0.0, hold_first_s=0.0, hold_longest_s=0.0)
LONG_S = 60.0
CONFLICT = (
    "invalid column type for column 'both', expected iox::column_type::tag,"
    " got iox::column_type::field::float"
)

MakeReply = Callable[..., bytes]


class Core:
    """Keeps the stored lines, and decides its answers."""

    def __init__(self, reply: MakeReply) -> None:
        self.stored: list[bytes] = []
        self.empty = 0
        self._reply = reply

    def answer(self, request: Any) -> bytes:
        """Answer one write."""
        if request.headers.get("authorization") != f"Token {TOKEN}":
            return self._reply(401)
        if len(request.body) > LARGEST:
            return self._reply(413, "length limit exceeded")
        if not request.body:
            self.empty += 1
            return self._invalid("no lines")
        lines = request.body.split(b"\n")
        for line in lines:
            if b",both=" in line:
                return self._invalid(CONFLICT)
        self.stored += lines
        return self._reply(204)

    def _invalid(self, message: str) -> bytes:
        body = json.dumps({"code": "invalid", "message": message})
        return self._reply(400, body, "Content-Type: application/json")


async def send(store: Store, script: Any, core: Core, *, token: str = TOKEN) -> Counts:
    """Send all pending lines; return the account."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(core.answer(script.requests[-1]))

    script.replies = [serve]
    writer = Writer(script.url, bucket="kafka", token=token)
    task = asyncio.create_task(Sender(store, writer, pace=PACE).run())
    try:
        async with asyncio.timeout(LONG_S):
            while (counts := await store.counts()).pending:
                pass
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await writer.close()
    return counts


async def test_a_batch_refused_whole_is_bisected(
    store: Store, script: Any, reply: MakeReply
) -> None:
    """A refused batch stored nothing: good lines are sent again, the bad line is found."""
    core = Core(reply)
    lines = [b"m,n=%d v=%d.0 1" % (n, n) for n in range(50)]
    lines.insert(33, b"m,both=1 both=2.0 1")
    await store.append(lines, time_ns=1, source="broker")

    counts = await send(store, script, core)

    assert (counts.stored, counts.dead_lettered) == (50, 1)
    assert core.stored == [line for line in lines if b"both" not in line]
    (letter,) = await store.dead_letters(9)
    assert letter.reason == (
        f"400: {CONFLICT}; both is a tag of this measurement: give the field another name"
    )


async def test_requests_are_accepted_by_influxdb_3(
    store: Store, script: Any, reply: MakeReply
) -> None:
    """To its v2 endpoint, by token, with a precision, below 10 MiB, and never empty."""
    core = Core(reply)
    for n in range(30):
        await store.append([b'm v="%s" 1' % (b"x" * 500_000)], time_ns=n, source="broker")

    counts = await send(store, script, core)

    assert (counts.stored, core.empty) == (30, 0)
    for request in script.requests:
        assert request.target.startswith("/api/v2/write?")
        assert "bucket=kafka" in request.target
        assert "precision=ns" in request.target
        assert len(request.body) <= LARGEST


async def test_a_401_without_a_body_holds_lines(
    store: Store, script: Any, reply: MakeReply
) -> None:
    """A wrong token costs no line: they stay pending until it is corrected."""
    core = Core(reply)
    await store.append([b"m v=1.0 1"], time_ns=1, source="broker")

    sending = asyncio.create_task(send(store, script, core, token=TOKEN[::-1]))
    while len(script.requests) < 3:
        await script.arrived.wait()
        script.arrived.clear()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    counts = await store.counts()
    assert (counts.pending, counts.dead_lettered, core.stored) == (1, 0, [])

    assert (await send(store, script, core)).stored == 1
