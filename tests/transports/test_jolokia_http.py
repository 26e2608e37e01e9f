"""Poster: each fault of an HTTP server is a clear error, within limits of time and size."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import ConnectionFailed, JmxError
from jmxbridge.transports import exposure, jolokia_http
from jmxbridge.transports.jolokia_http import Poster, shown
from tests.transports.scripted_http import Serve, answers, http, read_request, serving

PASSWORD = "swordfish"  # noqa: S105 - of a server that lives as long as this test
MONITOR = Credentials("monitor", PASSWORD)


@asynccontextmanager
async def poster_at(
    url: str,
    *,
    credentials: Credentials | None = MONITOR,
    tls: Tls | None = None,
    timeout_s: float | None = None,
) -> AsyncIterator[Poster]:
    """A poster, closed in the end."""
    poster = Poster(
        url,
        options={"a": "true"},
        credentials=None if credentials is None else lambda: credentials,
        tls=tls,
        timeout_s=timeout_s,
    )
    try:
        yield poster
    finally:
        await poster.close()


@asynccontextmanager
async def poster_of(serve: Serve) -> AsyncIterator[Poster]:
    """A poster to a server that answers by a script."""
    async with serving(serve) as url, poster_at(url) as poster:
        yield poster


async def test_post_sends_options_and_credentials() -> None:
    """Options are in the query, credentials in a header; traffic is counted in answers."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        assert await reader.readexactly(2) == b"[]"
        writer.write(http(b"[1, 2]"))
        await reader.read()

    async with poster_of(serve) as poster:
        assert await poster.post(b"[]") == b"[1, 2]"
        assert (poster.round_trips, poster.bytes_received) == (1, 6)
        assert poster.peer_host == "127.0.0.1"

    [head] = heads
    assert head.startswith(b"POST /jolokia/?a=true HTTP/1.1\r\n")
    assert b"Basic " + base64.b64encode(f"monitor:{PASSWORD}".encode()) in head


FAULTS = [
    (http(b"", status="401 Unauthorized"), "access", "credentials of monitor"),
    (http(b"", status="403 Forbidden"), "access", "jolokia-access.xml"),
    (http(b"<h1>no</h1>", status="404 Not Found"), "not_jolokia", "nothing at this path"),
    (http(b"oops", status="500 Internal Server Error"), "remote", "HTTP 500"),
    (
        http(b"", status="302 Found", head="Location: https://me:hush@sso/login?token=hush\r\n"),
        "not_jolokia",
        "redirects to https://sso/login (HTTP 302)",
    ),
    (http(b"", status="307 Temporary Redirect"), "not_jolokia", "an address it does not name"),
    (b"SSH-2.0-OpenSSH_9.6\r\n", "not_jolokia", "does not speak HTTP"),
    (b"", "closed", "closed the connection"),
    (http(b"[{}]")[:-2], "closed", "closed the connection"),
]


@pytest.mark.parametrize(
    ("reply", "error_class", "message"), FAULTS, ids=[message for _, _, message in FAULTS]
)
async def test_post_turns_an_unusable_answer_into_an_error(
    reply: bytes, error_class: str, message: str
) -> None:
    """Each has its class and message; none has the password, or a secret of a redirect."""
    async with poster_of(answers(reply)) as poster:
        with pytest.raises(JmxError) as caught:
            await poster.post(b"[]")
    assert caught.value.error_class == error_class
    assert message in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "hush" not in str(caught.value)


async def test_post_without_credentials_says_which_are_missing() -> None:
    """A server that requires them leads to the keys of the file."""
    async with (
        serving(answers(http(b"", status="401 Unauthorized"))) as url,
        poster_at(url, credentials=None) as poster,
    ):
        with pytest.raises(ConnectionFailed, match="set username and password_file") as caught:
            await poster.post(b"[]")
    assert caught.value.error_class == "access"


