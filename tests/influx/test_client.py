"""One write: what is sent, and that whatever the server does comes back as a value, in time."""

import asyncio
import logging
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from jmxbridge.influx.body import Body
from jmxbridge.influx.client import Writer
from jmxbridge.influx.http import MAX_BODY_BYTES
from jmxbridge.influx.outcome import HttpAnswer, NoAnswer

MakeReply = Callable[..., bytes]

MakeWriter = Callable[..., Writer]

LINE = b"m v=1 1"
LONG_S = 60.0  # a deadline that the test must not need


SECRET = "t0ken-of-ours"  # noqa: S105 - of the scripted server


@pytest.fixture
async def make_writer(script: Any) -> AsyncIterator[Callable[..., Writer]]:
    """Make a writer, to the scripted server unless told, that waits as long as a test may take."""
    made: list[Writer] = []

    def make(url: str = "", **options: Any) -> Writer:
        options = {"bucket": "kafka", "read_s": LONG_S, "deadline_s": LONG_S, **options}
        made.append(Writer(url or script.url, **options))
        return made[-1]

    yield make
    for writer in made:
        await writer.close()


async def test_the_bytes_are_sent_as_they_are(
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


async def test_without_credentials_none_are_sent(
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
    """No more of it than the limit is kept, and the writer goes on with a new connection."""

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
    """A server that repeats the credentials does not get them into logs and dead letters."""
    script.replies = [reply(401, f'{{"error": "unknown {SECRET} and Token u:{SECRET}"}}')]

    outcome = await make_writer(username="u", password=SECRET).write(Body(LINE))

    assert isinstance(outcome, HttpAnswer)
    assert outcome.body == '{"error": "unknown *** and Token ***"}'


async def test_refused(make_writer: MakeWriter, unused_port: int) -> None:
    """No server there: a value with the system's words."""
    outcome = await make_writer(f"http://127.0.0.1:{unused_port}").write(Body(LINE))

    assert outcome == NoAnswer("refused", "connection refused")


async def test_an_unknown_host(make_writer: MakeWriter) -> None:
    """A name that nobody has; the top-level domain is reserved for that (RFC 2606)."""
    outcome = await make_writer("http://influx.invalid:8086").write(Body(LINE))

    assert isinstance(outcome, NoAnswer)
    assert outcome.kind == "dns"


@pytest.mark.parametrize(
    "part",
    [b"", b"HTTP/1.1 20", b"HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\n{"],
    ids=["before the answer", "in its first line", "in its body"],
)
async def test_a_connection_that_ends_early(
    make_writer: MakeWriter, script: Any, part: bytes
) -> None:
    """Whether the lines were stored is not known: no answer."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        writer.close()

    script.replies = [hang_up]

    outcome = await make_writer().write(Body(LINE))

    assert isinstance(outcome, NoAnswer)
    assert outcome.kind in ("reset", "protocol")


async def test_a_connection_reset_after_the_body(make_writer: MakeWriter, script: Any) -> None:
    """RST instead of an answer is a value too."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    script.replies = [reset]

    outcome = await make_writer().write(Body(LINE))

    assert isinstance(outcome, NoAnswer)
    assert outcome.kind == "reset"


async def test_something_that_does_not_speak_http(make_writer: MakeWriter, script: Any) -> None:
    """A Kafka port by mistake: a value, without what it said."""
    script.replies = [b"\x00\x00\x00\x08\x00\x00\x00\x00" * 20 + b"\r\n"]

    outcome = await make_writer().write(Body(LINE))

    assert isinstance(outcome, NoAnswer)
    assert outcome.kind == "protocol"


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything, say nothing, until the other side gives up."""
    await reader.read()


async def test_a_silent_server_is_given_up_at_the_deadline(
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


async def test_no_answer_within_the_read_timeout(make_writer: MakeWriter, script: Any) -> None:
    """The library's own timeout is a value as well."""
    script.replies = [silence]

    outcome = await make_writer(read_s=0.1).write(Body(LINE))

    assert outcome == NoAnswer("timeout", "no answer in time")


async def test_an_answer_that_trickles_is_given_up_at_the_deadline(
    make_writer: MakeWriter, script: Any
) -> None:
    """Every byte resets the read timeout, none the deadline."""
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
    """The socket is shut, the server sees it, and no thread is left behind."""
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
    """The lines can wait until there is a thread again."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    outcome = await make_writer().write(Body(LINE))

    assert outcome == NoAnswer("thread", "no thread for the request: can't start new thread")


async def test_a_late_answer_is_not_taken_for_the_next_one(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """The answer to a write that was given up belongs to nobody."""
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


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that nobody signed, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command = ["openssl", "req", "-x509", *options, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


async def test_a_certificate_nobody_signed(
    make_writer: MakeWriter, certificate: tuple[Path, Path]
) -> None:
    """The connection is not used, and the reason is told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]

    outcome = await make_writer(f"https://127.0.0.1:{port}").write(Body(LINE))

    server.close()
    assert isinstance(outcome, NoAnswer)
    assert outcome.kind == "tls"
    assert "self-signed certificate" in outcome.text


async def test_https_to_a_server_without_tls(make_writer: MakeWriter) -> None:
    """The wrong scheme is a value that speaks of TLS."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    outcome = await make_writer(f"https://127.0.0.1:{port}").write(Body(LINE))

    server.close()
    assert outcome == NoAnswer("tls", "TLS failed: wrong version number")


async def test_a_newline_at_the_end_of_a_token_is_not_part_of_it(
    make_writer: MakeWriter, script: Any, reply: MakeReply
) -> None:
    """A token from a file that an editor ended with a newline works."""
    script.replies = [reply(204)]

    outcome = await make_writer(token=f"{SECRET}\n").write(Body(LINE))

    assert isinstance(outcome, HttpAnswer)
    assert script.requests[0].headers["authorization"] == f"Token {SECRET}"


@pytest.mark.parametrize("secret", ["s3cret\nX-Evil: 1", "s3crét", "s3cret\x00"])
def test_a_token_that_no_header_can_carry_is_refused(secret: str) -> None:
    """At once, and without showing it."""
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
    """At once, and without showing a password in it."""
    with pytest.raises(ValueError, match=r"(?i)url|port") as caught:
        Writer(url, bucket="b")

    assert "s3cret" not in str(caught.value)


async def test_nothing_secret_is_logged(
    make_writer: MakeWriter, script: Any, reply: MakeReply, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even with every library at DEBUG."""
    caplog.set_level(logging.DEBUG)
    script.replies = [reply(401, "no")]
    writer = make_writer(token=SECRET)

    await writer.write(Body(LINE))
    await writer.close()

    assert SECRET not in caplog.text + repr(writer)


def test_the_library_is_not_imported_before_a_write() -> None:
    """A run without InfluxDB, or `--help`, pays nothing for it."""
    code = (
        "import sys; from jmxbridge.influx.client import Writer;"
        "Writer('http://h:1', bucket='b'); print('influxdb_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert done.stdout == b"False\n"


@pytest.fixture
async def unused_port() -> int:
    """A port where nothing listens."""
    server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    return port
