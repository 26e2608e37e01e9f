"""What a request sends, and what is kept of its answer."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from jmxbridge.influx.body import Body
from jmxbridge.influx.client import Writer
from jmxbridge.influx.http import MAX_BODY_BYTES
from jmxbridge.influx.outcome import HttpAnswer

MakeReply = Callable[..., bytes]
MakeWriter = Callable[..., Writer]

LINE = b"m v=1 1"
SECRET = "t0ken-of-ours"  # noqa: S105 - of the scripted server
LONG_S = 60.0  # a deadline that the test must not need


async def test_post_sends_the_lines_unchanged(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """The body is the given lines, gzipped, with nanosecond precision, to the v2 endpoint."""
    script.replies = [reply(204)]
    body = b"\n".join(b"m v=%d %d" % (n, n) for n in range(1000))

    outcome = await make_writer(org="ops", token=SECRET).write(Body(body))

    assert isinstance(outcome, HttpAnswer)
    assert outcome.status == 204
    (request,) = script.requests
    assert request.body == body
    assert request.target == "/api/v2/write?org=ops&bucket=kafka&precision=ns"
    assert request.headers["content-encoding"] == "gzip"
    assert int(request.headers["content-length"]) < len(body) / 2
    assert request.headers["authorization"] == f"Token {SECRET}"


async def test_influxdb_1_8_takes_user_and_password_as_a_token(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """`user:pass` behind Token, organisation `-`, database/retention-policy as the bucket."""
    script.replies = [reply(204)]

    await make_writer(bucket="db/rp", username="u", password=SECRET).write(Body(LINE))

    (request,) = script.requests
    assert request.headers["authorization"] == f"Token u:{SECRET}"
    assert request.target == "/api/v2/write?org=-&bucket=db%2Frp&precision=ns"


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"token": "t0ken-of-old"}, "Token t0ken-of-{}"),
        ({"username": "u", "password": "t0ken-of-old"}, "Token u:t0ken-of-{}"),
    ],
)
async def test_each_request_has_the_current_secret(
    make_writer: MakeWriter, script: Any, reply: MakeReply, options: dict[str, str], header: str
) -> None:
    """It may be replaced in its file; every secret so far is hidden in what a server repeats."""
    current = "old"
    script.replies = [reply(401, "t0ken-of-old"), reply(401, "t0ken-of-old, t0ken-of-new")]
    writer = make_writer(**options, read_secret=lambda: f"t0ken-of-{current}")
    before = await writer.write(Body(LINE))
    current = "new"

    after = [await writer.write(Body(LINE)), await writer.get("/ping", {})]

    assert [request.headers["authorization"] for request in script.requests] == [
        header.format("old"),
        header.format("new"),
        header.format("new"),
    ]
    assert isinstance(before, HttpAnswer)
    assert before.body == "***"
    assert [answer.body for answer in after if isinstance(answer, HttpAnswer)] == ["***, ***"] * 2


async def test_post_without_credentials_has_no_authorization(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """1.8 without authentication gets no header that it might object to."""
    script.replies = [reply(204)]

    await make_writer().write(Body(LINE))

    assert "authorization" not in script.requests[0].headers


async def test_a_path_in_the_url_is_kept(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """InfluxDB behind a proxy's prefix is reached, with or without a slash at the end."""
    script.replies = [reply(204)]

    await make_writer(f"{script.url}/influx/").write(Body(LINE))

    assert script.requests[0].target.startswith("/influx/api/v2/write?")


async def test_the_connection_is_kept(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """The next write, also after a refusal, needs no new handshake."""
    ports: set[int] = set()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        writer.write(reply(400, '{"error": "x"}'))

    script.replies = [note]
    writer = make_writer()

    for _ in range(3):
        await writer.write(Body(LINE))

    assert len(ports) == 1


async def test_an_answer_keeps_what_the_verdict_needs(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """Status, body, content type and Retry-After."""
    script.replies = [reply(503, "busy", "Content-Type: text/plain", "Retry-After: 7")]

    outcome = await make_writer().write(Body(LINE))

    assert outcome == HttpAnswer(503, "busy", "text/plain", "7", None)


async def test_a_redirect_is_not_followed(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """Lines and credentials go where the configuration says and nowhere else."""
    script.replies = [reply(307, "", f"Location: {script.url}/elsewhere")]

    outcome = await make_writer().write(Body(LINE))

    assert isinstance(outcome, HttpAnswer)
    assert (outcome.status, outcome.location) == (307, f"{script.url}/elsewhere")
    assert len(script.requests) == 1


async def test_an_endless_answer_is_cut(make_writer: MakeWriter, script: Any) -> None:
    """At most the limit is kept, and the next request uses a new connection."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()

    script.replies = [endless]

    outcome = await make_writer().write(Body(LINE))

    assert isinstance(outcome, HttpAnswer)
    assert outcome.body == "x" * MAX_BODY_BYTES


async def test_an_answer_that_is_not_utf8_is_read(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """A proxy's Latin-1 page is an answer like any other."""
    script.replies = [reply(502, "Störung".encode("latin-1"))]

    outcome = await make_writer().write(Body(LINE))

    assert isinstance(outcome, HttpAnswer)
    assert outcome.body == "St\ufffdrung"


async def test_a_secret_in_an_answer_is_hidden(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """Credentials that a server repeats do not reach logs and dead letters."""
    script.replies = [reply(401, f'{{"error": "unknown {SECRET} and Token u:{SECRET}"}}')]

    outcome = await make_writer(username="u", password=SECRET).write(Body(LINE))

    assert isinstance(outcome, HttpAnswer)
    assert outcome.body == '{"error": "unknown *** and Token ***"}'


async def test_late_answer_to_an_aborted_write_is_dropped(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """It is not taken for the answer to the next write."""
    release = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(reply(204))

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        release.set()
        writer.write(reply(400, '{"error": "no"}'))

    script.replies = [late, refuse]
    writer = make_writer()
    first = asyncio.create_task(writer.write(Body(LINE)))
    await asyncio.wait_for(script.arrived.wait(), LONG_S)
    writer._session.abort = lambda: None  # type: ignore[method-assign]
    first.cancel()

    outcome = await writer.write(Body(LINE))

    assert isinstance(outcome, HttpAnswer)
    assert outcome.status == 400


def test_the_library_is_not_imported_before_a_write() -> None:
    """A run without InfluxDB and `--help` do not pay for it."""
    code = (
        "import sys; from jmxbridge.influx.client import Writer;"
        "Writer('http://h:1', bucket='b'); print('influxdb_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert done.stdout == b"False\n"