async def test_post_stops_reading_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer beyond the limit is neither read on nor kept."""
    monkeypatch.setattr(jolokia_http, "MAX_REPLY_BYTES", 2**20)
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()
            sent += 65536

    async with poster_of(pour) as poster:
        with pytest.raises(JmxError, match="more than 1 MiB") as caught:
            await poster.post(b"[]")
    assert caught.value.error_class == "protocol"
    assert sent < 64 * 2**20  # the limit, and the buffers of the sockets


async def test_post_that_is_cancelled_closes_the_socket() -> None:
    """A server that dribbles its answer waits no longer than the caller."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[")
        began.set()
        assert await reader.read() == b""
        ended.set()

    async with poster_of(dribble) as poster:
        call = asyncio.create_task(poster.post(b"[]"))
        await began.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await ended.wait()


async def test_post_ends_at_its_timeout() -> None:
    """Silence is an error; a plain server that is met with TLS is silent too."""

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(nothing) as plain:
        for url, tls, message in (
            (plain, None, r"did not answer within 0\.01 s$"),
            (plain.replace("http:", "https:"), Tls(), "does it speak TLS"),
        ):
            async with poster_at(url, tls=tls, timeout_s=0.01) as poster:
                with pytest.raises(ConnectionFailed, match=message) as caught:
                    await poster.post(b"[]")
            assert caught.value.error_class == "timeout"


async def test_post_to_a_server_that_speaks_no_tls() -> None:
    """What answers in plain HTTP is named by what `ssl` found."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(http(b"[]"))
        await writer.drain()

    async with (
        serving(speak) as url,
        poster_at(url.replace("http:", "https:"), tls=Tls()) as poster,
    ):
        with pytest.raises(ConnectionFailed, match="https says that it does") as caught:
            await poster.post(b"[]")
    assert caught.value.error_class == "tls"


@pytest.mark.parametrize(
    ("url", "error_class", "message"),
    [
        ("http://nowhere.invalid:8778/jolokia/", "resolve", "no such host"),
        ("http://127.0.0.1:1/jolokia/", "refused", "connect call failed|connection refused"),
    ],
)
async def test_post_to_a_host_that_cannot_be_reached(
    url: str, error_class: str, message: str
) -> None:
    """A name without an address, and a port where nothing listens."""
    async with poster_at(url) as poster:
        with pytest.raises(ConnectionFailed, match=message) as caught:
            await poster.post(b"[]")
    assert caught.value.error_class == error_class


async def test_post_replaces_a_connection_that_ended_between_two_calls() -> None:
    """Servers close idle connections: such a call is made again, over another connection."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(http(b"[]"))
        await read_request(reader)  # and close

    async with poster_of(serve) as poster:
        for count in (1, 2, 3):
            assert await poster.post(b"[]") == b"[]"
            assert connections == count


async def test_post_tries_once_at_a_server_that_never_answered() -> None:
    """A server that closes at the first request is an error at once."""
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        await read_request(reader)

    async with poster_of(serve) as poster:
        with pytest.raises(ConnectionFailed):
            await poster.post(b"[]")
    assert requests == 1


@pytest.mark.parametrize(
    ("is_local", "credentials", "warning"),
    [
        (False, None, "without TLS and without a password"),
        (False, Credentials("me", PASSWORD), "the password goes over the network"),
        (True, Credentials("me", PASSWORD), None),
    ],
)
async def test_post_warns_once_of_an_unprotected_connection(
    is_local: bool,
    credentials: Credentials | None,
    warning: str | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One warning, with the URL and without the password; none on this machine."""
    monkeypatch.setattr(exposure, "is_loopback", lambda host: is_local)
    async with (
        serving(answers(http(b"[]"), http(b"[]"))) as url,
        poster_at(url, credentials=credentials) as poster,
    ):
        await poster.post(b"[]")
        await poster.post(b"[]")
    assert len(caplog.messages) == (warning is not None)
    for message in caplog.messages:
        assert warning is not None
        assert warning in message
        assert url in message
        assert PASSWORD not in message


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ("https://me:hush@sso/login?token=hush#hush", "https://sso/login"),
        ("/login?token=hush", "/login"),
        ("", "an address it does not name"),
        ("/\x1b[2J", "an address it does not name"),
        ("/" + "x" * 500, "/" + "x" * 199),
    ],
)
def test_shown_keeps_secrets_out_of_a_location(location: str, text: str) -> None:
    """User, query and fragment are left out; an unprintable or empty location is not shown."""
    assert shown(location) == text
