"""Requests with a deadline: each ends in time with an outcome; bad settings are refused."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.influx.body import Body
from jmxbridge.influx.client import Writer
from jmxbridge.influx.outcome import HttpAnswer, NoAnswer

MakeReply = Callable[..., bytes]
MakeWriter = Callable[..., Writer]

LINE = b"m v=1 1"
LONG_S = 60.0  # a deadline that the test must not need
SECRET = "t0ken-of-ours"  # noqa: S105 - of the scripted server


async def test_a_request_to_a_silent_server_ends_at_the_deadline(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """The thread ends, the server sees the connection closed, and the next write works."""
    gone = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    script.replies = [listen, reply(204)]
    writer = make_writer(deadline_s=0.3)
    while not script.requests:  # the first write also imports the library
        await writer.write(Body(LINE))

    await asyncio.wait_for(gone.wait(), LONG_S)
    writer._deadline_s = LONG_S
    outcome = await writer.write(Body(LINE))

    assert isinstance(outcome, HttpAnswer)
    assert outcome.status == 204


async def test_a_slow_answer_ends_at_the_deadline(make_writer: MakeWriter, script: Any) -> None:
    """Every byte resets the read timeout, but not the deadline."""
    stopped = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        eof = asyncio.create_task(reader.read())
        while not eof.done():
            writer.write(b"H")
            await asyncio.wait([eof], timeout=0.01)
        stopped.set()

    script.replies = [trickle]
    writer = make_writer(deadline_s=0.5)
    while not script.requests:  # the first write also imports the library
        outcome = await writer.write(Body(LINE))

    assert outcome == NoAnswer("timeout", "no complete answer within 0.5 s")
    await asyncio.wait_for(stopped.wait(), LONG_S)


async def test_a_cancelled_write_ends_at_once(make_writer: MakeWriter, script: Any) -> None:
    """The socket is shut down, the server sees it, and no thread is left."""
    gone = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    script.replies = [listen]
    write = asyncio.create_task(make_writer().write(Body(LINE)))
    await asyncio.wait_for(script.arrived.wait(), LONG_S)

    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write

    await asyncio.wait_for(gone.wait(), LONG_S)
    for thread in threading.enumerate():
        if thread.name == "jmxbridge-influx":
            await asyncio.to_thread(thread.join, LONG_S)
            assert not thread.is_alive()


async def test_a_process_out_of_threads(
    make_writer: MakeWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome is a NoAnswer: the lines wait until a thread is available."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    outcome = await make_writer().write(Body(LINE))

    assert outcome == NoAnswer("thread", "no thread for the request: can't start new thread")


async def test_token_loses_its_last_newline(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """A token from a file that an editor ended with a newline works."""
    script.replies = [reply(204)]

    outcome = await make_writer(token=f"{SECRET}\n").write(Body(LINE))

    assert isinstance(outcome, HttpAnswer)
    assert script.requests[0].headers["authorization"] == f"Token {SECRET}"


@pytest.mark.parametrize("secret", ["s3cret\nX-Evil: 1", "s3crét", "s3cret\x00"])
def test_a_token_that_no_header_can_carry_is_refused(secret: str) -> None:
    """The error does not contain it."""
    with pytest.raises(ValueError, match="header") as caught:
        Writer("http://127.0.0.1:8086", bucket="b", token=secret)

    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8086",
        "ftp://h",
        "http://",
        "http://u:s3cret@h:8086",
        "http://h/?db=x",
        "http://h:x",
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    """The error contains no password."""
    with pytest.raises(ValueError, match=r"(?i)url|port") as caught:
        Writer(url, bucket="b")

    assert "s3cret" not in str(caught.value)


async def test_writer_logs_no_secret(
    make_writer: MakeWriter, script: Any, reply: MakeReply, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even with every library at DEBUG."""
    caplog.set_level(logging.DEBUG)
    script.replies = [reply(401, "no")]
    writer = make_writer(token=SECRET)

    await writer.write(Body(LINE))
    await writer.close()

    assert SECRET not in caplog.text + repr(writer)
