"""Wrong lines and wrong settings, and the messages that a user then reads."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from jmxbridge.influx.client import Writer
from jmxbridge.influx.pace import Pace
from jmxbridge.influx.sender import Sender
from jmxbridge.store import Store

JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html"
LINE = b"kafka_consumer,group=billing lag=5i 1700000000000000000"
LONG_S = 60.0
TOKEN = "t0ken-of-the-scripted-server"  # noqa: S105 - nobody else's

MakeReply = Callable[..., bytes]

REFUSED = {
    "a field whose type conflicts, 1.8": (
        (400, '{"error":"partial write: field type conflict: input field \\"lag\\" on measurement'
         ' \\"kafka_consumer\\" is type integer, already exists as type float dropped=1"}'),
        "400: partial write: field type conflict: input field \"lag\" on measurement"
        " \"kafka_consumer\" is type integer, already exists as type float dropped=1; declare"
        " `type: float` for field lag of measurement kafka_consumer in its rule, or give the field"
        " another name",
    ),
    "a field whose type conflicts, 2.9": (
        (422, '{"code":"unprocessable entity","message":"failure writing points to database:'
         ' partial write: field type conflict: input field \\"lag\\" on measurement'
         ' \\"kafka_consumer\\" is type integer, already exists as type float dropped=1"}'),
        "422: failure writing points to database: partial write: field type conflict: input field"
        " \"lag\" on measurement \"kafka_consumer\" is type integer, already exists as type float"
        " dropped=1; declare `type: float` for field lag of measurement kafka_consumer in its rule,"
        " or give the field another name",
    ),
    "a point outside retention": (
        (400, '{"error":"partial write: points beyond retention policy dropped=1"}'),
        "400: partial write: points beyond retention policy dropped=1; it is older than the bucket"
        " keeps points: raise its retention, or purge the line",
    ),
}  # fmt: skip

HELD = {
    "a server that answers HTML": (
        (400, "<html><title>400 Bad Request</title></html>", HTML),
        "400, not InfluxDB's answer to a write; check influxdb.url, and any proxy or login page"
        " in between (an HTML page, '400 Bad Request')",
    ),
    "a proxy's login page with 200": (
        (200, "<html><title>Sign in</title></html>", HTML),
        "200, not InfluxDB's answer to a write; check influxdb.url, and any proxy or login page"
        " in between (an HTML page, 'Sign in')",
    ),
    "a redirect": (
        (301, "", "Location: https://influx.example/api/v2/write"),
        "301, redirected; set influxdb.url to the server's own address"
        " (to https://influx.example/api/v2/write)",
    ),
    "a wrong URL path": (
        (404, "404 page not found\n", "Content-Type: text/plain; charset=utf-8"),
        "404, no InfluxDB at this path; check influxdb.url (404 page not found)",
    ),
}


async def send(store: Store, script: Any, *, until: Callable[[Sender], bool]) -> Sender:
    """Send one line until a condition is met."""
    await store.append([LINE], time_ns=1, source="billing-app")
    writer = Writer(script.url, bucket="kafka", org="ops", token=f"{TOKEN}\n")
    sender = Sender(store, writer, pace=Pace(linger_s=0.0))
    task = asyncio.create_task(sender.run())
    try:
        async with asyncio.timeout(LONG_S):
            while not until(sender):
                await store.counts()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await writer.close()
    return sender


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refused_line_tells_what_to_change(
    store: Store, script: Any, reply: MakeReply, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its dead letter and the log name the fault and the fix; no other line waits for it."""
    (status, body), reason = REFUSED[name]
    script.replies = [reply(status, body, JSON)]

    await send(store, script, until=lambda sender: sender.status.dead_lettered == 1)

    (letter,) = await store.dead_letters(9)
    assert (letter.reason, letter.line, letter.source) == (reason, LINE, "billing-app")
    assert f"InfluxDB refused a line, now a dead letter ({reason}): {LINE.decode()}" in caplog.text
    assert (await store.counts()).pending == 0


@pytest.mark.parametrize("name", HELD)
async def test_answers_of_other_servers_hold_lines(
    store: Store, script: Any, reply: MakeReply, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The line stays pending, and the text names the answer and the setting to check."""
    answer, sentence = HELD[name]
    script.replies = [reply(*answer)]

    sender = await send(store, script, until=lambda sender: sender.status.next_try_ns is not None)

    assert sender.status.text == f"{script.url}: {sentence}"
    assert f"{sentence}; lines stay in the spool until they can be sent" in caplog.text
    counts = await store.counts()
    assert (counts.pending, counts.dead_lettered, counts.stored) == (1, 0, 0)
    assert TOKEN not in caplog.text


async def test_a_token_ending_in_a_newline(
    store: Store, script: Any, reply: MakeReply, caplog: pytest.LogCaptureFixture
) -> None:
    """The newline is not sent: the line is stored, and the token is in no log."""
    caplog.set_level(logging.DEBUG)
    script.replies = [reply(204)]

    await send(store, script, until=lambda sender: sender.status.stored == 1)

    assert script.requests[0].headers["authorization"] == f"Token {TOKEN}"
    assert TOKEN not in caplog.text
